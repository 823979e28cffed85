"""Flow attention over statements, forward and backward: the idea of FLAN in plain torch.

After "Encodings for Prediction-based Neural Architecture Search" (FLAN), arXiv:2403.02484: in each
direction of the data flow a layer is the mean of a dense graph flow, whose sums are gated by the
operation and which keep a linear residual, and of a graph attention gated by the operation. Different from the paper: all statements move at once, a
layer at a time, instead of node after node; the two directions run side by side and are joined at
the end instead of a backward pass that refines operations over time steps; there is no
supplementary encoding (no zero-cost scores, no learned codes of a whole space).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.relations import flow
from surrogates.inputs.batches import GraphBatch

_SLOPE = 0.2
_ABSENT = -1e9


class DenseGraphFlow(nn.Module):
    """Sum of what is upstream, gated by the operation, plus a residual."""

    def __init__(self, width: int) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
        """
        super().__init__()
        self.gate = nn.Linear(width, width)
        self.message = nn.Linear(width, width, bias=False)
        self.residual = nn.Linear(width, width)

    def forward(self, states: Tensor, operations: Tensor, upstream: Tensor) -> Tensor:
        """Return new states; all vectors (n, s, d), upstream (n, s, s)."""
        heard: Tensor = upstream @ self.message(states)
        flowed: Tensor = torch.sigmoid(self.gate(operations)) * heard + self.residual(states)
        return flowed


class FlowAttention(nn.Module):
    """Attention over what is upstream and the statement itself, gated by the operation."""

    def __init__(self, width: int) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
        """
        super().__init__()
        self.gate = nn.Linear(width, width)
        self.values = nn.Linear(width, width, bias=False)
        self.listener = nn.Linear(width, 1, bias=False)
        self.speaker = nn.Linear(width, 1, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, operations: Tensor, upstream: Tensor) -> Tensor:
        """Return new states; all vectors (n, s, d), upstream (n, s, s)."""
        values = self.values(states)
        counts = upstream + torch.eye(upstream.shape[1])
        scores = functional.leaky_relu(
            self.listener(values) + self.speaker(values).transpose(1, 2), _SLOPE
        )
        scores = scores + counts.clamp(min=1.0).log() + (counts == 0) * _ABSENT
        heard = torch.softmax(scores, dim=2) @ values
        flowed: Tensor = self.norm(torch.sigmoid(self.gate(operations)) * heard)
        return flowed


class FlowLayer(nn.Module):
    """One direction of one layer: mean of flow and attention, residual."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
            dropout: On the update, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.flow = DenseGraphFlow(width)
        self.attention = FlowAttention(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, operations: Tensor, upstream: Tensor) -> Tensor:
        """Update statement vectors; all (n, s, d), upstream (n, s, s)."""
        normed = self.norm(states)
        changed = self.flow(normed, operations, upstream) + self.attention(
            normed, operations, upstream
        )
        updated: Tensor = states + self.dropout(functional.gelu(0.5 * changed))
        return updated


class BothWays(nn.Module):
    """A layer of each direction."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights of both.

        Args:
            width: Length d of a statement vector.
            dropout: On the updates, while training.
        """
        super().__init__()
        self.forth = FlowLayer(width, dropout)
        self.back = FlowLayer(width, dropout)


class StatementFlan(StatementNetwork):
    """Flow attention network: padded statement graphs in, standardised numbers out."""

    def __init__(
        self, *, vocabulary_size: int, n_metrics: int, width: int, n_layers: int, dropout: float
    ) -> None:
        """Create the network; see :class:`surrogates.gnn.network.StatementNetwork`."""
        super().__init__(
            vocabulary_size=vocabulary_size,
            n_metrics=n_metrics,
            width=width,
            n_layers=n_layers,
            dropout=dropout,
        )
        self.join = nn.Linear(2 * width, width)

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one layer of both directions."""
        return BothWays(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the forward flow, shape ``(n, s, s)``."""
        return flow(batch)

    def exchange(self, states: Tensor, batch: GraphBatch) -> Tensor:
        """Flow forward and backward side by side, then join."""
        upstream = self.edges(batch)
        downstream = upstream.transpose(1, 2)
        forth = back = operations = states
        for layer in self.layers:
            assert isinstance(layer, BothWays)  # noqa: S101 - what make_layer returns
            forth = layer.forth(forth, operations, upstream)
            back = layer.back(back, operations, downstream)
        joined: Tensor = self.join(torch.cat([forth, back], dim=2))
        return joined
