"""A new metric as a linear function of what is predicted for known ones, learned from tens of rows.

Bayesian linear regression ("Pattern Recognition and Machine Learning", 2006, sections 3.3 and 3.5).
The regressors are the mean of the three known metrics that order the rows best, and each of the
seven that do: a new device is mostly like its nearest ones, and a little of others. The variances of
their weights and the noise have the greatest evidence under a prior.

Settings were chosen on development rows, eight draws of 10 and 20 latencies of devices of which an RLM
knew nine others: seven devices of NAS-Bench-201 (1,770 networks known) and six of FBNet (490). Mean
Spearman's rho: three and seven .962 / .968 and .911 / .929, three and all nine .962 / .967 and .897 /
.925, two and seven .964 / .968 and .905 / .927, a quarter of the variance for each of the seven .957 /
.966 and .905 / .926; on logarithms of labels and predictions up to .002 less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import minimize

from surrogates.errors import LabelError

N_NEAREST, N_KNOWN = 3, 7
"""Known metrics that count together, and that count at all."""
LEAST_LABELS = 3
"""Different labels without which a metric is not learned."""

_EXPECTED, _DEVIATIONS = np.log([1.0, np.exp(-2.0), 0.1]), 1.0
"""Of the logarithms of the variances of the weight of the nearest, of those of all together, and of
the noise."""
_LEAST_STD = 1e-9

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearTransfer:
    """A linear function of k predicted metrics with what is unsure about it.

    Attributes:
        means: Of the predictions for the rows, shape ``(k,)``.
        scales: Likewise, one by their standard deviations; 0 where all are alike.
        centre: Of the labels.
        spread: Likewise.
        weights: Of intercept, nearest and each known metric, shape ``(k + 2,)``.
        covariance: Of the weights.
        noise: Variance of a label about the function.
    """

    means: _Array
    scales: _Array
    centre: float
    spread: float
    weights: _Array
    covariance: _Array
    noise: float

    @classmethod
    def fit(cls, predicted: _Array, labels: _Array) -> Self:
        """Learn from rows.

        Args:
            predicted: Shape ``(n, k)``, of known metrics in their units, at least one, those that
                order the rows best first.
            labels: Shape ``(n,)``, finite.

        Raises:
            LabelError: If there are fewer than `LEAST_LABELS` different labels.
        """
        if len(np.unique(labels)) < LEAST_LABELS:
            raise LabelError(
                f"A new metric needs at least {LEAST_LABELS} different labels, better some tens, "
                f"but got {len(np.unique(labels))}."
            )
        means, stds = predicted.mean(axis=0), predicted.std(axis=0)
        varies = stds > _LEAST_STD * np.abs(predicted).max(axis=0)
        scales = np.where(varies, 1.0 / np.where(varies, stds, 1.0), 0.0)
        centre, spread = float(labels.mean()), float(labels.std())
        regressors = _regressors((predicted - means) * scales)
        learned = _regression(regressors, (labels - centre) / spread)
        return cls(means, scales, centre, spread, *learned)

    def predict(self, predicted: _Array) -> tuple[_Array, _Array]:
        """Return mean and standard deviation of a label, each of shape ``(m,)``.

        Args:
            predicted: Shape ``(m, k)``.
        """
        regressors = _regressors((predicted - self.means) * self.scales)
        mean = regressors @ self.weights
        variance = ((regressors @ self.covariance) * regressors).sum(axis=1) + self.noise
        return self.centre + self.spread * mean, self.spread * np.sqrt(variance)

    def left_out(self, predicted: _Array, labels: _Array) -> _Array:
        """Return what is predicted for each row by all others, shape ``(n,)``.

        The variances, and which metrics are known, stay those of all rows: a little is flattered.

        Args:
            predicted: Of the rows that it was fitted to.
            labels: Likewise.
        """
        regressors = _regressors((predicted - self.means) * self.scales)
        leverage = ((regressors @ self.covariance) * regressors).sum(axis=1) / self.noise
        errors = labels - self.predict(predicted)[0]
        return np.asarray(labels - errors / (1.0 - leverage))

    def to_state(self) -> dict[str, Any]:
        """Return what :meth:`from_state` needs, as JSON can hold it."""
        return {
            "means": self.means.tolist(),
            "scales": self.scales.tolist(),
            "centre": self.centre,
            "spread": self.spread,
            "weights": self.weights.tolist(),
            "covariance": self.covariance.tolist(),
            "noise": self.noise,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], n_known: int) -> Self:
        """Restore one.

        Args:
            state: From :meth:`to_state`.
            n_known: k.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other, or a number is not finite.
        """
        names = "means", "scales", "weights", "covariance"
        means, scales, weights, covariance = (np.array(state[k], dtype=np.float64) for k in names)
        centre, spread, noise = (float(state[name]) for name in ("centre", "spread", "noise"))
        shapes = [part.shape for part in (means, scales, weights, covariance)]
        if shapes != [(n_known,), (n_known,), (n_known + 2,), (n_known + 2, n_known + 2)]:
            raise ValueError(f"what is learned from {n_known} metrics has parts of other shapes")
        found = cls(means, scales, centre, spread, weights, covariance, noise)
        if not all(np.isfinite(part).all() for part in vars(found).values()) or noise <= 0.0:
            raise ValueError("what is learned must be finite, and its noise above 0")
        return found


def _regressors(standardised: _Array) -> _Array:
    """Intercept, mean of the nearest, and each by the root of their number: ``(n, k + 2)``."""
    one = np.ones((len(standardised), 1))
    near = standardised[:, :N_NEAREST].mean(axis=1, keepdims=True)
    return np.hstack([one, near, standardised / np.sqrt(standardised.shape[1])])


def _regression(regressors: _Array, labels: _Array) -> tuple[_Array, _Array, float]:
    """Choose variances by evidence and prior; return mean and covariance of weights, and noise."""
    n, n_weights = regressors.shape
    gram, moments, total = regressors.T @ regressors, regressors.T @ labels, labels @ labels

    def solved(theta: _Array) -> tuple[_Array, _Array, _Array, float]:
        """Prior variances, Cholesky factor of the posterior precision, mean of weights, noise."""
        near, other, noise = np.exp(theta).tolist()
        variances = np.array([1.0 / n, near, *[other] * (n_weights - 2)])
        factor = cholesky(gram / noise + np.diag(1.0 / variances), lower=True)
        return variances, factor, cho_solve((factor, True), moments / noise), noise

    def cost(theta: _Array) -> float:
        """Negative logarithm of evidence and prior."""
        variances, factor, mean, noise = solved(theta)
        fit = 0.5 * (total - moments @ mean) / noise
        size = 0.5 * (n * np.log(noise) + np.log(variances).sum()) + np.log(np.diag(factor)).sum()
        return float(fit + size + 0.5 * np.square((theta - _EXPECTED) / _DEVIATIONS).sum())

    bounds = [(expected - 10.0, expected + 10.0) for expected in _EXPECTED]
    found = minimize(cost, _EXPECTED, method="L-BFGS-B", bounds=bounds)
    _, factor, mean, noise = solved(found.x)
    return mean, np.asarray(cho_solve((factor, True), np.eye(n_weights))), noise
