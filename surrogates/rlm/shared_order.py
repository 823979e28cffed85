"""In which order networks of a search space come that was never learned, without a row of it.

Counts are standardised by each space's own texts, so a text says how its network stands out among
those that it competes with: more mult-adds than most, a longer path. What each metric makes of that
is the mean of a Gaussian process on some of its rows, and an unseen space is ordered by the mean of
these functions over the spaces that are known. Networks are no help: trained on other spaces they
order one by what only those have.

A function is a sum over a few texts, the inducing inputs of "A Unifying View of Sparse Approximate
Gaussian Process Regression", 2005, section 5 (subset of regressors): a checkpoint holds their counts
and a weight for each, and no labels.

Kendall's tau on development rows of a space after 250 rows of each of five others: NAS-Bench-101 .358,
NAS-Bench-201 .828, NAS-Bench-Macro .527, Once-for-All .795, DARTS .361, ENAS -.016, .476 on average;
with 20 inducing texts of each space .477, with 80 .476. One process for all metrics, correlated by a
half, gives .462, 1,500 rows of each space .460, no share for mult-adds .437, mult-adds alone .460.
Measured by 5, 10, 30 or 100 texts of the new space instead of 1,000: .488, .473, .472 and .488 among
these, against .496, .480, .476 and .490 (60 draws, of 100 texts 10; noise 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.spatial.distance import cdist
from torch import Tensor

from surrogates.gaussian_process import matern
from surrogates.inputs.feature_table import CountScale, FeatureTable

NOISE = 0.5
"""Variance of the noise of a normal score."""

_LENGTH = 5.0
"""Of the kernel, times the root of the number of counts."""
_OF_SIZE = 0.1
"""Share of the kernel that is linear in mult-adds, the one count that orders networks in most spaces;
among a hundred others it is hardly seen."""
_SIZE = "macs"
_N_INDUCING = 24
"""Texts of each space."""
_JITTER = 1e-6

_Rows = NDArray[np.float64]


def covariance(names: Sequence[str], a: _Rows, b: _Rows) -> _Rows:
    """Return the covariance of what one metric makes of texts, without noise, shape ``(n, m)``.

    Args:
        names: Of the counts, length c.
        a: Deviations of the counts, each by its space, shape ``(n, c)``.
        b: Likewise, shape ``(m, c)``.
    """
    alike = matern(cdist(a, b), _LENGTH * float(np.sqrt(len(names))))
    sizes = _sizes(names, a) @ _sizes(names, b).T
    return np.asarray((1.0 - _OF_SIZE) * alike + _OF_SIZE * sizes)


def variance(names: Sequence[str], rows: _Rows) -> NDArray[np.float64]:
    """Return the diagonal of :func:`covariance` of rows with themselves, shape ``(n,)``."""
    return np.asarray(1.0 - _OF_SIZE + _OF_SIZE * (_sizes(names, rows) ** 2).sum(axis=1))


def _sizes(names: Sequence[str], rows: _Rows) -> _Rows:
    """The column of mult-adds, shape ``(n, 1)``, or ``(n, 0)`` where it is not counted."""
    return rows[:, [place for place, name in enumerate(names) if name == _SIZE]]


@dataclass(frozen=True)
class SharedOrder:
    """What metrics of several search spaces make of counts.

    Attributes:
        table: What is counted.
        rows: Deviations of the counts of the inducing texts, shape ``(u, c)``.
        weights: Metric to the weight of each, shape ``(u,)``.
        groups: Metric to its space.
    """

    table: FeatureTable
    rows: _Rows
    weights: Mapping[str, NDArray[np.float64]]
    groups: Mapping[str, int]

    @classmethod
    def of(
        cls,
        table: FeatureTable,
        rows: Mapping[str, _Rows],
        labels: Mapping[str, NDArray[np.float64]],
        groups: Mapping[str, int],
    ) -> SharedOrder:
        """Learn a function for each metric.

        Args:
            table: What is counted.
            rows: Metric to deviations of counts in random order, shape ``(n, c)``; not empty.
            labels: Metric to normal scores, shape ``(n,)``.
            groups: Metric to its space.
        """
        first = {groups[metric]: metric for metric in reversed(list(rows))}
        inducing = np.concatenate([rows[metric][:_N_INDUCING] for metric in first.values()])
        among = covariance(table.names, inducing, inducing)
        among[np.diag_indices_from(among)] += _JITTER
        weights = {}
        for metric, own in rows.items():
            between = covariance(table.names, inducing, own)
            precision = NOISE * among + between @ between.T
            weights[metric] = _rounded(solve(precision, between @ labels[metric], assume_a="pos"))
        return cls(table, inducing, weights, {metric: groups[metric] for metric in rows})

    def scores(self, metrics: Sequence[str], texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the mean normal score that the spaces of some metrics expect of each text.

        Args:
            metrics: At least one of those here; those of one space count as one.
            texts: Of the new space, length n, at least one; they are measured by themselves.

        Returns:
            Shape ``(n,)``.

        Raises:
            TextError: If a text cannot be read.
        """
        logarithms = self.table.logarithms(texts)
        counts = CountScale.of(logarithms).standardised(logarithms)
        spaces = {self.groups[metric] for metric in metrics}
        of_spaces = [
            np.mean([self.weights[m] for m in metrics if self.groups[m] == space], axis=0)
            for space in spaces
        ]
        weights = np.mean(of_spaces, axis=0)
        return np.asarray(covariance(self.table.names, counts, self.rows) @ weights)

    def to_json(self) -> dict[str, Any]:
        """Return all but the numbers, as JSON can hold it."""
        return {"table": self.table.to_state(), "groups": dict(self.groups)}

    def tensors(self) -> dict[str, Tensor]:
        """Return the rows and weights by name."""
        weights = np.stack([self.weights[metric] for metric in self.groups])
        return {
            "rows": torch.from_numpy(self.rows.astype(np.float16)),
            "weights": torch.from_numpy(weights.astype(np.float32)),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SharedOrder:
        """Restore what :meth:`to_json` and :meth:`tensors` gave.

        Raises:
            AttributeError: If a part has another type.
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        table = FeatureTable.from_state(state["table"])
        groups = {str(metric): int(group) for metric, group in state["groups"].items()}
        rows, weights = (tensors[name].double().numpy() for name in ("rows", "weights"))
        if rows.shape[1:] != (len(table.names),) or weights.shape != (len(groups), len(rows)):
            raise ValueError(
                f"an order of {len(groups)} metrics by {len(table.names)} counts has rows "
                f"{rows.shape} and weights {weights.shape}"
            )
        if not (groups and np.isfinite(rows).all() and np.isfinite(weights).all()):
            raise ValueError("an order must be of at least one metric and of finite numbers")
        return cls(table, rows, dict(zip(groups, weights, strict=True)), groups)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as a checkpoint will hold them."""
    return values.astype(np.float32).astype(np.float64)
