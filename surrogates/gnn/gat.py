"""Graph attention over statements: every head hears one kind of edge, averaged by attention.

After "Graph Attention Networks", arXiv:1710.10903: additive attention with LeakyReLU over the
neighbours and the statement itself. Different from the paper: heads are divided among four kinds
of edge as in the other networks here; an operand read twice counts twice; layers are pre-norm and
residual; there is no dropout on attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.relations import kinds_of_edge
from surrogates.inputs.batches import GraphBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS

_SLOPE = 0.2
_ABSENT = -1e9


class GraphAttention(nn.Module):
    """One round of messages: pre-norm, attention by kind of edge, residual."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights, one head a kind of edge.

        Args:
            width: Length d of a statement vector.
            dropout: On the update, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.values = nn.Linear(width, N_EDGE_KINDS * width, bias=False)
        self.listener = nn.Parameter(torch.randn(N_EDGE_KINDS, width) / width**0.5)
        self.speaker = nn.Parameter(torch.randn(N_EDGE_KINDS, width) / width**0.5)
        self.itself = nn.Linear(width, width)
        self.update = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.update.weight)  # a round starts as the identity
        nn.init.zeros_(self.update.bias)

    def forward(self, states: Tensor, log_counts: Tensor) -> Tensor:
        """Update statement vectors.

        Args:
            states: Shape ``(n, s, d)``.
            log_counts: Shape ``(n, 4, s, s)``; logarithm of the edges on which i hears j.

        Returns:
            Shape ``(n, s, d)``.
        """
        n, s, d = states.shape
        normed = self.norm(states)
        values = self.values(normed).view(n, s, N_EDGE_KINDS, d).transpose(1, 2)
        listener = self._products(self.listener, normed)
        speaker = self._products(self.speaker, normed)
        scores = functional.leaky_relu(listener[..., :, None] + speaker[..., None, :], _SLOPE)
        heard = (torch.softmax(scores + log_counts, dim=3) @ values).sum(dim=1)
        changed = self.update(functional.gelu(self.itself(normed) + heard))
        updated: Tensor = states + self.dropout(changed)
        return updated

    def _products(self, weights: Tensor, normed: Tensor) -> Tensor:
        """Return weights (4, d) times values, (n, 4, s), by what the values are made of."""
        by_kind = self.values.weight.view(*weights.shape, -1)
        return (normed @ torch.einsum("kv,kvd->dk", weights, by_kind)).transpose(1, 2)


class StatementGat(StatementNetwork):
    """Graph attention network: padded statement graphs in, standardised numbers out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one round of attention."""
        return GraphAttention(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return logarithms of edge counts, the statement itself included once a kind."""
        counts = kinds_of_edge(batch)
        counts = counts + torch.eye(counts.shape[2])
        return counts.clamp(min=1.0).log() + (counts == 0) * _ABSENT
