"""The constant predictor: the training labels themselves, whatever the text says.

It ranks nothing (all means are equal), so any learner must beat it; its intervals are those of
the training rows, so it is also the calibrated floor that an uncertainty must beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import read_manifest, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError

MAX_VALUES = 64
"""Values of the distribution; more training labels are summed up by as many quantiles."""


class ConstantPredictor(Surrogate):
    """Predicts the distribution of the training labels for every text; reads no text.

    Example:
        >>> constant = ConstantPredictor().fit(["a", "b"], [{"params": 1.0}, {"params": 3.0}])
        >>> constant.predict(["c"])["params"].mean.tolist()
        [2.0]
    """

    name: ClassVar[str] = "constant"

    def __init__(self) -> None:
        """Create an unfitted predictor; it has no settings."""
        self._values: dict[str, NDArray[np.float64]] = {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metric names of the training rows, in order of first appearance."""
        return tuple(self._values)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,  # noqa: ARG002 - nothing is random here
        progress: Progress | None = None,
    ) -> Self:
        """Keep the labels of each metric; see :meth:`surrogates.Surrogate.fit`."""
        values = {
            metric: _summary(np.array([row[metric] for row in labels if metric in row], float))
            for metric in check_rows(texts, labels)
        }
        self._values = values
        if progress is not None:
            progress(1, 1, {})
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Return the same distribution for every text; see :meth:`surrogates.Surrogate.predict`."""
        if not self._values:
            raise NotFittedError("A constant predictor must be fitted before it predicts.")
        distributions = {}
        for metric in self.select_metrics(metrics):
            row = self._values[metric]
            values = np.tile(row, (len(texts), 1))
            distributions[metric] = PredictiveDistribution(
                values, np.full_like(values, 1 / len(row))
            )
        return Prediction(distributions)

    def save(self, folder: Path) -> None:
        """Write the labels to a folder; see :meth:`surrogates.Surrogate.save`."""
        if not self._values:
            raise NotFittedError("A constant predictor must be fitted before it is saved.")
        state = {"values": {metric: row.tolist() for metric, row in self._values.items()}}
        write_checkpoint(folder, self.name, state)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state = read_manifest(folder, cls.name)["state"]
        loaded = cls()
        try:
            loaded._values = {metric: _finite(row) for metric, row in state["values"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"{folder} must hold the labels of a constant predictor, but it is damaged: "
                f"{error!r}."
            ) from error
        return loaded


def _finite(row: Any) -> NDArray[np.float64]:
    """The labels of a metric as a checkpoint has them."""
    values = np.array(row, dtype=np.float64).reshape(-1)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"the labels of a metric are {row!r}")
    return values


def _summary(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sort the values; many become the means of equal shares, which keeps the mean."""
    ordered = np.sort(values)
    if len(ordered) <= MAX_VALUES:
        return ordered
    share = len(ordered) / MAX_VALUES
    cumulative = np.concatenate([[0.0], np.cumsum(ordered)])
    edges = np.interp(np.arange(MAX_VALUES + 1) * share, np.arange(len(ordered) + 1), cumulative)
    return np.asarray(np.diff(edges) / share, dtype=np.float64)
