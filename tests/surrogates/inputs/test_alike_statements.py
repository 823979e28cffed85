"""Statements that hear the same are found, and the rounds among them give what all rounds give."""

from collections import Counter

import numpy as np
import pytest
import torch

from search_spaces import get_space
from surrogates.inputs.alike_statements import AlikeStatements
from surrogates.inputs.batches import StatementInterner
from surrogates.inputs.edge_batches import EdgeBatch
from surrogates.inputs.edge_rounds import EdgeRound
from surrogates.inputs.statements import read_all
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.dataflow_ablations import _ApartEncoder

N_ROUNDS = 3


@pytest.fixture(scope="module", params=["nasbench201", "nds_darts", "ofa_mbv3"])
def batch(request: pytest.FixtureRequest) -> EdgeBatch:
    space, rng = get_space(request.param), np.random.default_rng(0)
    graphs = read_all([space.to_text(space.sample(rng)) for _ in range(6)])
    interner = StatementInterner(StatementTokenizer.train(graphs[0].statements))
    return interner.collate_edges(graphs, interner.intern(graphs))


def refined(colours: list[int], edges: EdgeRound) -> list[int]:
    """What each statement was, and how often it hears which message of whom."""
    heard: list[Counter[tuple[int, int, float]]] = [Counter() for _ in colours]
    lists = (part.tolist() for part in (edges.listeners, edges.messages, edges.weights))
    for listener, message, weight in zip(*lists, strict=True):
        heard[listener][colours[message // 4], message % 4, weight] += 1
    found = [(own, frozenset(heard[k].items())) for k, own in enumerate(colours)]
    numbers = {colour: number for number, colour in enumerate(dict.fromkeys(found))}
    return [numbers[colour] for colour in found]


def test_alike_are_those_with_equal_neighbourhoods(batch: EdgeBatch) -> None:
    expected = batch.statements.tolist()
    for n_rounds in range(N_ROUNDS + 1):
        rounds, rows = batch.alike.rounds(n_rounds)
        pairs = set(zip(rows.tolist(), expected, strict=True))
        assert len(pairs) == len(set(rows.tolist())) == len(set(expected))
        assert len(rounds) == n_rounds
        expected = refined(expected, batch.edges)
    assert len(set(rows.tolist())) < len(rows)


def test_rounds_among_those_that_differ_give_the_same(batch: EdgeBatch) -> None:
    torch.manual_seed(0)
    alike, apart = (kind(16, N_ROUNDS, 0.0) for kind in (DataflowEncoder, _ApartEncoder))
    for name, weight in alike.named_parameters():
        if ".update." in name:  # layers start as identities
            torch.nn.init.normal_(weight, std=0.3)
    apart.load_state_dict(alike.state_dict())
    alike.eval()
    vectors = torch.randn(len(batch.tokens), 16, dtype=torch.float32)
    inputs = [vectors.clone().requires_grad_() for _ in range(2)]
    found = alike(inputs[0], batch), apart(inputs[1][batch.statements], batch)
    assert torch.allclose(*found, atol=1e-5)
    assert torch.equal(alike.train()(vectors, batch), found[1])  # in training all are computed
    for summaries in found:
        summaries.square().sum().backward()
    pairs = [(inputs[0], inputs[1]), *zip(alike.parameters(), apart.parameters(), strict=True)]
    for one, other in pairs:
        assert one.grad.any()
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-4)


def test_order_kind_and_weight_of_messages() -> None:
    """Five that hear statements 0 and 1, which are alike: one in another order, one more of 0, one
    along another kind, one by another weight."""
    messages = [[0, 4], [4, 0], [0, 4, 0], [1, 4], [0, 4], [0]]
    weights = [[1.0] * 2, [1.0] * 2, [1.0] * 3, [1.0] * 2, [0.5, 1.0], [1.0]]
    edges = EdgeRound(
        np.repeat(np.arange(6), [len(own) for own in messages]),
        np.concatenate(messages),
        np.concatenate(weights).astype(np.float32),
        n_before=6,
        n_after=6,
    )
    (only,), found = AlikeStatements(torch.zeros(6, dtype=torch.long), edges).rounds(1)
    colours = found.tolist()
    assert colours[0] == colours[1]
    assert len(set(colours)) == only.n_after == 5
    assert only.n_before == 1
    assert only.own.tolist() == [0] * 5
    assert only.heard.rows.max() == 1  # messages of one statement


def test_a_statement_alone_hears_nothing() -> None:
    none = np.zeros(0, np.int64)
    edges = EdgeRound(none, none, none.astype(np.float32), n_before=3, n_after=3)
    rounds, rows = AlikeStatements(torch.tensor([1, 0, 1]), edges).rounds(2)
    assert rows[0] == rows[2] != rows[1]
    assert [len(edges.heard.rows) for edges in rounds] == [0, 0]
