"""The architectures that were evaluated: each network once, with its values, and the front.

Values may be predicted or measured; the archive does not care, as long as all are of one kind.
Optuna's own front takes a tenth of a second at 2,000 trials and grows with the square; this one
keeps arrays and sorts.
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas_rlm.budget import Budget, total_violation
from nas_rlm.errors import ArrayError
from nas_rlm.metrics import Metric, to_objectives
from nas_rlm.pareto.dominance import (
    crowding_distances,
    non_dominated_mask,
    non_dominated_ranks,
)

Values = Mapping[str, NDArray[np.float64]]
"""Metric name to shape ``(n,)``, in the metric's unit."""


class Archive:
    """Distinct networks with their values, in the order in which they came."""

    def __init__(self, objectives: Sequence[Metric], budgets: Sequence[Budget] = ()) -> None:
        """Start empty.

        Args:
            objectives: The metrics that are optimized.
            budgets: Limits that a network of the front must meet.
        """
        self.objective_metrics = tuple(objectives)
        self.budgets = tuple(budgets)
        budgeted = (budget.metric.name for budget in self.budgets)
        names = (metric.name for metric in self.objective_metrics)
        self.metrics = tuple(dict.fromkeys((*names, *budgeted)))
        self._rows: dict[str, int] = {}
        self._genomes: list[tuple[int, ...]] = []
        self._values: dict[str, list[float]] = {name: [] for name in self.metrics}

    def __len__(self) -> int:
        return len(self._genomes)

    def __contains__(self, digest: object) -> bool:
        return digest in self._rows

    def add(
        self, digests: Sequence[str], genomes: Sequence[tuple[int, ...]], values: Values
    ) -> None:
        """Add networks.

        Args:
            digests: Per network; one that is in the archive already keeps its first values.
            genomes: Per network.
            values: Finite values of every metric in `metrics`.

        Raises:
            ArrayError: If lengths disagree, a metric is missing or a value is not finite.
        """
        columns = {name: self._column(name, values, len(digests)) for name in self.metrics}
        if len(genomes) != len(digests):
            message = f"{len(digests)} digests need as many genomes, but got {len(genomes)}."
            raise ArrayError(message)
        for row, (name, genome) in enumerate(zip(digests, genomes, strict=True)):
            if name in self._rows:
                continue
            self._rows[name] = len(self._genomes)
            self._genomes.append(genome)
            for metric, column in columns.items():
                self._values[metric].append(float(column[row]))
        self.__dict__.pop("objectives", None)
        self.__dict__.pop("violations", None)

    @property
    def digests(self) -> tuple[str, ...]:
        """Digest of each network."""
        return tuple(self._rows)

    @property
    def genomes(self) -> NDArray[np.int64]:
        """Shape ``(n, genes)``, or ``(0, 0)`` when empty."""
        return np.array(self._genomes, dtype=np.int64).reshape(len(self), -1 if len(self) else 0)

    def values(self, metric: str) -> NDArray[np.float64]:
        """Values of one metric, shape ``(n,)``.

        Raises:
            ArrayError: If the archive does not keep it.
        """
        if metric not in self._values:
            message = f"The archive keeps no {metric!r}, only {', '.join(self.metrics)}."
            raise ArrayError(message)
        return np.array(self._values[metric])

    @functools.cached_property
    def objectives(self) -> NDArray[np.float64]:
        """Minimized objectives, shape ``(n, m)``."""
        names = [metric.name for metric in self.objective_metrics]
        columns = np.stack([self.values(name) for name in names], axis=1)
        return to_objectives(columns, self.objective_metrics)

    @functools.cached_property
    def violations(self) -> NDArray[np.float64]:
        """How far each network breaks the budgets, shape ``(n,)``; 0 where it meets all."""
        if not self.budgets:
            return np.zeros(len(self))
        return total_violation(self.budgets, {name: self.values(name) for name in self.metrics})

    def front(self) -> NDArray[np.int64]:
        """Rows that meet every budget and are dominated by no other that does.

        Returns:
            Row numbers by the first objective, best first; networks of equal objectives all count.
        """
        feasible = np.flatnonzero(self.violations == 0.0)
        rows = feasible[non_dominated_mask(self.objectives[feasible])]
        return np.asarray(rows[np.lexsort(self.objectives[rows].T[::-1])], dtype=np.int64)

    def ranking(self) -> NDArray[np.int64]:
        """All rows, best first: by violation, layer, then distance to the neighbours.

        Returns:
            Row numbers; the order by which parents are chosen.
        """
        ranks = constrained_ranks(self.objectives, self.violations)
        crowding = crowding_distances(self.objectives, ranks)
        return np.lexsort((np.arange(len(self)), -crowding, ranks)).astype(np.int64)

    @staticmethod
    def _column(name: str, values: Values, n: int) -> NDArray[np.float64]:
        """Checked values of a metric."""
        if name not in values:
            message = f"The archive needs {name!r}, but got {', '.join(values) or 'nothing'}."
            raise ArrayError(message)
        column = np.asarray(values[name], dtype=np.float64)
        if column.shape != (n,) or not np.isfinite(column).all():
            message = f"{name!r} must be {n} finite values, but has shape {column.shape}."
            raise ArrayError(message)
        return column


def constrained_ranks(
    objectives: NDArray[np.float64], violations: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Sort points into layers, those that break a budget behind all others, by how far.

    Args:
        objectives: Shape ``(n, m)``, minimized.
        violations: Shape ``(n,)``, 0 where every budget is met.

    Returns:
        Shape ``(n,)``; 0 is the front.

    Source:
        Constrained domination of "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
        doi:10.1109/4235.996017, section VI.
    """
    feasible = violations == 0.0
    ranks = np.zeros(len(objectives), dtype=np.int64)
    inner = non_dominated_ranks(objectives[feasible])
    ranks[feasible] = inner
    if not feasible.all():
        layers = np.unique(violations[~feasible], return_inverse=True)[1].reshape(-1)
        ranks[~feasible] = layers + (int(inner.max()) + 1 if inner.size else 0)
    return ranks


def spread_rows(objectives: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Choose some points of a front that lie far from each other, the ends first.

    Args:
        objectives: Shape ``(k, m)``, mutually non-dominated.
        n: How many, at least 1.

    Returns:
        At most n row numbers, ascending. Each next point is the one farthest from those chosen,
        objectives scaled to the range of the front.
    """
    if len(objectives) <= n:
        return np.arange(len(objectives))
    span = np.ptp(objectives, axis=0)
    scaled = (objectives - objectives.min(axis=0)) / np.where(span > 0, span, 1.0)
    chosen = list(dict.fromkeys(int(row) for row in scaled.argmin(axis=0)))[:n]
    distance = np.min([np.linalg.norm(scaled - scaled[row], axis=1) for row in chosen], axis=0)
    while len(chosen) < n:
        row = int(distance.argmax())
        chosen.append(row)
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[row], axis=1))
    return np.array(sorted(chosen), dtype=np.int64)
