"""A surrogate for a device of the user's own, from some tens of latencies taken there."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_rlm.atomic_files import explained
from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError, DatasetError
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.nearest_metric import NearestMetric, nearest_metric
from nas_rlm.row_files import named_metric
from nas_rlm.training import MetricFacts, check_new_folder, metric_facts
from surrogates.base import Surrogate
from surrogates.extended import ExtendedSurrogate

MIN_LATENCIES = 5
"""Fewer different latencies say too little about which known device is near."""


@dataclass(frozen=True)
class DeviceReport:
    """What was learned of a device."""

    folder: Path
    """Of the checkpoint."""
    latencies: MetricFacts
    """What the rows hold of ``latency_ms/DEVICE``."""
    nearest: NearestMetric | None
    """The known latency that orders the rows best; None if the surrogate knew none."""
    left_out_kendall_tau: float
    """Between the latencies and what all other rows predict for each."""
    left_out_error_percent: float
    """How far off these predictions are, as the median share of a latency."""

    def to_mapping(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "folder": str(self.folder)}


def latency_of(device: str, start: Surrogate) -> str:
    """Return the name of the metric of a new device.

    Raises:
        UnknownMetricError: If the name is not made of lower-case letters, digits and ``_``.
        ConfigError: If the surrogate knows the device.
    """
    metric = named_metric(f"latency_ms/{device}").name
    if metric in start.metrics:
        message = (
            f"The checkpoint knows {metric!r} already. Name the device otherwise, or add it again, "
            "with all rows, to the checkpoint that did not know it."
        )
        raise ConfigError(message)
    return metric


def add_device(rows: Dataset, device: str, start: Surrogate, folder: Path) -> DeviceReport:
    """Learn a new device from some latencies and save a surrogate that knows it too.

    Its latency is learned as a linear function of those that are predicted for known devices, see
    `surrogates.linear_transfer`: what the surrogate knows of networks stays as it is, which tens of
    rows cannot improve.

    Args:
        rows: Texts with labels of ``latency_ms/DEVICE``; others are not read.
        device: Its name.
        start: Fitted; it stays as it is.
        folder: Checkpoint folder; it must not exist, or be empty.

    Returns:
        The report.

    Raises:
        ConfigError: If the surrogate knows the device.
        DatasetError: If there are too few different latencies.
        RunFolderError: If the folder holds something already or cannot be written.
        SurrogateError: If the surrogate refuses the rows.
    """
    metric = latency_of(device, start)
    own = rows.with_metrics([metric])
    values = np.array([labels[metric] for labels in own.labels])
    n_different = len(np.unique(values))
    if n_different < MIN_LATENCIES:
        message = (
            f"A new device needs at least {MIN_LATENCIES} different latencies, better some tens, "
            f"but the rows have {n_different} of {metric!r}."
        )
        raise DatasetError(message)
    check_new_folder(folder)
    extended = ExtendedSurrogate.of(start, own.texts, own.labels)
    predicted = extended.left_out(metric, own.texts, values)
    with explained(folder, "be written"):
        extended.save(folder)
    return DeviceReport(
        folder,
        metric_facts(own, metric),
        nearest_metric(start, own.texts, own.labels, metric),
        kendall_tau(predicted, values),
        _median_error(predicted, values),
    )


def _median_error(predicted: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Median of the errors in percent of the values, of those that are not 0."""
    known = values != 0.0
    return float(100.0 * np.median(np.abs(predicted[known] / values[known] - 1.0)))
