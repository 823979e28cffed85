"""Rows of cells: disjoint, nested, without development rows; networks counted once."""

import dataclasses

import numpy as np
import pytest

from nas_rlm.comparison import ComparisonProtocol
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.comparison.splits import cell_rows, is_unseen
from nas_rlm.errors import DatasetError
from tests.nas_rlm.comparison.tiny import LATENCIES


def test_parts_share_no_row(protocol: ComparisonProtocol, rows: SpaceRows) -> None:
    device = dataclasses.replace(
        protocol, sources={"pixel3": LATENCIES[0], "gold": LATENCIES[2]}, n_source=20
    )
    for has_own in (False, True):
        chosen = dataclasses.replace(device, has_own_source_rows=has_own)
        cell = cell_rows(chosen, rows, 10, 0)
        first, second = cell.sources.values()
        assert np.array_equal(first, second) != has_own
        known = np.union1d(first, second)
        assert len(first) == len(second) == 20
        parts = np.concatenate([cell.train, cell.test, known])
        assert len(parts) == len(set(parts.tolist()))
        assert sorted(parts.tolist()) == rows.usable(chosen.metrics).tolist()
        assert not rows.is_development[parts].any()


def test_a_larger_training_part_holds_the_smaller(
    protocol: ComparisonProtocol, rows: SpaceRows
) -> None:
    small, large = (cell_rows(protocol, rows, n, 0).train for n in (10, 20))
    assert np.array_equal(small, large[:10])
    other = cell_rows(protocol, rows, 10, 1).train
    assert not np.array_equal(small, other)


def test_a_row_without_a_label_is_in_no_part(
    protocol: ComparisonProtocol, rows: SpaceRows
) -> None:
    rows.columns[protocol.targets["c10_val"]][[0, 7]] = np.nan
    cell = cell_rows(protocol, rows, 10, 0)
    assert not {0, 7} & {*cell.train.tolist(), *cell.test.tolist()}


def test_test_rows_are_limited_and_needed(protocol: ComparisonProtocol, rows: SpaceRows) -> None:
    few = dataclasses.replace(protocol, n_test=7)
    assert len(cell_rows(few, rows, 10, 0).test) == 7
    with pytest.raises(DatasetError, match="120 rows leave 1 beside 119"):
        cell_rows(protocol, rows, 119, 0)


def test_networks_without_a_training_row_are_needed(rng: np.random.Generator) -> None:
    texts = [f"network {row % 6}" for row in range(60)]  # both training rows are one of them
    columns = {"accuracy_percent/mine": rng.normal(size=60)}
    repeated = SpaceRows.of_texts("mine", texts, columns, [{}] * 60)
    protocol = ComparisonProtocol(
        name="mine",
        space="mine",
        targets={"mine": "accuracy_percent/mine"},
        sizes=(2, 40),
        methods=("constant",),
    )
    assert is_unseen(repeated, cell_rows(protocol, repeated, 2, 0)).sum() == 5
    with pytest.raises(DatasetError, match=r"40 training rows leave 0\. Train on fewer"):
        cell_rows(protocol, repeated, 40, 0)
    seen = dataclasses.replace(protocol, scores=("kendall_tau",), tables=("kendall_tau",))
    assert len(cell_rows(seen, repeated, 40, 0).test) == 20


def test_unseen_is_each_network_once(protocol: ComparisonProtocol, rows: SpaceRows) -> None:
    cell = cell_rows(protocol, rows, 20, 0)
    unseen = is_unseen(rows, cell)
    tested = rows.digests(cell.test)
    kept = tested[unseen].tolist()
    assert len(kept) == len(set(kept))
    assert not set(kept) & set(rows.digests(cell.train).tolist())
    assert set(kept) | set(rows.digests(cell.train).tolist()) >= set(tested.tolist())
    assert 0 < len(kept) < len(tested)
