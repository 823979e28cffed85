"""A graph transformer over statements: everything sees everything, biased by the relation.

After "Do Transformers Really Perform Bad for Graph Representation?" (Graphormer),
arXiv:2106.05234: full attention with a learned bias for each head and distance. Different from the
paper: distances are directed and end at a few steps; calls have biases of their own; there are no
degree encodings, and the readout is that of the other networks instead of a virtual node.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.relations import N_BUCKETS, distance_buckets
from surrogates.gnn.settings import N_HEADS
from surrogates.inputs.batches import GraphBatch

PADDED = N_BUCKETS
"""Bucket of a statement that is not there."""


class BiasedAttention(nn.Module):
    """One layer: attention with a bias by relation, then a perceptron; pre-norm, residual."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector, a multiple of ``N_HEADS``.
            dropout: On both updates, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.bias = nn.Parameter(torch.randn(N_BUCKETS, N_HEADS))
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, buckets: Tensor) -> Tensor:
        """Update statement vectors.

        Args:
            states: Shape ``(n, s, d)``.
            buckets: Shape ``(n, s, s)``; how j relates to i, ``PADDED`` where there is no j.

        Returns:
            Shape ``(n, s, d)``.
        """
        n, s, d = states.shape
        query, key, value = (
            self.query_key_value(self.norm(states))
            .view(n, s, 3, N_HEADS, d // N_HEADS)
            .permute(2, 0, 3, 1, 4)
        )
        hidden = self.bias.new_full((1, N_HEADS), -1e9)
        bias = torch.cat([self.bias, hidden])[buckets].permute(0, 3, 1, 2)
        scores = query @ key.transpose(2, 3) / (d // N_HEADS) ** 0.5 + bias
        seen = (torch.softmax(scores, dim=3) @ value).transpose(1, 2).reshape(n, s, d)
        states = states + self.dropout(self.out(seen))
        updated: Tensor = states + self.dropout(self.perceptron(states))
        return updated


class StatementTransformer(StatementNetwork):
    """Graph transformer: padded statement graphs in, standardised numbers out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one layer."""
        return BiasedAttention(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the bucket of every pair of statements, shape ``(n, s, s)``."""
        return distance_buckets(batch).masked_fill(batch.padding[:, None, :], PADDED)
