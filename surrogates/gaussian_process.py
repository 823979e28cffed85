"""Gaussian processes on what can be counted in texts: columns, kernel and posterior.

The kernel is a Matern 5/2 of the distance between standardised logarithms, a linear kernel of
standardised counts, and noise ("Gaussian Processes for Machine Learning", 2006, chapters 2, 4 and
5). The first knows that alike graphs do alike, the second that latency and much else adds up. Their
numbers are those of the greatest marginal likelihood, with a prior on the linear part: few rows
cannot tell how much of it there is, and all of it orders them worse than a little. The prior was
chosen on development rows: with 16 rows Kendall's tau is .664 / .547 on NAS-Bench-201 / -101, without a
linear part .658 / .483, without a prior .647 / .517 (8 draws).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import ndtri

from surrogates.inputs.feature_table import FeatureTable, check_scales

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 2048
_LOG_LINEAR = (-3.0, 0.5)  # mean and deviation of the prior
_BOUNDS = {"variance": (1e-3, 1e3), "length": (0.1, 100.0), "noise": (1e-4, 1e1)}

_Rows = NDArray[np.float64]


@dataclass(frozen=True)
class CountColumns:
    """Standardised logarithms of counts, then standardised counts, both over the training rows.

    Attributes:
        table: Which counts, and the scales of their logarithms.
        means: Of the counts themselves.
        stds: Likewise; where a count is constant, its mean or 1, whichever is more.
    """

    table: FeatureTable
    means: tuple[float, ...]
    stds: tuple[float, ...]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> CountColumns:
        """Choose and scale the columns.

        Args:
            texts: Of the training rows, at least one.

        Raises:
            TextError: If a text cannot be read.
        """
        table = FeatureTable.fit(texts)
        counts = table.matrix(texts)
        means, stds = counts.mean(axis=0), counts.std(axis=0)
        stds = np.where(stds > 1e-9, stds, np.maximum(means, 1.0))
        return cls(table, tuple(means.tolist()), tuple(stds.tolist()))

    def __len__(self) -> int:
        """Return how many columns there are."""
        return 2 * len(self.table.names)

    def rows(self, texts: Sequence[str]) -> _Rows:
        """Return the columns of texts, shape ``(n, 2 k)``.

        Raises:
            TextError: If a text cannot be read.
        """
        if not texts:
            return np.zeros((0, len(self)))
        counts = self.table.matrix(texts)
        scaled = (counts - np.array(self.means)) / np.array(self.stds)
        return np.concatenate([self.table.standardised(counts), scaled], axis=1)

    def to_state(self) -> dict[str, Any]:
        """Return what :meth:`from_state` needs, as JSON can hold it."""
        return {
            "table": self.table.to_state(),
            "means": list(self.means),
            "stds": list(self.stds),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CountColumns:
        """Restore the columns.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If the parts have different lengths.
        """
        table = FeatureTable.from_state(state["table"])
        means, stds = (tuple(map(float, state[name])) for name in ("means", "stds"))
        if not len(table.names) == len(means) == len(stds):
            raise ValueError("columns and scales of counts differ in number")
        check_scales(means, stds)
        return cls(table, means, stds)


class Covariance(Protocol):
    """What is known of labels before a row is seen; rows are of shape ``(n, c)``."""

    @property
    def noise(self) -> float:
        """Variance of the noise of a label."""

    def mean(self, rows: _Rows) -> NDArray[np.float64]:
        """Return what is expected, shape ``(n,)``."""

    def between(self, a: _Rows, b: _Rows) -> _Rows:
        """Return covariance without noise, shape ``(n, m)``."""

    def at(self, rows: _Rows) -> NDArray[np.float64]:
        """Return variance of each row without noise, shape ``(n,)``."""

    def to_state(self) -> dict[str, Any]:
        """Return its numbers, as JSON can hold them."""


@dataclass(frozen=True)
class Kernel:
    """Variance and length of the Matern part, the noise, and the variance of the linear part."""

    variance: float
    length: float
    noise: float
    linear: float

    def between(self, a: _Rows, b: _Rows) -> _Rows:
        """Covariance without noise, shape ``(n, m)``, for rows (n, 2 k) and (m, 2 k)."""
        (logs, counts), (other_logs, other_counts) = _parts(a), _parts(b)
        alike = matern(distances_between(logs, other_logs), self.length)
        return np.asarray(self.variance * alike + self.linear * _products(counts, other_counts))

    def at(self, rows: _Rows) -> NDArray[np.float64]:
        """Variance of each row without noise, shape ``(n,)``."""
        _, counts = _parts(rows)
        return np.asarray(self.variance + self.linear * (counts**2).mean(axis=1))

    def mean(self, rows: _Rows) -> NDArray[np.float64]:
        """Nothing is expected of a row: 0, shape ``(n,)``."""
        return np.zeros(len(rows))

    def times(self, share: float) -> Kernel:
        """Return one that explains a share of the variance, with as much noise."""
        return replace(self, variance=share * self.variance, linear=share * self.linear)

    def to_state(self) -> dict[str, float]:
        """Return what :meth:`from_state` needs."""
        return asdict(self)

    @classmethod
    def from_state(cls, numbers: Mapping[str, float]) -> Kernel:
        """Restore the kernel of a checkpoint.

        Raises:
            AttributeError: If it is no mapping.
            TypeError: If it has another type or other numbers.
            ValueError: If a number is none.
        """
        return cls(**{name: float(value) for name, value in numbers.items()})


@dataclass(frozen=True)
class Posterior:
    """A process that has seen rows.

    Attributes:
        kernel: Its kernel.
        rows: Shape ``(n, c)``, of the kernel.
        labels: Shape ``(n,)``, mean about 0.
        lower: Cholesky factor of the rows' covariance with noise.
    """

    kernel: Covariance
    rows: _Rows
    labels: NDArray[np.float64]
    lower: _Rows

    @classmethod
    def of(cls, kernel: Covariance, rows: _Rows, labels: NDArray[np.float64]) -> Posterior:
        """Condition on rows; costs their cube."""
        covariance = kernel.between(rows, rows)
        covariance[np.diag_indices_from(covariance)] += kernel.noise
        return cls(kernel, rows, labels, np.asarray(cholesky(covariance, lower=True)))

    @classmethod
    def restored(
        cls, kernel: Covariance, rows: Tensor, labels: Tensor, n_columns: int
    ) -> Posterior:
        """Condition on rows of a checkpoint, of `n_columns` columns.

        Raises:
            ValueError: If rows and labels do not fit each other.
        """
        table = rows.numpy().reshape(-1, n_columns)
        if labels.shape != (len(table),):
            raise ValueError(f"{len(table)} rows have labels of shape {tuple(labels.shape)}")
        return cls.of(kernel, table, labels.numpy())

    @property
    def log_likelihood(self) -> float:
        """Logarithm of the density of the labels, but for a constant of their number."""
        fit = -0.5 * self._surprise @ self._weights
        return float(fit - np.log(np.diag(self.lower)).sum())

    def predict(self, rows: _Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation of a new label, noise included, each ``(m,)``."""
        mean, variance = np.zeros(len(rows)), np.zeros(len(rows))
        for first in range(0, len(rows), _CHUNK):
            part = slice(first, first + _CHUNK)
            shared = self.kernel.between(rows[part], self.rows)
            mean[part] = self.kernel.mean(rows[part]) + shared @ self._weights
            known = solve_triangular(self.lower, shared.T, lower=True)
            variance[part] = self.kernel.at(rows[part]) - (known**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 0.0) + self.kernel.noise)

    @cached_property
    def _surprise(self) -> NDArray[np.float64]:
        """What the labels are beyond what was expected, shape ``(n,)``."""
        return self.labels - self.kernel.mean(self.rows)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """Of the rows in a mean, shape ``(n,)``."""
        return np.asarray(cho_solve((self.lower, True), self._surprise))


def distances_between(a: _Rows, b: _Rows) -> _Rows:
    """Return Euclidean distances, shape ``(n, m)``, of rows (n, k) and (m, k).

    One product of matrices finds them. Those of equal rows come out as some millionths instead of 0,
    which no kernel minds that is smooth there.
    """
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    squares -= 2.0 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def matern(distances: _Rows, length: float) -> _Rows:
    """Correlation at some distances, Matern 5/2."""
    r = distances * (np.sqrt(5.0) / length)
    return np.asarray((1.0 + r * (1.0 + r / 3.0)) * np.exp(-r))


def normal_quantiles(n: int) -> NDArray[np.float64]:
    """Return the middle quantiles of n equal shares of the standard normal distribution: ``(n,)``."""
    return np.asarray(ndtri((np.arange(n) + 0.5) / n))


def choose_kernel(rows: _Rows, labels: NDArray[np.float64]) -> Kernel:
    """Choose a kernel by marginal likelihood and prior, from one start; it may end at a bound.

    Args:
        rows: Shape ``(n, 2 k)``, see :class:`CountColumns`.
        labels: Shape ``(n,)``, standardised.
    """
    from scipy.optimize import minimize  # takes a while, and predictions do without

    logs, counts = _parts(rows)
    unit = float(np.sqrt(logs.shape[1]))
    expected, deviation = _LOG_LINEAR
    least_noise = _BOUNDS["noise"][0]
    if not np.ptp(labels):
        return Kernel(1.0, unit, least_noise, float(np.exp(expected)))
    distances, products = distances_between(logs, logs), _products(counts, counts)

    def cost(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Negative log posterior of the logarithms of the four numbers, and its gradient."""
        variance, length, noise, linear = np.exp(theta)
        r = np.sqrt(5.0) * distances / length
        fading = variance * np.exp(-r)
        matern, of_linear = fading * (1.0 + r + r**2 / 3.0), linear * products
        covariance = matern + of_linear
        covariance[np.diag_indices_from(covariance)] += noise
        factor = cholesky(covariance, lower=True), True
        weights = cho_solve(factor, labels)
        slope = 0.5 * (cho_solve(factor, np.eye(len(labels))) - np.outer(weights, weights))
        away = (theta[3] - expected) / deviation
        gradient = [
            (slope * matern).sum(),
            (slope * fading * r**2 * (1.0 + r) / 3.0).sum(),
            noise * slope.trace(),
            (slope * of_linear).sum() + away / deviation,
        ]
        fit = 0.5 * labels @ weights + np.log(np.diag(factor[0])).sum()
        return float(fit + 0.5 * away**2), np.array(gradient)

    limits = [_BOUNDS["variance"], _BOUNDS["length"], _BOUNDS["noise"]]
    scales = (1.0, unit, 1.0)
    bounds = [tuple(np.log(np.multiply(b, s))) for b, s in zip(limits, scales, strict=True)]
    start = np.array([0.0, np.log(unit), np.log(0.1), expected])
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    variance, length, noise, linear = np.exp(found.x).tolist()
    return Kernel(variance, length, noise, linear)


def _parts(rows: _Rows) -> tuple[_Rows, _Rows]:
    """Logarithms and counts of rows of :class:`CountColumns`."""
    middle = rows.shape[1] // 2
    return rows[:, :middle], rows[:, middle:]


def _products(a: _Rows, b: _Rows) -> _Rows:
    """Mean product over columns, shape ``(n, m)``."""
    return np.asarray(a @ b.T / a.shape[1])
