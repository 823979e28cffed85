"""Edges of a batch: which are there, what they weigh, and how texts are put into batches."""

from collections import Counter

import numpy as np
import pytest
import torch

from search_spaces import get_space
from surrogates.inputs import edge_batches
from surrogates.inputs.batches import StatementInterner
from surrogates.inputs.edge_batches import EdgeBatch, in_batches
from surrogates.inputs.edge_rounds import EdgeSums
from surrogates.inputs.statements import StatementGraph, read_all
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
def batch() -> EdgeBatch:
    interner = StatementInterner(StatementTokenizer.train(["Input Relu Add Call"] * 3))
    return interner.collate_edges([SHORT, LONG], interner.intern([SHORT, LONG]))


def edges_of(sums: EdgeSums) -> Counter[tuple[int, int, float]]:
    """Result, row and weight of each edge."""
    ends = [*sums.starts[1:].tolist(), len(sums.rows)]
    return Counter(
        (result, int(sums.rows[edge]), round(float(sums.weights[edge]), 6))
        for result, (start, end) in enumerate(zip(sums.starts.tolist(), ends, strict=True))
        for edge in range(start, end)
    )


def test_every_edge_is_heard(batch: EdgeBatch) -> None:
    third, kinds = round(1 / 3, 6), 4
    assert edges_of(batch.edges.heard) == Counter(
        [
            (1, 0 * kinds, 1.0),  # Relu reads Input
            (0, 1 * kinds + 1, 1.0),
            (3, 2 * kinds, 1.0),  # Call reads Input
            (2, 3 * kinds + 1, 1.0),
            *[(5, 4 * kinds, 1.0)] * 2,  # Add reads Input twice
            *[(4, 5 * kinds + 1, 1.0)] * 2,
            (3, 4 * kinds + 2, third),  # the body of Call, of which Add is returned
            *[(3, 5 * kinds + 2, third)] * 2,
            (4, 3 * kinds + 3, 1.0),
            (5, 3 * kinds + 3, 1.0),
        ]
    )


def test_what_is_told_is_what_is_heard(batch: EdgeBatch) -> None:
    told = edges_of(batch.edges.told)
    assert Counter({(b, a, w): n for (a, b, w), n in told.items()}) == edges_of(batch.edges.heard)
    assert len(batch.edges.told.starts) == 4 * len(batch.statements)


def test_graphs_stand_one_after_the_other(batch: EdgeBatch) -> None:
    assert batch.starts.tolist() == [0, 2]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.statements[0] == batch.statements[2] == batch.statements[4]  # Input


def test_edges_agree_with_dense_relations() -> None:
    rng, texts = np.random.default_rng(0), []
    for name in ("nasbench201", "nds_darts", "ofa_mbv3"):
        space = get_space(name)
        texts += [space.to_text(space.sample(rng)) for _ in range(2)]
    graphs = read_all(texts)
    interner = StatementInterner(StatementTokenizer.train(graphs[0].statements))
    numbers = interner.intern(graphs)
    edges, dense = (
        collate(graphs, numbers) for collate in (interner.collate_edges, interner.collate)
    )
    total = len(edges.statements)
    weights = torch.zeros(total, 4 * total)
    for (listener, message, weight), n in edges_of(edges.edges.heard).items():
        weights[listener, message] += n * weight
    weights = weights.view(total, total, 4)
    for row, (start, length) in enumerate(zip(edges.starts, edges.lengths, strict=True)):
        own = slice(int(start), int(start + length))
        defines, calls = (m[row, :length, :length] for m in (dense.defines, dense.calls))
        bodies = calls / calls.sum(dim=1, keepdim=True).clamp(min=1.0)
        expected = torch.stack([defines, defines.T, bodies, calls.T.clamp(max=1.0)], dim=2)
        assert torch.allclose(weights[own, own], expected, atol=1e-4)
        weights[own, own] = 0.0
    assert not weights.any()


def test_batches_hold_every_row_once_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_batches, "_MAX_BATCH_STATEMENTS", 100)
    lengths = [30, 30, 40, 1, 250, 99, 2, *[0] * 600]
    batches = [batch.tolist() for batch in in_batches(lengths)]
    assert [row for batch in batches for row in batch] == list(range(len(lengths)))
    assert batches[:4] == [[0, 1, 2], [3], [4], [5]]
    assert [len(batch) for batch in batches[4:]] == [512, 89]


def test_no_rows_make_no_batch() -> None:
    assert in_batches([]) == []
