"""The dataflow encoder: statements hear the graph in sums, then through heads that follow it.

Each layer first sums what producers, consumers, bodies and callers say, as a graph network does:
attention averages, and a sum is what counts. Then come attention heads of which each sees one
relation only (hard mask): producers, consumers, two steps either way, siblings, calls and bodies,
or everything. Every layer starts as the identity. There are no positions: two texts of one graph
read the same. What the decoder gets is one summary of all statements; on few rows that ranks
better than the statements themselves.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.inputs.edge_batches import N_MESSAGES, PAIR_RELATIONS, EdgeBatch
from surrogates.rlm.attention import attend_itself, visibility_bias
from surrogates.rlm.encoders.dataflow_edges import EdgeRelations

RELATIONS = (*PAIR_RELATIONS, "all", "all")
"""Relation that each attention head sees; every head also sees the statement itself."""


def relation_bias(defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
    """Return what each head may see, as :func:`surrogates.rlm.attention.visibility_bias` does.

    Args:
        defines: Shape ``(n, s, s)``; entry (i, j) counts the operands of i that j defines.
        calls: Shape ``(n, s, s)``; positive where i calls the body that j belongs to.
        padding: Shape ``(n, s)``; true where there is no statement.

    Returns:
        Shape ``(n, heads, s, s)``; 0 where row i may see column j, else very negative.
    """
    producers = defines.clamp(max=1.0)
    consumers = producers.transpose(1, 2)
    relations = {
        "producers": producers,
        "consumers": consumers,
        "producers_2": producers @ producers,
        "consumers_2": consumers @ consumers,
        "siblings": producers @ consumers + consumers @ producers,
        "calls": calls + calls.transpose(1, 2),
        "all": torch.ones_like(producers),
    }
    paths = torch.stack([relations[name] for name in RELATIONS], dim=1)
    paths *= (~padding).to(paths.dtype)[:, None, None, :]
    paths.diagonal(dim1=2, dim2=3).fill_(1.0)
    return visibility_bias(paths.clamp_(max=1.0))


_SUM_SCALE = 0.1
"""Brings the sum over statements to the size of their mean."""

_ABSENT = 1e4
"""Keeps padding out of the maximum."""


class Relations(Protocol):
    """How the statements of a batch hear and see each other."""

    def hear(self, said: Tensor) -> Tensor:
        """Sum messages, shape ``(..., 4 d)``, by listener: shape ``(..., d)``."""

    def see(self, query_key_value: Tensor, layer: int) -> Tensor:
        """Attend along each relation; shape ``(..., 3 d)`` to ``(..., d)``."""


class DenseRelations:
    """Relations of a padded batch, of all pairs of statements; fastest for short texts."""

    def __init__(self, bias: Tensor, links: Tensor) -> None:
        """Keep what each head sees and how much each statement hears.

        Args:
            bias: From :func:`relation_bias`.
            links: From :func:`message_links`.
        """
        self._bias = bias
        self._links = links

    def hear(self, said: Tensor) -> Tensor:
        """Sum messages, shape ``(n, s, 4 d)``, by listener: shape ``(n, s, d)``."""
        n, s, width = said.shape
        return self._links @ said.view(n, s * N_MESSAGES, width // N_MESSAGES)

    def see(self, query_key_value: Tensor, layer: int) -> Tensor:  # noqa: ARG002
        """Attend along each relation; shape ``(n, s, 3 d)`` to ``(n, s, d)``."""
        return attend_itself(query_key_value, self._bias)


class _Layer(nn.Module):
    """Summed messages, then relation-masked attention; both pre-norm and residual."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.message_norm = nn.LayerNorm(width)
        self.itself = nn.Linear(width, width)
        self.messages = nn.Linear(width, N_MESSAGES * width, bias=False)
        self.message_out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        for last in (self.message_out, self.attention_out):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, states: Tensor, relations: Relations, layer: int) -> Tensor:
        """Update statement vectors, shape ``(..., d)``."""
        normed = self.message_norm(states)
        heard = self.itself(normed) + relations.hear(self.messages(normed))
        states = states + self.dropout(self.message_out(functional.gelu(heard)))
        seen = relations.see(self.query_key_value(self.attention_norm(states)), layer)
        updated: Tensor = states + self.dropout(self.attention_out(seen))
        return updated


def message_links(defines: Tensor, calls: Tensor) -> Tensor:
    """Return how much each statement hears of each other one.

    Sums over producers and consumers count operands. What a call hears of its body is averaged,
    for bodies differ in length; a body hears each of its calls in full.

    Args:
        defines: Shape ``(n, s, s)``, see :func:`relation_bias`.
        calls: Shape ``(n, s, s)``, see :func:`relation_bias`.

    Returns:
        Shape ``(n, s, 4 s)``; column ``4 j + k`` is message k of statement j.
    """
    bodies = calls / calls.sum(dim=2, keepdim=True).clamp(min=1.0)
    callers = calls.clamp(max=1.0).transpose(1, 2)
    kinds = torch.stack([defines, defines.transpose(1, 2), bodies, callers], dim=3)
    return kinds.flatten(2)


class DataflowEncoder(nn.Module):
    """Statement vectors in, one summary out."""

    def __init__(self, width: int, n_layers: int, dropout: float) -> None:
        """Create the layers.

        Args:
            width: Length d of a statement vector; a multiple of the number of heads.
            n_layers: Rounds of messages and attention.
            dropout: On each sublayer while training.
        """
        super().__init__()
        self.layers = nn.ModuleList(_Layer(width, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.summary = nn.Sequential(
            nn.Linear(3 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, states: Tensor, defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
        """Return the memory that the decoder attends to.

        Args:
            states: Shape ``(n, s, d)``, statement vectors.
            defines: Shape ``(n, s, s)``, see :func:`relation_bias`.
            calls: Shape ``(n, s, s)``, see :func:`relation_bias`.
            padding: Shape ``(n, s)``, true where there is no statement.

        Returns:
            Shape ``(n, 1, d)``, a summary of all statements.
        """
        bias, links = self.visibility(defines, calls, padding), message_links(defines, calls)
        states = self._related(states, DenseRelations(bias, links))
        there = (~padding).to(states.dtype)[:, :, None]
        total = (states * there).sum(dim=1)
        peak = (states + (there - 1.0) * _ABSENT).amax(dim=1)
        return self._summarised(total, there.sum(dim=1), peak)

    def forward_edges(self, states: Tensor, batch: EdgeBatch) -> Tensor:
        """Return the same for graphs as edges.

        Args:
            states: Shape ``(T, d)``, statement vectors.
            batch: Of these statements, n texts.

        Returns:
            Shape ``(n, 1, d)``.
        """
        states = self._related(states, EdgeRelations(batch, len(RELATIONS)))
        of_texts = torch.split(states, list(batch.lengths))
        total = torch.stack([of_text.sum(dim=0) for of_text in of_texts])
        peak = torch.stack([of_text.amax(dim=0) for of_text in of_texts])
        return self._summarised(total, states.new_tensor(batch.lengths)[:, None], peak)

    def _related(self, states: Tensor, relations: Relations) -> Tensor:
        """All layers and the last norm."""
        for place, layer in enumerate(self.layers):
            states = layer(states, relations, place)
        normed: Tensor = self.norm(states)
        return normed

    def _summarised(self, total: Tensor, count: Tensor, peak: Tensor) -> Tensor:
        """One vector a text, shape ``(n, 1, d)``."""
        pooled = torch.cat([total / count, peak, _SUM_SCALE * total], dim=1)
        summary: Tensor = self.summary(pooled)
        return summary[:, None]

    def visibility(self, defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
        """Return what is added to the scores of each head, shape ``(n, heads, s, s)``."""
        return relation_bias(defines, calls, padding)
