"""Operation vectors refined by sweeps over the data flow: the idea of TA-GATES in plain torch.

After "TA-GATES: An Encoding Scheme for Neural Network Architectures" (NeurIPS 2022) and the gated
flow of GATES, arXiv:2004.01899: a network is encoded as if it were trained. A forward sweep
propagates information, gated by the operation it passes; a backward sweep does the same from the
output; what a statement got from both updates its operation vector; and so on a few times. Then a
last forward sweep is read out. Different from the papers: a sweep is a number of rounds in which
all statements move at once, instead of topological order, so information goes as far as there are
rounds; operations sit on nodes; symmetry breaking by zero-cost scores is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.relations import flow
from surrogates.inputs.batches import GraphBatch

N_ROUNDS = 3
"""Rounds of messages in a sweep."""


class Sweep(nn.Module):
    """Information through the graph in one direction, gated by the operations it passes."""

    def __init__(self, width: int) -> None:
        """Create the weights, shared by all rounds.

        Args:
            width: Length d of a statement vector.
        """
        super().__init__()
        self.start = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        self.message = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, operations: Tensor, upstream: Tensor) -> Tensor:
        """Return information (n, s, d) from operations (n, s, d) along upstream (n, s, s)."""
        gate = torch.sigmoid(self.gate(operations))
        start = self.start(operations)
        information: Tensor = start
        for _ in range(N_ROUNDS):
            heard = upstream @ self.message(self.norm(information))
            information = start + gate * functional.gelu(heard)
        return information


class Refinement(nn.Module):
    """One time step: forward sweep, backward sweep, update of the operations."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
            dropout: On the update, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.forth = Sweep(width)
        self.back = Sweep(width)
        self.update = nn.Sequential(
            nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, operations: Tensor, upstream: Tensor) -> Tensor:
        """Return refined operations (n, s, d)."""
        normed = self.norm(operations)
        forth = self.forth(normed, upstream)
        back = self.back(normed + forth, upstream.transpose(1, 2))
        changed = self.update(torch.cat([normed, forth, back], dim=2))
        updated: Tensor = operations + self.dropout(changed)
        return updated


class StatementTaGates(StatementNetwork):
    """Training-analogous gated flow: padded statement graphs in, standardised numbers out."""

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
        self.last_norm = nn.LayerNorm(width)
        self.last = Sweep(width)

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one time step."""
        return Refinement(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the forward flow, shape ``(n, s, s)``."""
        return flow(batch)

    def exchange(self, states: Tensor, batch: GraphBatch) -> Tensor:
        """Refine the operations, then sweep forward once more."""
        refined = super().exchange(states, batch)
        last: Tensor = refined + self.last(self.last_norm(refined), self.edges(batch))
        return last
