"""The dataflow encoder: sums by hand, and what must not change its answer."""

import pytest
import torch
from torch import Tensor

from surrogates.inputs.edge_batches import EdgeBatch, collate_edges
from surrogates.rlm.encoders.dataflow import DataflowEncoder, EdgeConvolution, _Hear
from tests.surrogates.inputs.test_edge_batches import graph

WIDTH = 16
# 0 -> 1 -> 3 and 0 -> 2 -> 3 (twice); 1 calls the body {4, 5}, 5 returns; 4 -> 5
DEFINES = [(0, 1), (0, 2), (1, 3), (2, 3), (2, 3), (4, 5)]
CALLS = [(1, 4), (1, 5)]
RETURNS = [(1, 5)]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def batch_of(*edges: list[list[tuple[int, int]]]) -> EdgeBatch:
    """Graphs of six statements each, all different, by their edges."""
    graphs = [graph(("Relu",) * 6, *lists) for lists in edges]
    ids = torch.zeros(1, 1, dtype=torch.long)
    return collate_edges(graphs, (ids, ids, torch.ones(1, 1)), torch.arange(6 * len(graphs)))


WHOLE = [DEFINES, CALLS, RETURNS]
BATCH = batch_of(WHOLE)


def encoder() -> DataflowEncoder:
    network = DataflowEncoder(width=WIDTH, n_layers=2, dropout=0.3).eval()
    for name, weight in network.named_parameters():
        if ".update." in name:  # layers start as identities; these have learned something
            torch.nn.init.normal_(weight, std=0.3)
    return network


def test_a_layer_starts_as_the_identity() -> None:
    states = torch.randn(6, WIDTH)
    assert torch.equal(EdgeConvolution(WIDTH, 0.0)(states, BATCH.edges), states)


def test_a_layer_sums_over_neighbours_of_each_kind() -> None:
    layer = EdgeConvolution(WIDTH, 0.0)
    torch.nn.init.normal_(layer.update.weight)
    states = torch.randn(6, WIDTH)
    found = layer(states, BATCH.edges)
    normed = layer.norm(states)
    said = layer.messages(normed).view(6, 4, WIDTH)
    heard = {
        1: said[0, 0] + said[3, 1] + (said[4, 2] + 2 * said[5, 2]) / 3,  # 5 is returned
        2: said[0, 0] + 2 * said[3, 1],
        3: said[1, 0] + 2 * said[2, 0],
        4: said[5, 1] + said[1, 3],
    }
    for statement, total in heard.items():
        hidden = torch.nn.functional.gelu(layer.itself(normed[statement]) + total)
        expected = states[statement] + layer.update(hidden)
        assert torch.allclose(found[statement], expected, atol=1e-5)


def test_gradients_of_messages_are_those_of_the_sum() -> None:
    said = torch.randn(6, 4 * 3, dtype=torch.float64).requires_grad_()
    gradient = torch.randn(6, 3)
    _Hear.apply(said, BATCH.edges).backward(gradient)
    expected = torch.zeros(6, 4, 3)
    heard = BATCH.edges.heard
    ends = [*heard.starts[1:].tolist(), len(heard.rows)]
    for listener, (start, end) in enumerate(zip(heard.starts.tolist(), ends, strict=True)):
        for edge in range(start, end):
            message = int(heard.rows[edge])
            expected[message // 4, message % 4] += heard.weights[edge] * gradient[listener]
    assert torch.allclose(said.grad.float(), expected.flatten(1), atol=1e-6)


def test_a_statement_alone_hears_nothing() -> None:
    alone = batch_of([[], [], []])
    layer = EdgeConvolution(WIDTH, 0.0)
    torch.nn.init.normal_(layer.update.weight)
    states = torch.randn(6, WIDTH)
    expected = states + layer.update(torch.nn.functional.gelu(layer.itself(layer.norm(states))))
    assert torch.allclose(layer(states, alone.edges), expected, atol=1e-6)


def test_the_order_of_statements_does_not_matter() -> None:
    states, network = torch.randn(6, WIDTH), encoder()
    order = [3, 0, 5, 1, 4, 2]
    place = {old: new for new, old in enumerate(order)}
    moved = batch_of([[(place[i], place[j]) for i, j in pairs] for pairs in WHOLE])
    plain = network(states, BATCH)
    assert plain.shape == (1, 1, WIDTH)
    assert torch.allclose(network(states[order], moved), plain, atol=1e-5)


def test_graphs_of_a_batch_do_not_mix() -> None:
    states, network = torch.randn(12, WIDTH), encoder()
    other = [DEFINES[:3], [], []]
    both = network(states, batch_of(WHOLE, other))
    assert torch.allclose(both[:1], network(states[:6], BATCH), atol=1e-5)
    assert torch.allclose(both[1:], network(states[6:], batch_of(other)), atol=1e-5)


@pytest.mark.parametrize(
    "edges",
    [
        [sorted(set(DEFINES)), CALLS, RETURNS],  # once less
        [[(j, i) for i, j in DEFINES], CALLS, RETURNS],  # reversed
        [DEFINES, [], []],
        [DEFINES, CALLS, [(1, 4)]],
    ],
)
def test_every_edge_matters(edges: list[list[tuple[int, int]]]) -> None:
    states, network = torch.randn(6, WIDTH), encoder()
    plain = network(states, BATCH)
    assert not torch.allclose(network(states, batch_of(edges)), plain, atol=1e-3)


def test_every_weight_learns() -> None:
    network = encoder()
    network(torch.randn(6, WIDTH), BATCH).square().sum().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_gradients_in_reduced_precision_have_its_type() -> None:
    states: Tensor = torch.randn(6, 4 * WIDTH, dtype=torch.bfloat16).requires_grad_()
    heard = _Hear.apply(states, BATCH.edges)
    heard.sum().backward()
    assert heard.dtype == torch.float32
    assert states.grad.dtype == torch.bfloat16
