"""Batches: what is padded, what is not, and which order rows come in."""

import numpy as np
import pytest
import torch

from surrogates.inputs.batches import (
    MAX_DENSE_STATEMENTS,
    GraphBatch,
    StatementInterner,
    by_length,
)
from surrogates.inputs.statements import StatementGraph
from surrogates.inputs.text_tokens import StatementTokenizer


def graph(
    statements: tuple[str, ...],
    defines: list[tuple[int, int]],
    calls: list[tuple[int, int]] | None = None,
    returns: list[tuple[int, int]] | None = None,
) -> StatementGraph:
    def pairs(rows: list[tuple[int, int]] | None) -> np.ndarray:
        return np.array(rows or [], dtype=np.int32).reshape(-1, 2)

    return StatementGraph(statements, pairs(defines), pairs(calls), pairs(returns))


SHORT = graph(("Input", "Relu"), [(0, 1)])
LONG = graph(
    ("Input", "Call", "Input", "Add"), [(0, 1), (2, 3), (2, 3)], [(1, 2), (1, 3)], [(1, 3)]
)


@pytest.fixture
def interner() -> StatementInterner:
    return StatementInterner(StatementTokenizer.train(["Input Relu Add Call"] * 3))


def collate(interner: StatementInterner, graphs: list[StatementGraph]) -> GraphBatch:
    return interner.collate(graphs, interner.intern(graphs))


def test_equal_statements_share_a_number(interner: StatementInterner) -> None:
    first, second = interner.intern([SHORT, LONG])
    assert first.tolist() == [0, 1]
    assert second.tolist() == [0, 2, 0, 3]
    assert interner.intern([SHORT])[0].tolist() == [0, 1]


def test_relations_are_read_as_row_from_column(interner: StatementInterner) -> None:
    batch = collate(interner, [LONG])
    defines = torch.zeros(4, 4)
    defines[1, 0], defines[3, 2] = 1.0, 2.0
    calls = torch.zeros(4, 4)
    calls[1, 2], calls[1, 3] = 1.0, 2.0
    assert torch.equal(batch.defines[0], defines)
    assert torch.equal(batch.calls[0], calls)


def test_padding_is_marked_and_unrelated(interner: StatementInterner) -> None:
    batch = collate(interner, [SHORT, LONG])
    assert batch.padding.tolist() == [[False, False, True, True], [False] * 4]
    assert batch.defines[0].sum() == 1.0
    assert batch.defines[0, 1, 0] == 1.0
    assert batch.calls[0].sum() == 0.0


def test_tokens_are_found_again_through_the_statements(interner: StatementInterner) -> None:
    tokenizer = StatementTokenizer.train(["Input Relu Add Call"] * 3)
    batch = collate(interner, [SHORT, LONG])
    assert len(batch.tokens) == 4  # Input, Relu, Call, Add
    for row, item in enumerate((SHORT, LONG)):
        for place, statement in enumerate(item.statements):
            expected = tokenizer.encode([statement])[0]
            number = batch.statements[row, place]
            assert batch.tokens[number, : len(expected)].tolist() == [t.id for t in expected]
            assert batch.places[number, : len(expected)].tolist() == [t.place for t in expected]
            assert not batch.tokens[number, len(expected) :].any()


def test_a_batch_holds_only_its_own_statements(interner: StatementInterner) -> None:
    numbers = interner.intern([SHORT, LONG])
    batch = interner.collate([SHORT], numbers[:1])
    assert len(batch.tokens) == 2
    assert batch.statements.shape == (1, 2)


def test_batches_hold_every_row_once_shortest_first() -> None:
    lengths = [9, 3, 9, 4, 3, 8, 1] * 100
    batches = by_length(lengths)
    rows = [int(row) for batch in batches for row in batch]
    assert sorted(rows) == list(range(700))
    assert [lengths[row] for row in rows] == sorted(lengths)
    assert [len(batch) for batch in batches] == [256, 256, 188]


def test_long_graphs_come_in_small_batches() -> None:
    lengths = [10] * 300 + [900] * 3
    batches = by_length(lengths)
    assert sorted(np.concatenate(batches).tolist()) == list(range(303))
    cost = [length * min(length, MAX_DENSE_STATEMENTS) for length in lengths]
    assert all(len(b) == 1 or len(b) * max(cost[k] for k in b) <= 10**6 for b in batches)
    assert len(batches) == 3


def test_no_rows_make_no_batch() -> None:
    assert by_length([]) == []
