"""A plain GCN that learns from pairs alone: the idea of BRP-NAS in plain torch.

After "BRP-NAS: Prediction-based NAS using GCNs", arXiv:2007.08668, whose accuracy predictor learns
which of two architectures is better, on the layers of arXiv:1609.02907: neighbours of all kinds
alike, weighted by the square roots of both degrees. Different from the paper: the comparison is the
difference of two scores, so it is transitive and a ranking costs n passes, not pairs; the readout is
that of the other networks instead of a global node; there is no transfer from a latency predictor
and no iterative sampling. The scores become numbers of the metric's unit by a straight line that is
fitted on the training rows afterwards and can never turn the order around.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.network import StatementNetwork
from surrogates.inputs.batches import GraphBatch


class PlainConvolution(nn.Module):
    """One round of messages: normalised adjacency, one weight matrix, ReLU."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
            dropout: After the activation, while training.
        """
        super().__init__()
        self.weight = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, adjacency: Tensor) -> Tensor:
        """Return new states (n, s, d) along adjacency (n, s, s)."""
        updated: Tensor = self.dropout(functional.relu(self.weight(adjacency @ states)))
        return updated


class StatementBrpNas(StatementNetwork):
    """Plain GCN: padded statement graphs in, standardised scores out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one convolution."""
        return PlainConvolution(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the symmetric normalised adjacency with self-loops, shape ``(n, s, s)``."""
        linked = (batch.defines + batch.calls) > 0
        adjacency = (linked | linked.transpose(1, 2)).to(batch.defines.dtype)
        adjacency = adjacency + torch.eye(adjacency.shape[1])
        scale = adjacency.sum(dim=2).rsqrt()
        normalised: Tensor = scale[:, :, None] * adjacency * scale[:, None, :]
        return normalised
