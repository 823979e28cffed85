"""What is kept beside the figures: block scores and scatters."""

from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison.details import (
    N_BLOCKS,
    SCATTER_ROWS,
    BlockScores,
    Scatter,
    block_of_rows,
    read_details,
    scatter_of,
    scores_of_blocks,
)
from nas_rlm.errors import DatasetError
from nas_rlm.evaluation.rank_metrics import kendall_tau
from surrogates import PredictiveDistribution

CELL = ("rlm", "c10_val", 10, 0)


def scatter(seed: int) -> Scatter:
    return Scatter("rlm", "c10_val", 10, seed, (1.0, 2.0), (1.5, 2.5), (1.0, 2.0), (2.0, 3.0))


def test_what_is_written_is_read_and_replaced(tmp_path: Path) -> None:
    details = read_details(tmp_path, "tiny")
    details.add([BlockScores(*CELL, "kendall_tau", (0.5, None))], [scatter(1)], tmp_path)
    details.add([BlockScores(*CELL, "kendall_tau", (0.6, 0.7))], [scatter(0)], tmp_path)
    details.add([], [scatter(3)], tmp_path)  # a later seed does not replace an earlier one
    again = read_details(tmp_path, "tiny")
    assert again == details
    assert again.block_scores("kendall_tau") == {CELL: (0.6, 0.7)}
    assert again.block_scores("spearman") == {}
    assert again.scatters == [scatter(0)]
    assert (tmp_path / "details.json").read_text().count("\n") < 10


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("[", "damaged"),
        ('{"protocol": "tiny", "blocks": [{}], "scatters": []}', "damaged"),
        ('{"protocol": "tiny", "blocks": [], "scatters": [1]}', "damaged"),
        ('{"protocol": "other", "blocks": [], "scatters": []}', "'tiny'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, rule: str) -> None:
    (tmp_path / "details.json").write_text(content)
    with pytest.raises(DatasetError, match=rule):
        read_details(tmp_path, "tiny")


def test_blocks_are_scored_on_their_own_rows(rng: np.random.Generator) -> None:
    true = rng.normal(size=1000)
    predicted = true + rng.normal(size=1000)
    blocks = block_of_rows("nasbench201", 1000)
    unseen = rng.random(1000) < 0.5
    found = PredictiveDistribution.point(predicted)
    for name, counted in (("kendall_tau", np.ones(1000, bool)), ("kendall_tau_unseen", unseen)):
        scores = scores_of_blocks(name, found, true, unseen, blocks)
        assert len(scores) == N_BLOCKS
        for block in (0, 7):
            rows = counted & (blocks == block)
            assert scores[block] == pytest.approx(
                kendall_tau(predicted[rows], true[rows]), abs=1e-5
            )


def test_a_block_of_few_or_equal_rows_has_no_score() -> None:
    true = np.array([1.0, 2.0, 3.0, 4.0, *[5.0] * 6])
    blocks = np.array([0] * 4 + [1] * 6)
    found = PredictiveDistribution.point(np.arange(10.0))
    scores = scores_of_blocks("kendall_tau", found, true, np.ones(10, bool), blocks)
    assert scores == (None,) * N_BLOCKS


def test_blocks_do_not_follow_the_order_of_rows() -> None:
    blocks = block_of_rows("nasbench201", 10_000)
    assert set(blocks.tolist()) == set(range(N_BLOCKS))
    assert abs(np.corrcoef(blocks, np.arange(10_000) % N_BLOCKS)[0, 1]) < 0.05
    np.testing.assert_array_equal(blocks, block_of_rows("nasbench201", 10_000))


def test_a_scatter_holds_the_same_rows_for_every_method(rng: np.random.Generator) -> None:
    true = rng.normal(size=1000) * 100
    spread = PredictiveDistribution(
        true[:, None] + np.array([-2.0, 0.0, 2.0]), np.full((1000, 3), 1 / 3)
    )
    first = scatter_of(CELL, spread, true)
    second = scatter_of(("gcn", *CELL[1:]), PredictiveDistribution.point(true), true)
    assert first.true == second.true
    assert len(first.true) == SCATTER_ROWS
    for value, low, high in zip(first.true, first.low, first.high, strict=True):
        assert low == pytest.approx(value - 2, abs=0.02)
        assert high == pytest.approx(value + 2, abs=0.02)
