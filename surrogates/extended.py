"""A fitted surrogate that has learned metrics beside its own from tens of rows, such as a new device.

Nothing of it is trained further: each new metric is a linear function of what it predicts for those
known ones of the same quantity that order the rows best, see :mod:`surrogates.linear_transfer`. So it
still knows all that it knew.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from surrogates import get_surrogate, load_surrogate, surrogate_class
from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import place_of, read_manifest, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError, SettingsError, UnknownMetricError
from surrogates.gaussian_process import normal_quantiles
from surrogates.linear_transfer import N_KNOWN, LinearTransfer
from surrogates.transfer import starting_metrics

_START = "start"
_N_QUANTILES = 64


@dataclass(frozen=True)
class NewMetric:
    """A metric learned from what is predicted for others.

    Attributes:
        known: Names of the others, those that order the rows best first.
        transfer: What is learned.
        is_positive: Whether all labels were above 0, so that nothing below it is predicted.
        n_rows: Labels that it was learned from.
    """

    known: tuple[str, ...]
    transfer: LinearTransfer
    is_positive: bool
    n_rows: int


class ExtendedSurrogate(Surrogate):
    """A surrogate with further metrics.

    Example:
        >>> from surrogates import get_surrogate
        >>> start = get_surrogate("memorizer").fit(
        ...     ["a", "b", "c"], [{"latency_ms/a": v} for v in (1.0, 2.0, 4.0)]
        ... )
        >>> rows = [{"latency_ms/b": v} for v in (11.0, 21.0, 41.0)]
        >>> both = ExtendedSurrogate.of(start, ["a", "b", "c"], rows)
        >>> both.metrics
        ('latency_ms/a', 'latency_ms/b')
        >>> bool(20.0 < both.predict(["b"])["latency_ms/b"].mean[0] < 22.0)
        True
    """

    name: ClassVar[str] = "extended"

    def __init__(self, **start: Mapping[str, object]) -> None:
        """Create an unfitted surrogate that can be extended once it is fitted.

        Args:
            **start: Registered name of one surrogate to its settings; an RLM if there is none.

        Raises:
            SettingsError: If there are several, or a name or a setting is refused.
        """
        chosen = start or {"rlm": {}}
        if len(chosen) != 1 or self.name in chosen:
            raise SettingsError(f"It must start from one other surrogate, but got {list(chosen)}.")
        ((name, settings),) = chosen.items()
        surrogate_class(name)  # before any settings are looked at: an unknown name is the mistake
        self.start: Surrogate = get_surrogate(name, **settings)
        self.new: dict[str, NewMetric] = {}

    @classmethod
    def of(cls, start: Surrogate, texts: Sequence[str], labels: Sequence[Labels]) -> Self:
        """Learn all metrics of rows that a fitted surrogate does not know.

        Args:
            start: Fitted; stays as it is. What it knows of the rows' metrics is not learned again.
            texts: ONNX texts, length n.
            labels: Per text, metric name to value; a missing metric is absent.

        Raises:
            LabelError: If the rows are unusable, or too few labels of a metric differ.
            NotFittedError: If `start` is not fitted.
            SettingsError: If all metrics are known.
            TextError: If a text cannot be read.
        """
        wanted = [metric for metric in check_rows(texts, labels) if metric not in start.metrics]
        if not start.metrics:
            raise NotFittedError("A surrogate must be fitted before it is extended.")
        if not wanted:
            raise SettingsError(
                "A surrogate is extended by metrics that it does not know, but it knows all of "
                "these rows. Fine-tune it instead."
            )
        extended = cls.__new__(cls)
        extended.start, extended.new = start, {}
        for metric, known in starting_metrics(start.metrics, wanted).items():
            rows = [row for row, label in enumerate(labels) if metric in label]
            values = np.array([labels[row][metric] for row in rows])
            predicted = _predicted(start, [texts[row] for row in rows], known)
            disagreement = [-_agreement(column, values) for column in predicted.T]
            best = np.argsort(disagreement, kind="stable")[:N_KNOWN]
            extended.new[metric] = NewMetric(
                tuple(known[place] for place in best),
                LinearTransfer.fit(predicted[:, best], values),
                bool((values > 0.0).all()),
                len(rows),
            )
        return extended

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of the start, then the new ones."""
        return (*self.start.metrics, *self.new)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Train the start on all metrics of the rows, forgetting those beside; see the base class."""
        self.start = copy.copy(self.start).fit(texts, labels, seed=seed, progress=progress)
        self.new = {}
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Ask the start for known metrics; new ones follow from these; see the base class."""
        if not self.metrics:
            raise NotFittedError("A surrogate must be fitted before it predicts.")
        wanted = self.select_metrics(metrics)
        known = dict.fromkeys(
            name
            for metric in wanted
            for name in (self.new[metric].known if metric in self.new else [metric])
        )
        prediction = self.start.predict(texts, list(known))
        return Prediction(
            {
                metric: _normal(self.new[metric], prediction)
                if metric in self.new
                else prediction[metric]
                for metric in wanted
            }
        )

    def left_out(
        self, metric: str, texts: Sequence[str], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what is predicted for each of the rows by all other rows, shape ``(n,)``.

        Args:
            metric: A new one.
            texts: Those that it was learned from.
            values: Of the metric.

        Raises:
            UnknownMetricError: If it is not a new one.
        """
        if metric not in self.new:
            raise UnknownMetricError(f"Metric {metric!r} must be one of {list(self.new)}.")
        found = self.new[metric]
        return found.transfer.left_out(_predicted(self.start, texts, found.known), values)

    def save(self, folder: Path) -> None:
        """Write the start to a folder of its own, the manifest last; see the base class."""
        if not self.metrics:
            raise NotFittedError("A surrogate must be fitted before it is saved.")
        new = {
            metric: {
                "known": list(found.known),
                "is_positive": found.is_positive,
                **found.transfer.to_state(),
            }
            for metric, found in self.new.items()
        }
        training = {"rows_per_metric": {k: found.n_rows for k, found in self.new.items()}}
        state = {"new": new, "training": training}
        write_checkpoint(folder, self.name, state, parts={_START: self.start.save})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the start and what was learned; see the base class."""
        state = read_manifest(folder, cls.name)["state"]
        extended = cls.__new__(cls)
        extended.start = load_surrogate(place_of(folder, _START))
        try:
            n_rows = state["training"]["rows_per_metric"]
            extended.new = _restored(state["new"], n_rows, extended.start.metrics)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"{folder} must hold an extended surrogate, but it is damaged: {error!r}."
            ) from error
        return extended


def _predicted(
    start: Surrogate, texts: Sequence[str], known: Sequence[str]
) -> NDArray[np.float64]:
    """What is expected of known metrics, shape ``(n, k)``."""
    prediction = start.predict(texts, list(known))
    return np.stack([prediction[name].mean for name in known], axis=1)


def _agreement(predicted: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Kendall's tau, the least where all predictions or values are equal."""
    if not np.ptp(predicted) or not np.ptp(values):
        return -1.0
    return float(kendalltau(predicted, values).statistic)


def _normal(new: NewMetric, prediction: Prediction) -> PredictiveDistribution:
    """The distribution of a new metric: a normal one, of which 0 takes what no label can be."""
    predicted = np.stack([prediction[name].mean for name in new.known], axis=1)
    mean, std = new.transfer.predict(predicted)
    values = mean[:, None] + std[:, None] * normal_quantiles(_N_QUANTILES)
    if new.is_positive:
        values = np.maximum(values, 0.0)
    return PredictiveDistribution(values, np.full(values.shape, 1.0 / _N_QUANTILES))


def _restored(
    state: Mapping[str, Mapping[str, Any]], n_rows: Mapping[str, int], of_start: Sequence[str]
) -> dict[str, NewMetric]:
    """The new metrics of a checkpoint whose start knows some others."""
    found = {}
    for metric, own in state.items():
        known = tuple(str(name) for name in own["known"])
        if metric in of_start or not known or not set(known) <= set(of_start):
            raise ValueError(f"{metric!r} does not follow from {list(known)} of its start")
        transfer = LinearTransfer.from_state(own, len(known))
        found[metric] = NewMetric(known, transfer, bool(own["is_positive"]), int(n_rows[metric]))
    return found
