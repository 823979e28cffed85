"""Metrics that share rows read summaries of their own; those that do not share one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.rlm.heads.base import HeadNetwork
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain

QUICK: dict[str, Any] = {"width": 8, "n_layers": 1, "n_steps": 6, "pools_process": False}
TEXTS = [conv_chain(n, kernel) for n in (1, 2, 3) for kernel in (1, 3)]
A, B, ALONE = "latency_ms/x", "latency_ms/y", "latency_ms/z"
SHARED = [{A: 80.0 + row % 5, B: 1.0 + row % 3} for row in range(6)]
APART = [{A: 80.0 + row} if row % 2 else {ALONE: 70.0 + row} for row in range(6)]
SUMMARY, OF_COUNTS = "encoder.layers.summary.2.weight", "encoder.counts.2.weight"


def networks(rlm: RlmRegressor) -> list[HeadNetwork]:
    return [member.network for member in rlm._fitted().members]


@pytest.fixture(scope="module")
def fitted() -> RlmRegressor:
    return RlmRegressor(**QUICK, n_members=2).fit(TEXTS, SHARED, seed=1)


def test_a_metric_reads_its_own_summary_alone(fitted: RlmRegressor, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    changed = RlmRegressor.load(tmp_path)
    before = fitted.predict(TEXTS)
    with torch.no_grad():
        for network in networks(changed):
            weights = network.state_dict()
            assert weights[SUMMARY].shape == (2, 8, 16)
            weights[SUMMARY][1] += 1.0
    after = changed.predict(TEXTS)
    assert np.array_equal(after[A].probabilities, before[A].probabilities)
    assert not np.allclose(after[B].probabilities, before[B].probabilities, atol=1e-3)


def test_every_summary_is_trained() -> None:
    short, long = (
        RlmRegressor(**{**QUICK, "n_steps": steps}, n_members=2).fit(TEXTS, SHARED, seed=1)
        for steps in (1, 2)
    )
    for first, second in zip(networks(short), networks(long), strict=True):
        moved = first.state_dict()[SUMMARY] != second.state_dict()[SUMMARY]
        assert moved.flatten(1).any(dim=1).tolist() == [True, True]


def test_metrics_without_common_rows_share_a_summary() -> None:
    apart = RlmRegressor(**QUICK, n_members=2).fit(TEXTS, APART)
    assert [network.encoder.summaries for network in networks(apart)] == [(0, 0)] * 2
    assert networks(apart)[0].state_dict()[SUMMARY].shape == (1, 8, 16)


def test_a_new_metric_starts_from_the_summaries_of_its_like() -> None:
    new = [{"latency_ms/new": 1.0 + row} for row in range(6)]
    frozen = {"finetune_steps": 1, "finetune_learning_rate": 0.0, "average_decay": 0.0}
    base = RlmRegressor(**QUICK, **frozen, n_members=2).fit(TEXTS, SHARED, seed=1)
    for first, second in zip(
        networks(base),
        networks(base.finetune(TEXTS, new, like={"latency_ms/new": B})),
        strict=True,
    ):
        before, after = first.state_dict(), second.state_dict()
        assert torch.equal(after[SUMMARY], before[SUMMARY][1:])
    network = networks(base)[1]
    mean = networks(base.finetune(TEXTS, [{ALONE: 1.0 + row} for row in range(6)]))[1]
    for name in (SUMMARY, OF_COUNTS):
        assert name in network.state_dict()
        expected = network.state_dict()[name].mean(dim=0, keepdim=True)
        torch.testing.assert_close(mean.state_dict()[name], expected)


def test_metrics_that_share_a_summary_start_from_the_mean_of_all(fitted: RlmRegressor) -> None:
    apart = RlmRegressor(**QUICK, n_members=2).fit(TEXTS, APART)
    network, other = networks(apart)[1], networks(fitted)[1]
    network.start_from(other, [[0], [0, 1]])
    for name in (SUMMARY, OF_COUNTS):
        weights = other.state_dict()[name]
        expected = (2 * weights[0] + weights[1]) / 3
        torch.testing.assert_close(network.state_dict()[name][0], expected)
