"""Batches: what is padded, what is not, and which order rows come in."""

import pytest
import torch

from surrogates.inputs.batches import GraphBatch, StatementInterner
from surrogates.inputs.statements import StatementGraph
from surrogates.inputs.text_tokens import StatementTokenizer
from tests.surrogates.inputs.test_edge_batches import LONG, SHORT


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
