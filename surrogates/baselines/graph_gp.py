"""A Gaussian process on graph features: small data, and a spread that means something.

Features after GRAF, arXiv:2404.16551, of the text's whole graph, for a surrogate sees no genome;
see :mod:`surrogates.inputs.graph_features`. The process is that of
:mod:`surrogates.gaussian_process`; its kernel is chosen on a random part of the rows when
there are many, and the posterior is exact on all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.baselines.settings import GraphGpSettings
from surrogates.checkpoint import read_checkpoint, write_checkpoint
from surrogates.errors import CheckpointError, LabelError, NotFittedError
from surrogates.gaussian_process import (
    CountColumns,
    Kernel,
    Posterior,
    choose_kernel,
    normal_quantiles,
)
from surrogates.targets import Target, fit_targets, read_targets, targets_to_state

N_QUANTILES = 32
"""Values of a distribution: the middle quantiles of as many equal shares of the normal one."""


@dataclass(frozen=True)
class _Fitted:
    """All that prediction needs."""

    columns: CountColumns
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
        columns = CountColumns.fit(texts)
        rows = columns.rows(texts)
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
        self._fitted = _Fitted(columns, targets, posteriors)
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Return the predictive distributions; see :meth:`surrogates.Surrogate.predict`."""
        fitted = self._require_fitted("predicts")
        rows = fitted.columns.rows(texts)
        normal = normal_quantiles(N_QUANTILES)
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
            "columns": fitted.columns.to_state(),
            "targets": targets_to_state(fitted.targets),
            "kernels": [posterior.kernel.to_state() for posterior in fitted.posteriors.values()],
        }
        write_checkpoint(folder, self.name, state, weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state, weights = read_checkpoint(folder, cls.name)
        try:
            loaded = cls(**state["settings"])
            columns = CountColumns.from_state(state["columns"])
            targets = read_targets(state["targets"])
            posteriors = {
                metric: Posterior.restored(
                    Kernel.from_state(kernel),
                    weights[f"{k}.rows"],
                    weights[f"{k}.labels"],
                    len(columns),
                )
                for k, (metric, kernel) in enumerate(zip(targets, state["kernels"], strict=True))
            }
        except (KeyError, TypeError, ValueError, AttributeError, np.linalg.LinAlgError) as error:
            raise CheckpointError(
                f"{folder} must hold a Gaussian process, but it is damaged: {error!r}."
            ) from error
        loaded._fitted = _Fitted(columns, targets, posteriors)
        return loaded

    def _require_fitted(self, what: str) -> _Fitted:
        """Return the fitted state, or say that there is none."""
        if self._fitted is None:
            raise NotFittedError(f"A Gaussian process must be fitted before it {what}.")
        return self._fitted
