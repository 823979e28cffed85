"""How statements of long texts hear and see each other: along edges, so that cost stays linear.

The same sums and the same attention as on dense relations, up to the order of additions. The heads
that see everything attend to each class of equal statements once, weighted by their number: exact,
and far fewer than all statements where blocks repeat. Only beyond 512 classes is it an approximation:
then classes are coarser, and each shows its mean.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from surrogates.inputs.edge_batches import N_MESSAGES, PAIR_RELATIONS, EdgeBatch
from surrogates.rlm.attention import attend

_CHUNK = 1024
"""Statements that look at everything at once."""


class EdgeRelations:
    """Relations of a batch as edges."""

    def __init__(self, batch: EdgeBatch, n_heads: int) -> None:
        """Keep the edges.

        Args:
            batch: Graphs one after the other, T statements.
            n_heads: One for each of ``PAIR_RELATIONS``; the rest see everything.
        """
        self._batch = batch
        self._n_heads = n_heads

    def hear(self, said: Tensor) -> Tensor:
        """Sum messages, shape ``(T, 4 d)``, by listener: shape ``(T, d)``."""
        batch = self._batch
        return functional.embedding_bag(
            batch.heard,
            said.float().reshape(len(said) * N_MESSAGES, -1),
            batch.heard_starts,
            mode="sum",
            per_sample_weights=batch.heard_weights,
        )

    def see(self, query_key_value: Tensor, layer: int) -> Tensor:
        """Attend along each relation; shape ``(T, 3 d)`` to ``(T, d)``, heads side by side."""
        total, triple = query_key_value.shape
        with torch.autocast("cpu", enabled=False):
            heads = query_key_value.float().view(total, 3, self._n_heads, -1)
            related = self._see_related(*heads[:, :, : len(PAIR_RELATIONS)].unbind(dim=1))
            query, key, value = heads[:, :, len(PAIR_RELATIONS) :].permute(1, 2, 0, 3)
            overall = self._see_everything(query, key, value, layer)
            return torch.cat([related, overall], dim=1).reshape(total, triple // 3)

    def _see_related(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend to listed pairs; shapes ``(T, r, e)``."""
        batch = self._batch
        total, n_relations, e = query.shape
        query, key, value = (
            part.transpose(0, 1).reshape(total * n_relations, e) for part in (query, key, value)
        )
        seen = batch.seen + torch.div(batch.seen_by, total, rounding_mode="floor") * total
        scores = (query[batch.seen_by] * key[seen]).sum(dim=1) * e**-0.5
        peak = torch.full((len(query),), -torch.inf)
        peak = peak.scatter_reduce(0, batch.seen_by, scores.detach(), "amax")
        weights = (scores - peak[batch.seen_by]).exp()
        sums = torch.zeros(len(query)).index_add(0, batch.seen_by, weights)
        gathered = torch.zeros(len(query), e).index_add(
            0, batch.seen_by, weights[:, None] * value[seen]
        )
        return (gathered / sums[:, None]).view(n_relations, total, e).transpose(0, 1)

    def _see_everything(self, query: Tensor, key: Tensor, value: Tensor, layer: int) -> Tensor:
        """Attend to the mean of each class of the same text; ``(h, T, e)`` to ``(T, h, e)``."""
        classes = self._batch.classes[layer]
        shape = (len(query), len(classes.counts), query.shape[2])
        keys, values = (
            torch.zeros(shape).index_add(1, classes.of_statements, part) / classes.counts[:, None]
            for part in (key, value)
        )
        n_of_graphs = list(classes.n_of_graphs)
        parts: list[Tensor] = []
        for looking, shown, told, log_counts in zip(
            torch.split(query, list(self._batch.lengths), dim=1),
            torch.split(keys, n_of_graphs, dim=1),
            torch.split(values, n_of_graphs, dim=1),
            torch.split(classes.counts.log(), n_of_graphs),
            strict=True,
        ):
            parts.extend(
                attend(chunk[None], shown[None], told[None], log_counts)[0]
                for chunk in torch.split(looking, _CHUNK, dim=1)
            )
        return torch.cat(parts, dim=1).transpose(0, 1)
