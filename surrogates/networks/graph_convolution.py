"""Graph convolution over statements: what neighbours say is summed, by kind of edge.

Statements hear the statements that define their operands, those that use their result, the body of a
called function, and the calls of a body; every kind of edge has weights of its own. So it is the
relational network of arXiv:1703.06103 with pre-norm residual layers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from surrogates.inputs.edge_rounds import N_EDGE_KINDS


class GraphConvolution(nn.Module, ABC):
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

    def forward(self, states: Tensor, edges: Any) -> Tensor:
        """Update statement vectors.

        Args:
            states: Shape ``(..., d)``.
            edges: As :meth:`hear` takes them.

        Returns:
            Shape ``(..., d)``.
        """
        normed = self.norm(states)
        heard = self.kept(self.itself(normed), edges) + self.hear(self.messages(normed), edges)
        changed = self.dropout(self.update(functional.gelu(heard)))
        updated: Tensor = self.kept(states, edges) + changed
        return updated

    def kept(self, states: Tensor, edges: Any) -> Tensor:  # noqa: ARG002
        """Return what each listener had before, shape ``(..., d)``; here all are listeners."""
        return states

    @abstractmethod
    def hear(self, said: Tensor, edges: Any) -> Tensor:
        """Sum messages, shape ``(..., 4 d)``, by listener: shape ``(..., d)``."""
