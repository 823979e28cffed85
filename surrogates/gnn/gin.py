"""A graph isomorphism network over statements: plain sums, then a perceptron of two layers.

After "How Powerful are Graph Neural Networks?", arXiv:1810.00826, with edges that carry a vector
as in arXiv:1905.12265: a message is ReLU(neighbour + vector of the kind of edge). Different from
the papers: four kinds of edge, layer norm for batch norm, residual layers, and a readout of the
last layer alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.gcn import edge_weights
from surrogates.gnn.network import StatementNetwork
from surrogates.inputs.batches import GraphBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS


class IsomorphismLayer(nn.Module):
    """One round of messages: (1 + epsilon) itself plus the sum of messages, then a perceptron."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
            dropout: On the update, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.kinds = nn.Parameter(0.5 * torch.randn(N_EDGE_KINDS, width))
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, weights: Tensor) -> Tensor:
        """Update statement vectors.

        Args:
            states: Shape ``(n, s, d)``.
            weights: Shape ``(n, s, 4 s)``, from :func:`surrogates.gnn.gcn.edge_weights`.

        Returns:
            Shape ``(n, s, d)``.
        """
        n, s, d = states.shape
        normed = self.norm(states)
        said = functional.relu(normed[:, None] + self.kinds[:, None])
        heard = weights @ said.reshape(n, N_EDGE_KINDS * s, d)
        updated: Tensor = states + self.dropout(
            self.perceptron((1.0 + self.epsilon) * normed + heard)
        )
        return updated


class StatementGin(StatementNetwork):
    """Graph isomorphism network: padded statement graphs in, standardised numbers out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one round of sums."""
        return IsomorphismLayer(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the weights of all kinds of edge, shape ``(n, s, 4 s)``."""
        return edge_weights(batch.defines, batch.calls)
