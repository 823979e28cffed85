"""Training a surrogate on rows and keeping it: the job of `nas-rlm train` and `nas-rlm finetune`.

Beside the checkpoint, the folder has a log, and while training lasts the state of one that can be
resumed: called again with the same arguments, a killed training goes on.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import surrogates
from nas_rlm.atomic_files import explained
from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError, RunFolderError
from nas_rlm.file_lock import held_alone
from nas_rlm.pretrained import checkpoint_folder
from nas_rlm.progress import Progress, no_progress
from nas_rlm.seeding import check_seed
from nas_rlm.training_log import TrainingLog
from surrogates.base import KEEP_SECONDS, ResumableSurrogate, Surrogate
from surrogates.checkpoint import MANIFEST
from surrogates.mixture import finetuned_and_fresh
from surrogates.transfer import starting_metrics

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
    starts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """After fine-tuning: metric to the known ones whose average it started from."""

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
        ConfigError: If `tensorboard` is wanted and not installed, or the seed is out of range.
        RunFolderError: If the folder holds something already or cannot be written, or another
            process trains into it; this is found out before training.
        SurrogateError: If the surrogate or a setting is unknown, the rows are refused, or
            the folder holds an unfinished training of another kind.
    """
    model = surrogates.get_surrogate(surrogate, **(settings or {}))

    def learn(log: Progress) -> Surrogate:
        if not isinstance(model, ResumableSurrogate):
            return model.fit(rows.texts, rows.labels, seed=seed, progress=log)
        return model.fit(
            rows.texts,
            rows.labels,
            seed=seed,
            progress=log,
            keep=folder / UNFINISHED,
            keep_seconds=keep_seconds,
        )

    return _trained(rows, folder, seed, learn, progress, tensorboard=tensorboard)


def finetune_surrogate(
    rows: Dataset,
    start: Surrogate,
    folder: Path,
    *,
    like: Mapping[str, str] | None = None,
    fresh: bool = False,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TrainingReport:
    """Train a fitted surrogate further and save the new one, which knows the rows' metrics only.

    Args:
        rows: Texts and labels.
        start: Fitted; it stays as it is. `load_start` reads one.
        folder: Checkpoint folder; it must not exist, or be empty.
        like: New metric to the known one that it starts from.
        fresh: Whether one of its kind is trained from scratch on the rows too, and what is saved
            is the mixture of both.
        seed: Seed of the training.
        progress: Called as training goes on.

    Returns:
        The report.

    Raises:
        ConfigError: If the seed is out of range.
        RunFolderError: As for `train_surrogate`.
        SurrogateError: If the surrogate cannot be fine-tuned, `like` does not fit, or the rows are
            refused.
    """
    starts = starting_metrics(start.metrics, rows.metrics, like)

    def learn(log: Progress) -> Surrogate:
        if fresh:
            new = surrogates.get_surrogate(start.name)
            return finetuned_and_fresh(
                start, new, rows.texts, rows.labels, like=like, seed=seed, progress=log
            )
        return start.finetune(rows.texts, rows.labels, like=like, seed=seed, progress=log)

    return _trained(rows, folder, seed, learn, progress, starts=starts)


def load_start(model: Path | None) -> Surrogate:
    """Read the checkpoint that fine-tuning starts from.

    Args:
        model: Its folder; the shipped one when None.

    Raises:
        ConfigError: If this kind of surrogate cannot be fine-tuned.
        PretrainedError: If the shipped checkpoint is wanted and not installed.
        CheckpointError: If the checkpoint is damaged.
    """
    folder = checkpoint_folder(model)
    surrogate = surrogates.load_surrogate(folder)
    if not surrogate.can_finetune:
        message = (
            f"{str(folder)!r} holds the surrogate {surrogate.name!r}, which cannot be fine-tuned. "
            "Train one on all rows with `nas-rlm train`, start from an 'rlm', or add a device to the "
            "checkpoint from before it was added."
        )
        raise ConfigError(message)
    return surrogate


def parse_like(pairs: Iterable[str]) -> dict[str, str]:
    """Read which known metric a new one starts from.

    Args:
        pairs: Each ``NEW=KNOWN``.

    Returns:
        New metric to known one.

    Raises:
        ConfigError: If a pair has another form, or a new metric is named twice.

    Example:
        >>> parse_like(["latency_ms/my_phone=latency_ms/pixel3"])
        {'latency_ms/my_phone': 'latency_ms/pixel3'}
    """
    like: dict[str, str] = {}
    for pair in pairs:
        new, _, known = (part.strip() for part in pair.partition("="))
        if not new or not known or new in like:
            message = (
                "`--like` must be NEW=KNOWN, each new metric once, for example "
                f"'latency_ms/my_phone=latency_ms/pixel3', but got {pair!r}."
            )
            raise ConfigError(message)
        like[new] = known
    return like


def _trained(
    rows: Dataset,
    folder: Path,
    seed: int,
    learn: Callable[[Progress], Surrogate],
    progress: Progress,
    *,
    starts: Mapping[str, tuple[str, ...]] | None = None,
    tensorboard: bool = False,
) -> TrainingReport:
    """Learn, log, save and report."""
    check_seed(seed)
    with held_alone(folder, "trains"):
        check_new_folder(folder)
        start = time.perf_counter()
        events = folder / EVENTS if tensorboard else None
        with TrainingLog(folder / LOG, progress, events=events) as log:
            model = learn(log)
        seconds = time.perf_counter() - start
        with explained(folder, "be written"):
            model.save(folder)
            if (folder / UNFINISHED).exists():
                shutil.rmtree(folder / UNFINISHED)
    return TrainingReport(
        surrogate=model.name,
        folder=folder,
        rows=len(rows),
        networks=len(set(rows.digests)),
        metrics=tuple(metric_facts(rows, name) for name in rows.metrics),
        seconds=seconds,
        seed=seed,
        starts=starts or {},
    )


def metric_facts(rows: Dataset, metric: str) -> MetricFacts:
    """Return what rows hold of a metric that at least one of them has."""
    values = rows.column(metric)
    known = values[~np.isnan(values)]
    return MetricFacts(
        metric, len(known), float(known.mean()), float(known.min()), float(known.max())
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
