"""Training a surrogate on rows and keeping it: the job behind `nas-rlm train`."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import surrogates
from nas_rlm.atomic_files import explained
from nas_rlm.dataset import Dataset
from nas_rlm.errors import RunFolderError
from nas_rlm.progress import Progress, no_progress


@dataclass(frozen=True)
class MetricFacts:
    """What the rows hold of one metric, in its unit."""

    metric: str
    rows: int
    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class TrainingReport:
    """What was trained, on what, and where it is."""

    surrogate: str
    folder: Path
    rows: int
    networks: int
    """Distinct networks among the rows."""
    metrics: tuple[MetricFacts, ...]
    seconds: float
    seed: int

    def to_mapping(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "folder": str(self.folder)}


def train_surrogate(
    rows: Dataset,
    surrogate: str,
    folder: Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    settings: Mapping[str, object] | None = None,
) -> TrainingReport:
    """Train a surrogate from scratch and save it.

    Args:
        rows: Texts and labels.
        surrogate: A name in ``surrogates.SURROGATES``.
        folder: Checkpoint folder; it must not exist, or be empty.
        seed: Seed of the training.
        progress: Called as training goes on.
        settings: Of the surrogate, where they are not the default ones.

    Returns:
        The report.

    Raises:
        RunFolderError: If the folder holds something already or cannot be written; this is found
            out before training.
        SurrogateError: If the surrogate or a setting is unknown, or the rows are refused.
    """
    model = surrogates.get_surrogate(surrogate, **(settings or {}))
    check_new_folder(folder)
    start = time.perf_counter()
    model.fit(rows.texts, rows.labels, seed=seed, progress=progress)
    seconds = time.perf_counter() - start
    with explained(folder, "be written"):
        model.save(folder)
    return TrainingReport(
        surrogate=surrogate,
        folder=folder,
        rows=len(rows),
        networks=len(set(rows.digests)),
        metrics=tuple(_facts(rows, name) for name in rows.metrics),
        seconds=seconds,
        seed=seed,
    )


def check_new_folder(folder: Path) -> None:
    """Check that a folder can be made: nothing is there yet, and its parent can be written.

    Raises:
        RunFolderError: If it holds something, or its parent cannot be made or written.
    """
    with explained(folder, "be written"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = f"{str(folder)!r} exists already. Remove it, or name another folder."
            raise RunFolderError(message)
        folder.parent.mkdir(parents=True, exist_ok=True)
        probe = folder.parent / f".probe-{folder.name}"
        probe.touch()
        probe.unlink()


def _facts(rows: Dataset, metric: str) -> MetricFacts:
    """Return what the rows hold of a metric."""
    values = rows.column(metric)
    known = values[~np.isnan(values)]
    return MetricFacts(
        metric, len(known), float(known.mean()), float(known.min()), float(known.max())
    )
