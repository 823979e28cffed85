"""Columns: who is best, who cannot be told from it."""

import pytest

from nas_rlm.comparison import ComparisonProtocol, Details, Results, summarize
from nas_rlm.comparison.details import BlockScores
from nas_rlm.comparison.results import Row


def rows(method: str, values: list[float], score: str = "kendall_tau") -> list[Row]:
    return [
        Row(method, "c10_val", 10, seed, score, value, 3.0, 1.0)
        for seed, value in enumerate(values)
    ]


def results(*parts: list[Row]) -> Results:
    return Results("tiny", [row for part in parts for row in part])


def test_seeds_alone_decide_where_there_are_no_blocks(protocol: ComparisonProtocol) -> None:
    found = results(
        rows("params", [0.80, 0.82, 0.81, 0.79, 0.83]),
        rows("constant", [0.79, 0.80, 0.80, 0.78, 0.81]),  # below in every seed
        rows("memorizer", [0.70, 0.90, 0.75, 0.85, 0.80]),
    )
    (column,) = summarize(protocol, found, Details("tiny"), "kendall_tau")
    best, clear, noisy = column.entries
    assert best.is_best
    assert best.advantage is None
    assert not clear.is_tied
    assert clear.advantage is not None
    assert clear.advantage.n_blocks == 1
    assert noisy.is_tied
    assert not noisy.is_best


def test_blocks_are_used_where_every_common_seed_has_them(protocol: ComparisonProtocol) -> None:
    found = results(rows("params", [0.8] * 3), rows("constant", [0.7] * 3))
    blocks = [
        BlockScores(row.method, "c10_val", 10, row.seed, "kendall_tau", (row.value, 0.1, None))
        for row in found.rows
    ]
    for kept, expected in ((blocks, 2), (blocks[1:], 1)):
        (column,) = summarize(protocol, found, Details("tiny", kept), "kendall_tau")
        gap = column.entries[1].advantage
        assert gap is not None
        assert gap.n_blocks == expected


def test_blocks_without_scores_fall_back_to_seeds(protocol: ComparisonProtocol) -> None:
    found = results(rows("params", [0.8] * 3), rows("constant", [0.7] * 3))
    blocks = [
        BlockScores(row.method, "c10_val", 10, row.seed, "kendall_tau", (None,))
        for row in found.rows
    ]
    (column,) = summarize(protocol, found, Details("tiny", blocks), "kendall_tau")
    gap = column.entries[1].advantage
    assert gap is not None
    assert gap.interval.value == pytest.approx(0.1)


def test_smaller_is_better_for_crps(protocol: ComparisonProtocol) -> None:
    found = results(rows("params", [0.8, 0.9], "crps"), rows("constant", [0.2, 0.3], "crps"))
    (column,) = summarize(protocol, found, Details("tiny"), "crps")
    assert [entry.is_best for entry in column.entries] == [False, True]
    assert [entry.is_tied for entry in column.entries] == [False, True]


def test_a_method_that_predicts_nothing_is_never_best(protocol: ComparisonProtocol) -> None:
    found = results(rows("constant", [0.0, 0.0]), rows("memorizer", [0.0, -0.1]))
    (column,) = summarize(protocol, found, Details("tiny"), "kendall_tau")
    assert not any(entry.is_best or entry.is_tied for entry in column.entries)
    assert column.entry("params") is None
