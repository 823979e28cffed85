"""A graph convolutional network over statements, in plain torch.

Each layer sums what the neighbours say along four kinds of edge, every kind with weights of its
own: the statements that define the operands, the statements that use the result, the body of a
called function, and the calls of a body. The graph is then read out by mean, maximum and sum, and
one linear head a metric makes a number of it. The statement vectors are those of the RLM, so that
the comparison is between networks and not between inputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.inputs.batches import GraphBatch
from surrogates.rlm.encoder import StatementEmbedding

N_EDGE_KINDS = 4
"""Producers, consumers, body of a call, calls of a body."""

_SUM_SCALE = 0.1


def edge_weights(defines: Tensor, calls: Tensor) -> Tensor:
    """Return how much each statement hears of each other one.

    Sums over producers and consumers count operands. What a call hears of its body is averaged,
    for bodies differ in length; a body hears each of its calls in full.

    Args:
        defines: Shape ``(n, s, s)``; entry (i, j) counts the operands of i that j defines.
        calls: Shape ``(n, s, s)``; positive where i calls the body that j belongs to.

    Returns:
        Shape ``(n, s, 4 s)``; the kinds of edge side by side.
    """
    body = (calls > 0).to(defines.dtype)
    from_body = calls / calls.sum(dim=2, keepdim=True).clamp(min=1.0)
    return torch.cat([defines, defines.transpose(1, 2), from_body, body.transpose(1, 2)], dim=2)


class GraphConvolution(nn.Module):
    """One round of messages: pre-norm, summed by kind of edge, residual."""

    def __init__(self, width: int, dropout: float) -> None:
        """Create the weights.

        Args:
            width: Length d of a statement vector.
            dropout: On the update, while training.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.itself = nn.Linear(width, width)
        self.messages = nn.Linear(width, N_EDGE_KINDS * width, bias=False)
        self.update = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.update.weight)  # a round starts as the identity
        nn.init.zeros_(self.update.bias)

    def forward(self, states: Tensor, weights: Tensor) -> Tensor:
        """Update statement vectors.

        Args:
            states: Shape ``(n, s, d)``.
            weights: Shape ``(n, s, 4 s)``, from :func:`edge_weights`.

        Returns:
            Shape ``(n, s, d)``.
        """
        n, s, d = states.shape
        normed = self.norm(states)
        said = self.messages(normed).view(n, s, N_EDGE_KINDS, d).transpose(1, 2)
        heard = weights @ said.reshape(n, N_EDGE_KINDS * s, d)
        changed = self.update(functional.gelu(self.itself(normed) + heard))
        updated: Tensor = states + self.dropout(changed)
        return updated


class StatementGcn(nn.Module):
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
        self.layers = nn.ModuleList(GraphConvolution(width, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Sequential(
            nn.Linear(3 * width, 2 * width), nn.GELU(), nn.Dropout(dropout)
        )
        self.heads = nn.Linear(2 * width, n_metrics)

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return standardised predictions, shape ``(n, m)``."""
        states = self.embedding(batch.tokens, batch.places)[batch.statements]
        weights = edge_weights(batch.defines, batch.calls)
        for layer in self.layers:
            states = layer(states, weights)
        states = self.norm(states)
        padding = batch.padding[:, :, None]
        total = states.masked_fill(padding, 0.0).sum(dim=1)
        mean = total / (~batch.padding).sum(dim=1, keepdim=True)
        peak = states.masked_fill(padding, -torch.inf).amax(dim=1)
        pooled = torch.cat([mean, peak, _SUM_SCALE * total], dim=1)
        predicted: Tensor = self.heads(self.readout(pooled))
        return predicted
