"""The dataflow encoder: a transformer over statements whose heads follow the graph.

Each attention head sees one relation only (hard mask): producers, consumers, two steps either
way, siblings, calls and bodies, or everything. Beside attention, each layer sums what producers
and consumers say, as a graph network does: attention averages, and a sum is what counts. There
are no positions: two texts of one graph read the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.rlm.attention import attend, visibility_bias

RELATIONS = (
    "producers",
    "consumers",
    "producers_2",
    "consumers_2",
    "siblings",
    "calls",
    "all",
    "all",
)
"""Relation that each attention head sees; every head also sees the statement itself."""

N_MESSAGES = 4
"""Sum-aggregated relations: producers, consumers, body of a call, caller of a body."""


def relation_masks(defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
    """Return what each head may see.

    Args:
        defines: Shape ``(n, s, s)``; entry (i, j) counts the operands of i that j defines.
        calls: Shape ``(n, s, s)``; positive where i calls the body that j belongs to.
        padding: Shape ``(n, s)``; true where there is no statement.

    Returns:
        Shape ``(n, heads, s, s)``, boolean, true where row i may see column j.
    """
    producers = (defines > 0).float()
    consumers = producers.transpose(1, 2)
    either = calls + calls.transpose(1, 2)
    relations = {
        "producers": producers,
        "consumers": consumers,
        "producers_2": producers @ producers,
        "consumers_2": consumers @ consumers,
        "siblings": producers @ consumers + consumers @ producers,
        "calls": either,
        "all": torch.ones_like(producers),
    }
    itself = torch.eye(defines.shape[1], dtype=torch.bool, device=defines.device)
    masks = torch.stack([relations[name] > 0 for name in RELATIONS], dim=1)
    return (masks & ~padding[:, None, None, :]) | itself


class _Layer(nn.Module):
    """Relation-masked attention, summed messages, and a feed-forward part; all pre-norm."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width)
        self.messages = nn.Linear(width, N_MESSAGES * width, bias=False)
        self.message_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, bias: Tensor, links: Tensor) -> Tensor:
        """Update statement vectors (n, s, d); bias (n, h, s, s); links (n, s, 4 s)."""
        n, s, d = states.shape
        h = bias.shape[1]
        normed = self.norm(states)
        query, key, value = (
            self.query_key_value(normed).view(n, s, 3, h, d // h).permute(2, 0, 3, 1, 4)
        )
        seen = attend(query, key, value, bias)
        seen = self.attention_out(seen.transpose(1, 2).reshape(n, s, d))
        said = self.messages(normed).view(n, s, N_MESSAGES, d).transpose(1, 2)
        heard = functional.gelu(links @ said.reshape(n, N_MESSAGES * s, d))
        states = states + self.dropout(seen) + self.dropout(self.message_out(heard))
        updated: Tensor = states + self.dropout(self.feed_forward(states))
        return updated


class DataflowEncoder(nn.Module):
    """Statement vectors in, contextual statement vectors and one summary out."""

    def __init__(self, width: int, n_layers: int, dropout: float) -> None:
        """Create the layers.

        Args:
            width: Length d of a statement vector; a multiple of the number of heads.
            n_layers: Rounds of attention and messages.
            dropout: On each sublayer while training.
        """
        super().__init__()
        self.layers = nn.ModuleList(_Layer(width, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.summary = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, states: Tensor, defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
        """Return the memory that the decoder attends to.

        Args:
            states: Shape ``(n, s, d)``, statement vectors.
            defines: Shape ``(n, s, s)``, see :func:`relation_masks`.
            calls: Shape ``(n, s, s)``, see :func:`relation_masks`.
            padding: Shape ``(n, s)``, true where there is no statement.

        Returns:
            Shape ``(n, s + 1, d)``; place 0 is a summary of all statements.
        """
        bias = visibility_bias(relation_masks(defines, calls, padding))
        bodies = calls / calls.sum(dim=2, keepdim=True).clamp(min=1.0)
        links = torch.cat([defines, defines.transpose(1, 2), bodies, calls.transpose(1, 2)], dim=2)
        for layer in self.layers:
            states = layer(states, bias, links)
        states = self.norm(states)
        kept = states.masked_fill(padding[:, :, None], 0.0)
        mean = kept.sum(dim=1) / (~padding).sum(dim=1, keepdim=True)
        peak = states.masked_fill(padding[:, :, None], -1e4).amax(dim=1)
        summary = self.summary(torch.cat([mean, peak], dim=1))
        return torch.cat([summary[:, None], states], dim=1)
