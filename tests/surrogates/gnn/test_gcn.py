"""The graph network: edge weights by hand, and what must not change its answer."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from surrogates.gnn.gcn import N_EDGE_KINDS, GraphConvolution, StatementGcn, edge_weights
from surrogates.inputs.batches import GraphBatch


def matrix(size: int, entries: dict[tuple[int, int], float]) -> Tensor:
    dense = torch.zeros(1, size, size)
    for (row, column), value in entries.items():
        dense[0, row, column] = value
    return dense


# 0 -> 1 -> 2 (twice), 2 calls the body {3, 4}, 4 returns; 3 -> 4
BATCH = GraphBatch(
    tokens=torch.tensor([[1, 2], [3, 0], [4, 5], [6, 7]]),
    places=torch.tensor([[0, 1], [0, 0], [0, 0], [0, 1]]),
    statements=torch.tensor([[0, 1, 2, 3, 1]]),
    defines=matrix(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}),
    calls=matrix(5, {(2, 3): 1, (2, 4): 2}),
    padding=torch.zeros(1, 5, dtype=torch.bool),
)


@pytest.fixture
def network() -> StatementGcn:
    torch.manual_seed(0)
    gcn = StatementGcn(vocabulary_size=8, n_metrics=3, width=12, n_layers=3, dropout=0.3)
    for layer in gcn.layers:
        torch.nn.init.normal_(layer.update.weight, std=0.3)  # as if trained: not the identity
    return gcn.eval()


def padded(batch: GraphBatch, extra: int) -> GraphBatch:
    pad = torch.nn.functional.pad
    return GraphBatch(
        tokens=batch.tokens,
        places=batch.places,
        statements=pad(batch.statements, (0, extra), value=2),
        defines=pad(batch.defines, (0, extra, 0, extra)),
        calls=pad(batch.calls, (0, extra, 0, extra)),
        padding=pad(batch.padding, (0, extra), value=True),
    )


def test_edge_weights_by_hand() -> None:
    producers, consumers, body, callers = edge_weights(BATCH.defines, BATCH.calls).split(5, dim=2)
    assert torch.equal(producers, matrix(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}))
    assert torch.equal(consumers, matrix(5, {(0, 1): 1, (1, 2): 2, (3, 4): 1}))
    assert torch.allclose(body, matrix(5, {(2, 3): 1 / 3, (2, 4): 2 / 3}))
    assert torch.equal(callers, matrix(5, {(3, 2): 1, (4, 2): 1}))


def test_an_untrained_convolution_is_the_identity() -> None:
    layer = GraphConvolution(width=6, dropout=0.0)
    states = torch.randn(1, 5, 6)
    assert torch.equal(layer(states, edge_weights(BATCH.defines, BATCH.calls)), states)


def test_a_convolution_sums_over_neighbours_of_each_kind() -> None:
    torch.manual_seed(0)
    layer = GraphConvolution(width=6, dropout=0.0)
    torch.nn.init.normal_(layer.update.weight)
    states = torch.randn(1, 5, 6)
    found = layer(states, edge_weights(BATCH.defines, BATCH.calls))
    normed = layer.norm(states[0])
    said = layer.messages(normed).view(5, N_EDGE_KINDS, 6)
    heard = said[0, 0] + 0.0  # statement 1 hears its producer 0 ...
    heard = heard + 2 * said[2, 1]  # ... and its consumer 2, which reads it twice
    hidden = torch.nn.functional.gelu(layer.itself(normed[1]) + heard)
    assert torch.allclose(found[0, 1], states[0, 1] + layer.update(hidden), atol=1e-5)


def test_the_order_of_statements_is_free(network: StatementGcn) -> None:
    order = torch.tensor([4, 2, 0, 3, 1])
    moved = replace(
        BATCH,
        statements=BATCH.statements[:, order],
        defines=BATCH.defines[:, order][:, :, order],
        calls=BATCH.calls[:, order][:, :, order],
    )
    assert torch.allclose(network(moved), network(BATCH), atol=1e-5)


def test_padding_changes_nothing(network: StatementGcn) -> None:
    assert torch.allclose(network(padded(BATCH, 4)), network(BATCH), atol=1e-5)


def test_rows_of_a_batch_do_not_mix(network: StatementGcn) -> None:
    other = replace(BATCH, statements=BATCH.statements.flip(1))
    both = GraphBatch(
        tokens=BATCH.tokens,
        places=BATCH.places,
        statements=torch.cat([BATCH.statements, other.statements]),
        defines=BATCH.defines.expand(2, -1, -1),
        calls=BATCH.calls.expand(2, -1, -1),
        padding=BATCH.padding.expand(2, -1),
    )
    apart = torch.cat([network(BATCH), network(other)])
    assert torch.allclose(network(both), apart, atol=1e-5)
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"defines": matrix(5, {(1, 0): 1, (2, 1): 1, (4, 3): 1})},  # read once, not twice
        {"defines": BATCH.defines.transpose(1, 2)},  # reversed
        {"calls": matrix(5, {(2, 3): 2, (2, 4): 1})},  # another statement returns
        {"calls": matrix(5, {(1, 3): 1, (1, 4): 2})},  # another caller
        {"statements": torch.tensor([[0, 1, 3, 2, 1]])},
    ],
)
def test_structure_matters(network: StatementGcn, change: dict[str, Tensor]) -> None:
    assert not torch.allclose(network(replace(BATCH, **change)), network(BATCH), atol=1e-4)


def test_every_weight_learns(network: StatementGcn) -> None:
    network(BATCH).square().sum().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_one_number_for_each_metric(network: StatementGcn) -> None:
    predicted = network(BATCH)
    assert predicted.shape == (1, 3)
    assert len(set(predicted[0].tolist())) == 3
