"""A surrogate for a device of the user's own, from some tens of latencies taken there."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError, DatasetError
from nas_rlm.nearest_metric import NearestMetric, nearest_metric
from nas_rlm.progress import Progress, no_progress
from nas_rlm.row_files import named_metric
from nas_rlm.training import TrainingReport, finetune_surrogate
from surrogates.base import Surrogate

MIN_LATENCIES = 5
"""Fewer different latencies say too little about which known device is near."""


@dataclass(frozen=True)
class DeviceReport:
    """What was learned of a device."""

    metric: str
    """``latency_ms/`` and the name of the device."""
    nearest: NearestMetric | None
    """What it started from; None if the surrogate knew no latency, so that it started from all."""
    training: TrainingReport

    def to_mapping(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "metric": self.metric,
            "nearest": None if self.nearest is None else asdict(self.nearest),
            **self.training.to_mapping(),
        }


def latency_of(device: str, start: Surrogate) -> str:
    """Return the name of the metric of a new device.

    Raises:
        UnknownMetricError: If the name is not made of lower-case letters, digits and ``_``.
        ConfigError: If the surrogate knows the device.
    """
    metric = named_metric(f"latency_ms/{device}").name
    if metric in start.metrics:
        message = (
            f"The checkpoint knows {metric!r} already. Name the device otherwise, or go on from "
            "what is known with `nas-rlm finetune`."
        )
        raise ConfigError(message)
    return metric


def add_device(
    rows: Dataset,
    device: str,
    start: Surrogate,
    folder: Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
) -> DeviceReport:
    """Learn a new device from some latencies, starting from the nearest known one, and save it.

    Only the token of the device (of other surrogates, its head) is trained: what the surrogate
    knows of networks stays as it is, which tens of rows cannot improve.

    Args:
        rows: Texts with labels of ``latency_ms/DEVICE``; other metrics are learned along. The new
            surrogate knows the metrics of the rows and no others.
        device: Its name.
        start: Fitted; it stays as it is.
        folder: Checkpoint folder; it must not exist, or be empty.
        seed: Seed of the training.
        progress: Called as training goes on.

    Returns:
        The report.

    Raises:
        ConfigError: If the surrogate knows the device.
        DatasetError: If there are too few different latencies.
        RunFolderError: If the folder holds something already or cannot be written.
        SurrogateError: If the surrogate cannot be fine-tuned or refuses the rows.
    """
    metric = latency_of(device, start)
    known = {labels[metric] for labels in rows.labels if metric in labels}
    if len(known) < MIN_LATENCIES:
        message = (
            f"A new device needs at least {MIN_LATENCIES} different latencies, better some tens, "
            f"but the rows have {len(known)} of {metric!r}."
        )
        raise DatasetError(message)
    nearest = nearest_metric(start, rows.texts, rows.labels, metric)
    like = {} if nearest is None else {metric: nearest.metric}
    training = finetune_surrogate(
        rows, start, folder, like=like, heads_only=True, seed=seed, progress=progress
    )
    return DeviceReport(metric, nearest, training)
