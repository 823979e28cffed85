"""Which rows each step trains on, when metrics have very different numbers of rows.

Metrics that share rows are drawn together, so that one is learned as what the others go with.
Metrics of spaces that have no row in common never meet in a batch: each step belongs to one such
group, because only labels of one metric are ranked against each other, and because texts of one
space are of similar length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


class RowStreams:
    """Draws batches; a rare group, and a rare metric within it, has more than its share of rows."""

    def __init__(
        self,
        targets: NDArray[np.float64],
        kept: NDArray[np.int64],
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        """Start with every row unseen.

        Args:
            targets: Shape ``(n, m)``, NaN where a row lacks the metric.
            kept: Rows that may be drawn.
            batch_size: Rows of a batch, about.
            rng: Source of randomness.
        """
        self._rng = rng
        known = ~np.isnan(targets[kept])
        together = csr_array(known.T.astype(np.int64) @ known)
        n_groups, group = connected_components(together, directed=False)
        self._labelled = [kept[column] for column in known.T]
        self._groups = [
            (np.flatnonzero(group == k), int(known[:, group == k].any(axis=1).sum()))
            for k in range(n_groups)
        ]
        self._groups = [(metrics, n_rows) for metrics, n_rows in self._groups if n_rows]
        weights = np.sqrt([n_rows for _, n_rows in self._groups])
        self._chances = weights / weights.sum()
        self._sizes = np.zeros(len(self._labelled), dtype=np.int64)
        for metrics, _ in self._groups:
            rows = np.array([len(self._labelled[metric]) for metric in metrics])
            shares = np.sqrt(rows)
            wanted = np.ceil(batch_size * shares / shares.sum()).astype(np.int64)
            self._sizes[metrics] = np.minimum(wanted, rows)
        self._queues = [np.empty(0, dtype=np.int64) for _ in self._labelled]

    @property
    def queues(self) -> list[NDArray[np.int64]]:
        """Per metric, the rows that are still to come; with the generator, all that draws change."""
        return list(self._queues)

    def restore(self, queues: Sequence[NDArray[np.int64]]) -> None:
        """Go on from the :attr:`queues` of streams that were made of the same rows.

        Raises:
            ValueError: If there is not one for each metric.
        """
        self._queues = [queue for queue, _ in zip(queues, self._labelled, strict=True)]

    def draw(self) -> NDArray[np.int64]:
        """Return distinct row indices of one group, about ``batch_size`` of them."""
        place = 0
        if len(self._groups) > 1:
            place = int(self._rng.choice(len(self._groups), p=self._chances))
        drawn = []
        for metric in self._groups[place][0].tolist():
            size = int(self._sizes[metric])
            if len(self._queues[metric]) < size:
                self._queues[metric] = self._rng.permutation(self._labelled[metric])
            drawn.append(self._queues[metric][:size])
            self._queues[metric] = self._queues[metric][size:]
        return np.unique(np.concatenate(drawn))
