"""What every graph network here has in common: statement vectors in front, a readout behind.

The networks differ in how statements exchange messages, and in nothing else: statement vectors are
those of the RLM, the readout is mean, maximum and sum, and one linear head a metric makes a number
of it. So a comparison is between ways to pass messages, not between inputs. Plain torch on padded,
dense relations; graphs of thousands of statements cost their square.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.inputs.batches import GraphBatch
from surrogates.networks.statement_embedding import StatementEmbedding

_SUM_SCALE = 0.1


class StatementNetwork(nn.Module, ABC):
    """Padded statement graphs in, one standardised number for each metric out."""

    def __init__(
        self, *, vocabulary_size: int, n_metrics: int, width: int, n_layers: int, dropout: float
    ) -> None:
        """Create the network.

        Args:
            vocabulary_size: Token ids, padding included.
            n_metrics: Heads.
            width: Length d of a statement vector.
            n_layers: Rounds of messages.
            dropout: On each update and before the heads, while training.
        """
        super().__init__()
        self.embedding = StatementEmbedding(vocabulary_size, width)
        self.layers = nn.ModuleList(self.make_layer(width, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Sequential(
            nn.Linear(3 * width, 2 * width), nn.GELU(), nn.Dropout(dropout)
        )
        self.heads = nn.Linear(2 * width, n_metrics)

    @abstractmethod
    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one round of messages: called with (states, edges), returns states."""

    @abstractmethod
    def edges(self, batch: GraphBatch) -> Tensor:
        """Return what every round is told about the relations, computed once a batch."""

    def exchange(self, states: Tensor, batch: GraphBatch) -> Tensor:
        """Pass all messages; from and to shape ``(n, s, d)``."""
        edges = self.edges(batch)
        for layer in self.layers:
            states = layer(states, edges)
        return states

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return standardised predictions, shape ``(n, m)``."""
        vectors = self.embedding(batch.tokens, batch.places, batch.sizes)
        states = functional.embedding(batch.statements, vectors)
        states = self.norm(self.exchange(states, batch))
        padding = batch.padding[:, :, None]
        total = states.masked_fill(padding, 0.0).sum(dim=1)
        mean = total / (~batch.padding).sum(dim=1, keepdim=True)
        peak = states.masked_fill(padding, -torch.inf).amax(dim=1)
        pooled = torch.cat([mean, peak, _SUM_SCALE * total], dim=1)
        predicted: Tensor = self.heads(self.readout(pooled))
        return predicted
