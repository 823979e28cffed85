"""A Gaussian process on graph features: small data, and a spread that means something.

Features after GRAF, arXiv:2404.16551, of the text's whole graph, for a surrogate sees no genome;
see :mod:`surrogates.inputs.graph_features`. The kernel is variance times Matern 5/2 of the distance
between standardised features, plus noise ("Gaussian Processes for Machine Learning", 2006,
chapters 2, 4 and 5). scikit-learn chooses its three numbers by marginal likelihood, on a random
part of the rows when there are many; the exact posterior on all rows is computed here, so a
checkpoint holds plain arrays and predicts without scikit-learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.baselines.settings import GraphGpSettings
from surrogates.checkpoint import read_manifest, read_weights, write_checkpoint
from surrogates.errors import CheckpointError, LabelError, NotFittedError
from surrogates.gnn.targets import Target, fit_targets, read_targets, targets_to_state
from surrogates.inputs.feature_table import FeatureTable

if TYPE_CHECKING:
    from torch import Tensor

N_QUANTILES = 32
"""Values of a distribution: the middle quantiles of as many equal shares of the normal one."""

_CHUNK = 2048
_VARIANCES = (1e-3, 1e3)
_NOISES = (1e-4, 1e1)


@dataclass(frozen=True)
class Kernel:
    """Variance, length and noise of a Matern 5/2 kernel."""

    variance: float
    length: float
    noise: float

    def between(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance without noise, shape ``(n, m)``, for rows (n, k) and (m, k)."""
        r = np.sqrt(5.0) * cdist(a, b) / self.length
        return np.asarray(self.variance * (1.0 + r + r**2 / 3.0) * np.exp(-r))


@dataclass(frozen=True)
class Posterior:
    """A process that has seen rows.

    Attributes:
        kernel: Its kernel.
        rows: Shape ``(n, k)``.
        labels: Shape ``(n,)``, mean about 0.
        lower: Cholesky factor of the rows' covariance with noise.
    """

    kernel: Kernel
    rows: NDArray[np.float64]
    labels: NDArray[np.float64]
    lower: NDArray[np.float64]

    @classmethod
    def of(
        cls, kernel: Kernel, rows: NDArray[np.float64], labels: NDArray[np.float64]
    ) -> Posterior:
        """Condition on rows; costs their cube."""
        covariance = kernel.between(rows, rows)
        covariance[np.diag_indices_from(covariance)] += kernel.noise
        return cls(kernel, rows, labels, np.asarray(cholesky(covariance, lower=True)))

    @classmethod
    def restored(
        cls, kernel: Mapping[str, float], rows: Tensor, labels: Tensor, n_columns: int
    ) -> Posterior:
        """Condition on rows of a checkpoint, of `n_columns` features."""
        numbers = {name: float(value) for name, value in kernel.items()}
        return cls.of(Kernel(**numbers), rows.numpy().reshape(-1, n_columns), labels.numpy())

    def predict(
        self, rows: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation of a new label, noise included, each ``(m,)``."""
        weights = cho_solve((self.lower, True), self.labels)
        mean, variance = np.zeros(len(rows)), np.zeros(len(rows))
        for first in range(0, len(rows), _CHUNK):
            part = slice(first, first + _CHUNK)
            shared = self.kernel.between(rows[part], self.rows)
            mean[part] = shared @ weights
            known = solve_triangular(self.lower, shared.T, lower=True)
            variance[part] = self.kernel.variance - (known**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 0.0) + self.kernel.noise)


@dataclass(frozen=True)
class _Fitted:
    """All that prediction needs."""

    table: FeatureTable
    targets: dict[str, Target]
    posteriors: dict[str, Posterior]


class GraphGpRegressor(Surrogate):
    """A Gaussian process on the features of the statement graph, one a metric.

    The distribution is the predictive normal one of the scaled label, carried back to the metric's
    unit quantile by quantile.
    """

    name: ClassVar[str] = "graph_gp"

    def __init__(self, **settings: Any) -> None:
        """Create an unfitted surrogate.

        Args:
            **settings: Fields of :class:`GraphGpSettings`.

        Raises:
            SettingsError: If a setting is out of range.
            TypeError: If a setting is unknown.
        """
        self.settings = GraphGpSettings(**settings)
        self._fitted: _Fitted | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metric names of the training rows, in order of first appearance."""
        return () if self._fitted is None else tuple(self._fitted.targets)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Choose the kernels and condition on the rows; see :meth:`surrogates.Surrogate.fit`.

        Raises:
            LabelError: If the rows are unusable, or those of a metric more than ``max_rows``.
        """
        metrics = check_rows(texts, labels)
        n_most = max(Counter(metric for row in labels for metric in row).values())
        if n_most > self.settings.max_rows:
            raise LabelError(
                f"A Gaussian process takes at most `max_rows` = {self.settings.max_rows} rows of a "
                f"metric, but got {n_most}. Use 'graph_trees', or raise it: time grows with the cube."
            )
        table = FeatureTable.fit(texts)
        rows = table.scaled(texts)
        targets, standardised = fit_targets(labels, metrics, self.settings.rank_share)
        rng = np.random.default_rng(seed)
        posteriors = {}
        for k, metric in enumerate(metrics):
            known = np.flatnonzero(~np.isnan(standardised[:, k]))
            chosen = np.sort(rng.permutation(known)[: self.settings.n_tuning_rows])
            kernel = choose_kernel(rows[chosen], standardised[chosen, k])
            posteriors[metric] = Posterior.of(kernel, rows[known], standardised[known, k])
            if progress is not None:
                progress(k + 1, len(metrics), {})
        self._fitted = _Fitted(table, targets, posteriors)
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Return the predictive distributions; see :meth:`surrogates.Surrogate.predict`."""
        fitted = self._require_fitted("predicts")
        rows = fitted.table.scaled(texts)
        normal = ndtri((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES)
        found = {}
        for metric in self.select_metrics(metrics):
            mean, std = fitted.posteriors[metric].predict(rows)
            values = fitted.targets[metric].restore(mean[:, None] + std[:, None] * normal)
            found[metric] = PredictiveDistribution(values, np.full_like(values, 1 / N_QUANTILES))
        return Prediction(found)

    def save(self, folder: Path) -> None:
        """Write rows, labels and kernels; see :meth:`surrogates.Surrogate.save`."""
        from torch import from_numpy

        fitted = self._require_fitted("is saved")
        weights = {}
        for k, posterior in enumerate(fitted.posteriors.values()):
            weights[f"{k}.rows"] = from_numpy(posterior.rows)
            weights[f"{k}.labels"] = from_numpy(posterior.labels)
        state = {
            "settings": asdict(self.settings),
            "features": fitted.table.to_state(),
            "targets": targets_to_state(fitted.targets),
            "kernels": [asdict(posterior.kernel) for posterior in fitted.posteriors.values()],
        }
        write_checkpoint(folder, self.name, state, weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state = read_manifest(folder, cls.name)["state"]
        weights = read_weights(folder)
        try:
            loaded = cls(**state["settings"])
            table = FeatureTable.from_state(state["features"])
            targets = read_targets(state["targets"])
            posteriors = {
                metric: Posterior.restored(
                    kernel, weights[f"{k}.rows"], weights[f"{k}.labels"], len(table.names)
                )
                for k, (metric, kernel) in enumerate(zip(targets, state["kernels"], strict=True))
            }
        except (KeyError, TypeError, ValueError, AttributeError, np.linalg.LinAlgError) as error:
            raise CheckpointError(
                f"{folder} must hold a Gaussian process, but it is damaged: {error!r}."
            ) from error
        loaded._fitted = _Fitted(table, targets, posteriors)
        return loaded

    def _require_fitted(self, what: str) -> _Fitted:
        """Return the fitted state, or say that there is none."""
        if self._fitted is None:
            raise NotFittedError(f"A Gaussian process must be fitted before it {what}.")
        return self._fitted


def choose_kernel(rows: NDArray[np.float64], labels: NDArray[np.float64]) -> Kernel:
    """Choose a kernel by marginal likelihood, from one start; it may end at a limit of its range.

    Args:
        rows: Shape ``(n, k)``, standardised.
        labels: Shape ``(n,)``, standardised.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    length = float(np.sqrt(rows.shape[1]))
    if not np.ptp(labels):
        return Kernel(1.0, length, _NOISES[0])
    lengths = (0.1 * length, 100.0 * length)
    kernel = ConstantKernel(1.0, _VARIANCES) * Matern(length, lengths, nu=2.5) + WhiteKernel(
        0.1, _NOISES
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a limit that was reached, as said
        fitted = GaussianProcessRegressor(kernel).fit(rows, labels).kernel_
    variance, length, noise = np.exp(fitted.theta).tolist()
    return Kernel(variance, length, noise)
