"""Training a surrogate on rows and keeping it: the job behind `nas-rlm train`.

Beside the checkpoint, the folder has a log, and while training lasts the state of one that can be
resumed: called again with the same arguments, a killed training goes on.
"""

import shutil
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
from nas_rlm.training_log import TrainingLog
from surrogates.base import KEEP_SECONDS, ResumableSurrogate
from surrogates.checkpoint import MANIFEST

UNFINISHED = ".training"
"""Folder, within that of the checkpoint, with the state of a training that is not done."""
LOG = "training.jsonl"
"""The log within the folder of the checkpoint; see `nas_rlm.training_log`."""
EVENTS = "tensorboard"
"""Folder, within that of the checkpoint, with TensorBoard events."""


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
    """Training in this process; one that went on after a kill took longer."""
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
    tensorboard: bool = False,
    keep_seconds: float = KEEP_SECONDS,
) -> TrainingReport:
    """Train a surrogate from scratch and save it, or go on with a training that was killed.

    Args:
        rows: Texts and labels.
        surrogate: A name in ``surrogates.SURROGATES``.
        folder: Checkpoint folder; it must not exist, be empty, or hold an unfinished training
            of the same rows, surrogate, settings and seed.
        seed: Seed of the training.
        progress: Called as training goes on.
        settings: Of the surrogate, where they are not the default ones.
        tensorboard: Write events for TensorBoard too.
        keep_seconds: Between two states of a training that can be resumed, at least.

    Returns:
        The report.

    Raises:
        ConfigError: If `tensorboard` is wanted and not installed.
        RunFolderError: If the folder holds something already or cannot be written; this is found
            out before training.
        SurrogateError: If the surrogate or a setting is unknown, the rows are refused, or
            the folder holds an unfinished training of another kind.
    """
    model = surrogates.get_surrogate(surrogate, **(settings or {}))
    check_new_folder(folder)
    start = time.perf_counter()
    events = folder / EVENTS if tensorboard else None
    with TrainingLog(folder / LOG, progress, events=events) as log:
        if isinstance(model, ResumableSurrogate):
            model.fit(
                rows.texts,
                rows.labels,
                seed=seed,
                progress=log,
                keep=folder / UNFINISHED,
                keep_seconds=keep_seconds,
            )
        else:
            model.fit(rows.texts, rows.labels, seed=seed, progress=log)
    seconds = time.perf_counter() - start
    with explained(folder, "be written"):
        model.save(folder)
        if (folder / UNFINISHED).exists():
            shutil.rmtree(folder / UNFINISHED)
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
    """Check that a checkpoint can be made: none is there yet, and its parent can be written.

    An unfinished training may be there.

    Raises:
        RunFolderError: If it holds something else, or its parent cannot be made or written.
    """
    with explained(folder, "be written"):
        if folder.exists() and (not folder.is_dir() or not _is_free(folder)):
            message = f"{str(folder)!r} exists already. Remove it, or name another folder."
            raise RunFolderError(message)
        folder.parent.mkdir(parents=True, exist_ok=True)
        probe = folder.parent / f".probe-{folder.name}"
        probe.touch()
        probe.unlink()


def _is_free(folder: Path) -> bool:
    """Whether a folder holds nothing, or nothing but an unfinished training."""
    names = {item.name for item in folder.iterdir()}
    return MANIFEST not in names and (UNFINISHED in names or names <= {LOG, EVENTS})


def _facts(rows: Dataset, metric: str) -> MetricFacts:
    """Return what the rows hold of a metric."""
    values = rows.column(metric)
    known = values[~np.isnan(values)]
    return MetricFacts(
        metric, len(known), float(known.mean()), float(known.min()), float(known.max())
    )
