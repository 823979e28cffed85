"""A graph convolutional network over statements, in plain torch, on padded dense relations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogates.gnn.network import StatementNetwork
from surrogates.inputs.batches import GraphBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS
from surrogates.networks.graph_convolution import GraphConvolution


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


class DenseConvolution(GraphConvolution):
    """A round of messages of padded graphs; statement vectors have shape ``(n, s, d)``."""

    def hear(self, said: Tensor, edges: Tensor) -> Tensor:
        """Sum messages; see the base class.

        Args:
            said: Shape ``(n, s, 4 d)``.
            edges: Shape ``(n, s, 4 s)``, from :func:`edge_weights`.
        """
        n, s, width = said.shape
        of_kinds = said.view(n, s, N_EDGE_KINDS, width // N_EDGE_KINDS).transpose(1, 2)
        return edges @ of_kinds.reshape(n, N_EDGE_KINDS * s, width // N_EDGE_KINDS)


class StatementGcn(StatementNetwork):
    """Padded statement graphs in, one standardised number for each metric out."""

    def make_layer(self, width: int, dropout: float) -> nn.Module:
        """Create one convolution."""
        return DenseConvolution(width, dropout)

    def edges(self, batch: GraphBatch) -> Tensor:
        """Return the weights of all kinds of edge, shape ``(n, s, 4 s)``."""
        return edge_weights(batch.defines, batch.calls)
