"""From a metric's unit to what a learner predicts, and back: scaled, then standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surrogates.base import Labels
from surrogates.metric_scale import MetricScale


@dataclass(frozen=True)
class Target:
    """The scale of one metric.

    Attributes:
        scale: Mixes raw range and ranks, see :mod:`surrogates.metric_scale`.
        mean: Of the scaled training labels.
        std: Likewise; 1 where they are constant.
    """

    scale: MetricScale
    mean: float
    std: float

    @classmethod
    def fit(cls, values: NDArray[np.float64], rank_share: float) -> Target:
        """Fit on the finite training labels of one metric, shape ``(n,)``."""
        scale = MetricScale.fit(values, rank_share=rank_share)
        scaled = scale.to_scaled(values)
        return cls(scale, float(scaled.mean()), float(scaled.std()) or 1.0)

    def standardise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the metric's unit, any shape; NaN stays NaN."""
        return (self.scale.to_scaled(values) - self.mean) / self.std

    def restore(self, standardised: NDArray[np.float64]) -> NDArray[np.float64]:
        """Back to the metric's unit, any shape."""
        return self.scale.to_raw(standardised * self.std + self.mean)


def fit_targets(
    labels: Sequence[Labels], metrics: Sequence[str], rank_share: float
) -> tuple[dict[str, Target], NDArray[np.float64]]:
    """Fit the scale of every metric and return the standardised labels.

    Args:
        labels: Of the training rows, n of them.
        metrics: m names, each in at least one row.
        rank_share: How far the scale follows ranks.

    Returns:
        Target by metric, and shape ``(n, m)`` with NaN where a row lacks the metric.
    """
    raw = np.array([[row.get(metric, np.nan) for metric in metrics] for row in labels], float)
    targets = {
        metric: Target.fit(raw[~np.isnan(raw[:, k]), k], rank_share)
        for k, metric in enumerate(metrics)
    }
    columns = [targets[metric].standardise(raw[:, k]) for k, metric in enumerate(metrics)]
    return targets, np.stack(columns, axis=1)


def targets_to_state(targets: dict[str, Target]) -> dict[str, Any]:
    """Return what :func:`read_targets` needs, as JSON can hold it."""
    return {metric: asdict(target) for metric, target in targets.items()}


def read_targets(stored: dict[str, Any]) -> dict[str, Target]:
    """Restore the targets of a checkpoint; there is at least one.

    Raises:
        KeyError: If there is none or a part is missing.
        TypeError: If a part has another type.
        ValueError: If a scale has no knots.
    """
    if not stored:
        raise KeyError("targets")
    return {
        metric: Target(
            MetricScale.from_json(target["scale"]),
            float(target["mean"]),
            float(target["std"]),
        )
        for metric, target in stored.items()
    }
