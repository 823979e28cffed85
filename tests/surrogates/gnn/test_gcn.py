"""The graph convolution: edge weights and one round by hand."""

import torch
from torch import Tensor

from surrogates.gnn.gcn import DenseConvolution, edge_weights
from surrogates.inputs.batches import GraphBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS


def matrix(size: int, entries: dict[tuple[int, int], float]) -> Tensor:
    dense = torch.zeros(1, size, size)
    for (row, column), value in entries.items():
        dense[0, row, column] = value
    return dense


# 0 -> 1 -> 2 (twice), 2 calls the body {3, 4}, 4 returns; 3 -> 4
BATCH = GraphBatch(
    tokens=torch.tensor([[1, 2], [3, 0], [4, 5], [6, 7]]),
    places=torch.tensor([[0, 1], [0, 0], [0, 0], [0, 1]]),
    sizes=torch.ones(4, 2),
    statements=torch.tensor([[0, 1, 2, 3, 1]]),
    defines=matrix(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}),
    calls=matrix(5, {(2, 3): 1, (2, 4): 2}),
    padding=torch.zeros(1, 5, dtype=torch.bool),
)


def test_edge_weights_by_hand() -> None:
    producers, consumers, body, callers = edge_weights(BATCH.defines, BATCH.calls).split(5, dim=2)
    assert torch.equal(producers, matrix(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}))
    assert torch.equal(consumers, matrix(5, {(0, 1): 1, (1, 2): 2, (3, 4): 1}))
    assert torch.allclose(body, matrix(5, {(2, 3): 1 / 3, (2, 4): 2 / 3}))
    assert torch.equal(callers, matrix(5, {(3, 2): 1, (4, 2): 1}))


def test_an_untrained_convolution_is_the_identity() -> None:
    layer = DenseConvolution(width=6, dropout=0.0)
    states = torch.randn(1, 5, 6)
    assert torch.equal(layer(states, edge_weights(BATCH.defines, BATCH.calls)), states)


def test_a_convolution_sums_over_neighbours_of_each_kind() -> None:
    torch.manual_seed(0)
    layer = DenseConvolution(width=6, dropout=0.0)
    torch.nn.init.normal_(layer.update.weight)
    states = torch.randn(1, 5, 6)
    found = layer(states, edge_weights(BATCH.defines, BATCH.calls))
    normed = layer.norm(states[0])
    said = layer.messages(normed).view(5, N_EDGE_KINDS, 6)
    heard = said[0, 0] + 0.0  # statement 1 hears its producer 0 ...
    heard = heard + 2 * said[2, 1]  # ... and its consumer 2, which reads it twice
    hidden = torch.nn.functional.gelu(layer.itself(normed[1]) + heard)
    assert torch.allclose(found[0, 1], states[0, 1] + layer.update(hidden), atol=1e-5)
