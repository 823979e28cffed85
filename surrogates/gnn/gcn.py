"""A graph convolutional network over statements, in plain torch.

Each layer sums what the neighbours say along four kinds of edge, every kind with weights of its
own: the statements that define the operands, the statements that use the result, the body of a
called function, and the calls of a body. So it is the relational network of arXiv:1703.06103 with
pre-norm residual layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.network import StatementNetwork
from surrogates.inputs.batches import GraphBatch

N_EDGE_KINDS = 4
"""Producers, consumers, body of a call, calls of a body."""


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


class StatementGcn(StatementNetwork):
    """Padded statement graphs in, one standardised number for each metric out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one convolution."""
        return GraphConvolution(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the weights of all kinds of edge, shape ``(n, s, 4 s)``."""
        return edge_weights(batch.defines, batch.calls)
