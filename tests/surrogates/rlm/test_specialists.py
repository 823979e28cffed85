"""Quantities that share rows have networks that share no weights, behind one interface."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.rlm.heads.base import HeadNetwork
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.specialists import Specialists
from tests.surrogates.conftest import conv_chain

QUICK: dict[str, Any] = {
    "width": 8, "n_layers": 1, "n_steps": 6, "n_members": 2, "pools_process": False, "dropout": 0.1,
}  # fmt: skip
STILL = {"finetune_steps": 1, "finetune_learning_rate": 0.0, "average_decay": 0.0}
TEXTS = [conv_chain(n, kernel) for n in (1, 2, 3, 4, 5) for kernel in (1, 3, 5)] * 4
A, B, C = "accuracy_percent/x", "latency_ms/y", "latency_ms/z"
LABELS = [
    {A: 80.0 + row % 7, **({B: 1.0 + row % 3} if row % 3 else {}), C: 2.0 + row % 5}
    for row in range(len(TEXTS))
]
"""Enough rows for two cycles: some are held out of the first one."""
SOME = TEXTS[:15]


def networks(rlm: RlmRegressor) -> list[HeadNetwork]:
    return [member.network for member in rlm._fitted().members]


def assert_equal(ours: HeadNetwork, theirs: HeadNetwork) -> None:
    one, other = ours.state_dict(), theirs.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def fitted() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit(TEXTS, LABELS, seed=1)


def test_every_quantity_has_a_network(fitted: RlmRegressor) -> None:
    for network in networks(fitted):
        assert [part.learned for part in network.parts] == [[0], [1, 2]]
        assert [part.encoder.summaries for part in network.parts] == [(0, 0, 0), (0, 0, 1)]


@pytest.mark.parametrize(("part", "unmoved", "moved"), [(0, (B, C), (A,)), (1, (A,), (B, C))])
def test_a_metric_is_predicted_by_its_network_alone(
    fitted: RlmRegressor, tmp_path: Path, part: int, unmoved: tuple[str], moved: tuple[str]
) -> None:
    fitted.save(tmp_path / "model")
    changed = RlmRegressor.load(tmp_path / "model")
    before = fitted.predict(SOME)
    for network in networks(changed):
        with torch.no_grad():
            for weight in network.parts[part].parameters():
                weight.add_(0.3 * torch.randn_like(weight))
    after = changed.predict(SOME)
    for name in unmoved:
        assert np.array_equal(after[name].probabilities, before[name].probabilities)
    for name in moved:
        assert not np.allclose(after[name].probabilities, before[name].probabilities, atol=1e-3)


def test_a_network_learns_from_the_labels_of_its_metrics() -> None:
    """Rows without them are never drawn for it, and what it is not shown changes nothing."""
    fits = []
    for factor in (1.0, -1.0):
        labels = [{**row, A: factor * row[A]} for row in LABELS]
        labels += [{A: 5.0 * factor}] * 5
        texts = [*TEXTS, *SOME[:5]]
        fits.append(RlmRegressor(**QUICK, context_rate=0.0).fit(texts, labels, seed=1))
    for ours, theirs in zip(*map(networks, fits), strict=True):
        assert_equal(ours.parts[1], theirs.parts[1])
        name = "decoder.metrics.weight"
        accuracies = [network.parts[0].state_dict()[name] for network in (ours, theirs)]
        assert not torch.equal(*accuracies)


def test_a_single_label_is_learned_though_a_member_leaves_its_row_out() -> None:
    for row in range(0, 60, 5):  # no member leaves out more than a third
        labels = [{A: 80.0 + k % 7, **({B: 1.5} if k == row else {})} for k in range(60)]
        fitted = RlmRegressor(**{**QUICK, "n_members": 3, "n_steps": 2}).fit(TEXTS, labels)
        assert fitted.predict(SOME)[B].mean == pytest.approx(1.5, abs=0.01)
        assert len(fitted._fitted().members[0].calibration) == 2


def test_known_numbers_of_one_quantity_condition_another(fitted: RlmRegressor) -> None:
    low, high = (
        fitted.predict(SOME, [B], condition_on={A: np.full(len(SOME), value)})[B].probabilities
        for value in (80.0, 86.0)
    )
    assert not np.allclose(low, high, atol=1e-6)
    chained = fitted.predict(SOME, decoding="chain")
    assert not np.array_equal(chained[B].probabilities, fitted.predict(SOME)[B].probabilities)


def test_samples_are_of_the_exact_distribution(fitted: RlmRegressor) -> None:
    drawn = fitted.sample(SOME[:2], 4000, seed=0, metrics=[C])[C]
    exact = fitted.predict(SOME[:2], [C])[C]
    assert drawn.mean(axis=0) == pytest.approx(exact.mean, abs=4 * drawn.std() / 4000**0.5)


def test_a_stored_one_predicts_the_same(fitted: RlmRegressor, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    restored = RlmRegressor.load(tmp_path / "model")
    for ours, theirs in zip(networks(fitted), networks(restored), strict=True):
        assert isinstance(theirs, Specialists)
        assert_equal(ours, theirs)
    before, after = fitted.predict(SOME), restored.predict(SOME)
    assert all(np.array_equal(before[m].probabilities, after[m].probabilities) for m in before)


def test_an_older_one_has_one_network(tmp_path: Path) -> None:
    alone = RlmRegressor(**QUICK).fit(TEXTS, [{B: row[C]} for row in LABELS])
    alone.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model/manifest.json").read_text())
    del manifest["state"]["specialties"]
    (tmp_path / "model/manifest.json").write_text(json.dumps(manifest))
    restored = RlmRegressor.load(tmp_path / "model")
    assert np.array_equal(restored.predict(SOME)[B].mean, alone.predict(SOME)[B].mean)


@pytest.mark.parametrize("step", [3, 5, 6, 7, 12, 13, 24])
def test_a_broken_training_goes_on_to_the_same_weights(
    fitted: RlmRegressor, tmp_path: Path, step: int
) -> None:
    steps: list[int] = []

    def stop(done: int, total: int, _: object) -> None:
        assert total == 24
        if done == step:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        RlmRegressor(**QUICK).fit(
            TEXTS, LABELS, seed=1, progress=stop, keep=tmp_path, keep_seconds=0
        )
    resumed = RlmRegressor(**QUICK).fit(
        TEXTS, LABELS, seed=1, progress=lambda done, *_: steps.append(done), keep=tmp_path
    )
    assert steps == list(range(step, 25))
    for ours, theirs in zip(networks(resumed), networks(fitted), strict=True):
        assert_equal(ours, theirs)
    assert [m.calibration for m in resumed._fitted().members] == [
        m.calibration for m in fitted._fitted().members
    ]


@pytest.mark.parametrize(
    ("metrics", "like", "starts"),
    [
        (["accuracy_percent/new"], None, [0]),
        (["latency_ms/new"], None, [1]),
        (["latency_ms/new"], {"latency_ms/new": A}, [0]),
        (["latency_ms/new", "accuracy_percent/new"], None, [1, 0]),
        (["energy_mj/new"], {"energy_mj/new": C}, [1]),
        ([A, "energy_mj/new"], None, [0, 1]),  # two of three metrics are latencies
    ],
)
def test_finetuning_starts_from_the_network_of_the_quantity(
    metrics: list[str], like: dict[str, str] | None, starts: list[int]
) -> None:
    base = RlmRegressor(**QUICK, **STILL).fit(TEXTS, LABELS, seed=1)
    rows = [
        {name: 1.0 + (row * (2 + k)) % 5 for k, name in enumerate(metrics)} for row in range(15)
    ]
    tuned = base.finetune(SOME, rows, like=like)
    for ours, theirs in zip(networks(tuned), networks(base), strict=True):
        for part, start in zip(ours.parts, starts, strict=True):
            for name in ("encoder.layers.norm.weight", "decoder.numbers.weight"):
                assert torch.equal(part.state_dict()[name], theirs.parts[start].state_dict()[name])
    tuned.predict(SOME)


def test_only_what_is_of_metrics_is_trained_by_heads_alone() -> None:
    base = RlmRegressor(**QUICK, finetune_steps=3).fit(TEXTS, LABELS, seed=1)
    tuned = base.finetune(TEXTS, LABELS, heads_only=True)
    for ours, theirs in zip(networks(tuned), networks(base), strict=True):
        for part, before in zip(ours.parts, theirs.parts, strict=True):
            moved = {
                name
                for name, weight in part.state_dict().items()
                if not torch.equal(weight, before.state_dict()[name])
            }
            assert moved == {"decoder.metrics.weight"}


def test_one_quantity_has_one_network() -> None:
    labels = [{B: row[C], C: row[A]} for row in LABELS]
    alone = RlmRegressor(**QUICK).fit(TEXTS, labels)
    assert not any(isinstance(network, Specialists) for network in networks(alone))
