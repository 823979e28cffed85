"""Which rows and metrics a step learns, when metrics have very different numbers of rows.

Metrics that share rows are drawn together, so that one is learned as what the others go with.
Metrics of spaces that have no row in common never meet in a batch: each step belongs to one such
group, because only labels of one metric are ranked against each other, and because texts of one
space are of similar length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components


def metric_groups(targets: NDArray[np.float64]) -> NDArray[np.int64]:
    """Say which metrics go together: those that share a row, or share one with a third.

    Args:
        targets: Shape ``(n, m)``, NaN where a row lacks the metric.

    Returns:
        Shape ``(m,)``, the number of the group of each metric, from 0 in order of appearance.
    """
    known = (~np.isnan(targets)).astype(np.int64)
    _, group = connected_components(csr_array(known.T @ known), directed=False)
    return np.asarray(group, dtype=np.int64)


def row_groups(targets: NDArray[np.float64], groups: Sequence[int]) -> NDArray[np.int64]:
    """Return the group of the metrics of each row, shape ``(n,)``.

    Args:
        targets: Shape ``(n, m)``, NaN where a row lacks the metric; every row has one.
        groups: Of every metric, see :func:`metric_groups`.
    """
    first = (~np.isnan(targets)).argmax(axis=1)
    return np.asarray(np.array(groups, dtype=np.int64)[first])


def specialties(metrics: Sequence[str], groups: Sequence[int]) -> tuple[int, ...]:
    """Say which of several networks learns each metric: those of one quantity have one together.

    All metrics have one network unless some of different quantities share rows. A quantity is the
    part of a name before the slash; names without one, such as those of counts, are of the same.

    Args:
        metrics: Names.
        groups: Of every metric, see :func:`metric_groups`.

    Returns:
        Numbers of networks, from 0 in order of appearance.

    Example:
        >>> specialties(["accuracy_percent/x", "latency_ms/y", "latency_ms/z"], [0, 0, 0])
        (0, 1, 1)
        >>> specialties(["accuracy_percent/x", "latency_ms/y", "latency_ms/z"], [0, 1, 1])
        (0, 0, 0)
    """
    quantities = [name.rpartition("/")[0] for name in metrics]
    are_mixed = len(set(zip(groups, quantities, strict=True))) > len(set(groups))
    number = {quantity: place for place, quantity in enumerate(dict.fromkeys(quantities))}
    return tuple(are_mixed * number[quantity] for quantity in quantities)


def metrics_of(specialties: Sequence[int]) -> list[list[int]]:
    """Return the numbers of the metrics that each network learns."""
    return [
        [metric for metric, own in enumerate(specialties) if own == network]
        for network in range(1 + max(specialties))
    ]


def own_summaries(groups: Sequence[int], learned: Sequence[int]) -> tuple[int, ...]:
    """Say which summary of a text each metric reads: its own if it shares rows with other metrics.

    Metrics that have their rows for themselves read the first, and so do those not learned.

    Args:
        groups: Of every metric, see :func:`metric_groups`.
        learned: Numbers of the metrics that a network learns.

    Example:
        >>> own_summaries([0, 1, 1, 2], range(4))
        (0, 1, 2, 0)
    """
    sizes = Counter(groups[metric] for metric in learned)
    following = count(int(1 in sizes.values()))
    return tuple(
        next(following) if metric in learned and sizes[group] > 1 else 0
        for metric, group in enumerate(groups)
    )


def drawn_metrics(
    metrics: NDArray[np.int64], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return so many of some metrics, in their order; all where there are no more."""
    return metrics if len(metrics) <= most else np.sort(rng.choice(metrics, most, replace=False))


class RowStreams:
    """Draws batches; a rare group, and a rare metric within it, has more than its share of rows.

    A group comes as often as the square root of the number of its labels says: one of eight metrics
    has more to learn than one of a single metric on as many rows.
    """

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
        group = metric_groups(targets[kept])
        self._labelled = [kept[column] for column in known.T]
        members = [np.flatnonzero(group == k) for k in np.unique(group).tolist()]
        self._groups = [metrics for metrics in members if known[:, metrics].any()]
        weights = np.sqrt([known[:, metrics].sum() for metrics in self._groups])
        self._chances = weights / weights.sum()
        self._sizes = np.zeros(len(self._labelled), dtype=np.int64)
        for metrics in self._groups:
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
        for metric in self._groups[place].tolist():
            size = int(self._sizes[metric])
            if len(self._queues[metric]) < size:
                self._queues[metric] = self._rng.permutation(self._labelled[metric])
            drawn.append(self._queues[metric][:size])
            self._queues[metric] = self._queues[metric][size:]
        return np.unique(np.concatenate(drawn))
