"""The head that writes digits: what the decoder is shown of other metrics while it learns one."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogates.errors import LabelError
from surrogates.rlm.encoders.base import Batch
from surrogates.rlm.heads.base import HeadNetwork
from surrogates.rlm.heads.digits import DigitsHead
from surrogates.rlm.model import Context, TrieTensors
from surrogates.rlm.settings import RlmSettings

N_ROWS, N_METRICS = 400, 6


class Recorder:
    """Stands for a network and its memory of some rows, and keeps what it is shown."""

    def __init__(self, n_rows: int, shown: dict[int, Tensor], learned: Sequence[int]) -> None:
        self.n_rows, self.shown, self.learned = n_rows, shown, learned

    def learns(self, metric: int) -> bool:
        return metric in self.learned

    def encode(self, _: Batch, metrics: np.ndarray) -> "Recorder":
        assert set(metrics.tolist()) <= set(self.learned)
        return self

    def rows(self, index: Tensor) -> "Recorder":
        return Recorder(len(index), self.shown, self.learned)

    def leaf_log_probabilities(
        self, memory: "Recorder", metric: int, trie: TrieTensors, context: Context | None
    ) -> Tensor:
        if context is not None:
            self.shown[metric] = context.known
        return torch.log_softmax(torch.zeros(memory.n_rows, len(trie.leaf_values)), dim=1)


def shown(
    raw: np.ndarray,
    rate: float,
    metrics_per_step: int | None = None,
    learned: Sequence[int] = range(N_METRICS),
) -> dict[int, Tensor]:
    settings = RlmSettings(context_rate=rate, metrics_per_step=metrics_per_step)
    head = DigitsHead.fit(raw, settings)
    recorder = Recorder(N_ROWS, {}, learned)
    head.loss(
        cast("HeadNetwork", recorder),
        cast("Batch", None),
        head.rows(raw),
        np.arange(N_ROWS),
        np.random.default_rng(0),
    )
    return recorder.shown


def test_half_of_the_rows_are_shown_nothing_however_many_metrics_there_are() -> None:
    raw = np.random.default_rng(1).normal(size=(N_ROWS, N_METRICS))
    found = shown(raw, 0.5)
    assert len(found) == N_METRICS
    for known in found.values():
        assert known.shape == (N_ROWS, N_METRICS - 1)
        counts = known.sum(dim=1).numpy()
        assert 0.5 <= (counts == 0).mean() <= 0.68  # a share of the others may be none of them
        assert set(counts.tolist()) == set(range(N_METRICS))


def test_a_step_that_learns_two_metrics_shows_all_others() -> None:
    raw = np.random.default_rng(1).normal(size=(N_ROWS, N_METRICS))
    found = shown(raw, 0.5, metrics_per_step=2)
    assert len(found) == 2
    assert all(known.any(dim=0).tolist() == [True] * (N_METRICS - 1) for known in found.values())


def test_a_network_of_some_metrics_learns_these_and_is_shown_all() -> None:
    raw = np.random.default_rng(1).normal(size=(N_ROWS, N_METRICS))
    found = shown(raw, 0.5, learned=[1, 4])
    assert found.keys() == {1, 4}
    assert all(known.any(dim=0).tolist() == [True] * (N_METRICS - 1) for known in found.values())


def test_a_metric_that_is_not_known_is_never_shown() -> None:
    raw = np.random.default_rng(1).normal(size=(N_ROWS, N_METRICS))
    raw[: N_ROWS // 2, 0] = np.nan
    found = shown(raw, 1.0)
    assert not found[1][: N_ROWS // 2, 0].any()
    assert found[1][N_ROWS // 2 :, 0].any()


def test_without_a_rate_nothing_is_shown() -> None:
    assert shown(np.random.default_rng(1).normal(size=(N_ROWS, 2)), 0.0) == {}


@pytest.mark.parametrize("n_digits", [1, 2, 3])
def test_known_values_are_spelled_by_numerals_of_the_metric(n_digits: int) -> None:
    raw = np.linspace(1.0, 12.0, 45)[:, None]
    head = DigitsHead.fit(raw, RlmSettings(n_digits=n_digits))
    assert head.spell(0, raw[:, 0]).tolist() == head.rows(raw).tokens[:, 0].tolist()
    legal = head.trie(0)
    far = head.spell(0, np.array([-1e6, 40.0, 1e6]))
    ends = [legal.leaf_tokens[k].tolist() for k in (0, -1, -1)]
    assert far.tolist() == ends
    decoded = [head.grammar.decode(tokens) for tokens in far.tolist()]
    assert decoded == pytest.approx(legal.leaf_values[[0, -1, -1]].tolist())


def test_labels_within_reach_have_numerals_and_those_beyond_have_none() -> None:
    head = DigitsHead.fit(np.linspace(1.0, 12.0, 45)[:, None], RlmSettings())
    low, high = head._reach(0)
    assert low < 1.0
    assert high > 12.0
    ends = head.rows(np.array([[low], [high]])).tokens[:, 0].tolist()
    assert [head.grammar.decode(tokens) for tokens in ends] == [-99.0, 99.0]
    head.check_reach(np.array([[low], [high], [np.nan]]), ["a"])
    beyond = np.array([[high + (high - low) / 50]])
    with pytest.raises(LabelError):
        head.rows(beyond)
    with pytest.raises(LabelError, match="of 'a' must lie in"):
        head.check_reach(beyond, ["a"])
