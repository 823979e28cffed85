"""The journal of a study: Optuna's file of operations, cut back to whole trials after a kill.

A killed process leaves half a line, half a trial, or the lock of a write. Whoever holds the run
folder may cut the file after the last finished trial; what is lost is asked and told again.
"""

import contextlib
import json
import os
import warnings
from collections.abc import Container, Generator, Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import FrozenTrial, TrialState

from nas_rlm.atomic_files import explained
from nas_rlm.errors import RunFolderError
from nas_rlm.metrics import Metric

_LOCK_SUFFIXES = (".lock", ".rename")
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class BatchedJournalBackend(JournalFileBackend):
    """Optuna's journal file for a single writer, written when told, not at every operation.

    A trial is a dozen operations; locking, opening and flushing the file for each takes most of
    the time of a walk. Operations are kept until `flush` writes them under Optuna's lock, so other
    processes may read the file at any time, whole operations only. What a killed process had not
    flushed is asked and told again.
    """

    def __init__(self, path: Path) -> None:
        """Open a journal.

        Args:
            path: The file; made if it does not exist.
        """
        super().__init__(str(path))
        self._path = path
        content = path.read_bytes()
        self._size = len(content)
        self._n_written = content.count(b"\n")
        self._waiting: list[bytes] = []

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield operations from a number on: those of the file, then those not written yet."""
        if log_number_from < self._n_written:
            yield from super().read_logs(log_number_from)
        for line in self._waiting[max(0, log_number_from - self._n_written) :]:
            yield json.loads(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keep operations until `flush`."""
        self._waiting += [json.dumps(log, separators=(",", ":")).encode() for log in logs]

    def flush(self) -> None:
        """Write what was kept, and flush it to the disk.

        Raises:
            RunFolderError: If the disk is full, or another process wrote to the file.
        """
        lines = b"".join(line + b"\n" for line in self._waiting)
        with explained(self._path, "be written"), get_lock_file(self._lock):
            if self._path.stat().st_size != self._size:
                message = (
                    f"{str(self._path)!r} was changed by another process while the walk wrote to "
                    "it. Let nothing else write there, and go on with --resume."
                )
                raise RunFolderError(message)
            with self._path.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        self._size += len(lines)
        self._n_written += len(self._waiting)
        self._waiting.clear()


class _StorageWithoutQueue(JournalStorage):
    """A storage in which no trial ever waits, so that asking need not look through all of them."""

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 - Optuna's signature
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials; at once where only waiting ones are asked for."""
        if states == (TrialState.WAITING,):
            return []
        return super().get_all_trials(study_id, deepcopy, states)


def open_study(
    backend: BatchedJournalBackend,
    objectives: list[Metric],
    *,
    name: str,
    sampler: optuna.samplers.BaseSampler,
) -> optuna.Study:
    """Open the study of a journal file, or start it.

    Args:
        backend: The journal, cut back.
        objectives: One metric per value.
        name: Name of the study.
        sampler: Proposes its trials.

    Returns:
        The study.
    """
    with _quiet_optuna():
        study = optuna.create_study(
            storage=_StorageWithoutQueue(backend),
            study_name=name,
            sampler=sampler,
            directions=[metric.direction.value for metric in objectives],
            load_if_exists=True,
        )
        if not study.get_trials(deepcopy=False):
            study.set_metric_names([metric.name for metric in objectives])
    return study


def cut_back(path: Path) -> int:
    """Cut a journal after its last finished trial and remove locks that a kill left.

    Args:
        path: The journal; it may be missing.

    Returns:
        How many bytes were cut off.

    Raises:
        RunFolderError: If a whole line before the last finished trial is damaged.
    """
    with explained(path, "be repaired"):
        for leftover in path.parent.glob(f"{path.name}*"):
            if leftover.name.endswith(_LOCK_SUFFIXES):
                leftover.unlink()
        if not path.exists():
            return 0
        content = path.read_bytes()
        keep = _end_of_whole_trials(content, path)
        if keep < len(content):
            with path.open("r+b") as file:
                file.truncate(keep)
    return len(content) - keep


def _end_of_whole_trials(content: bytes, path: Path) -> int:
    """Number of bytes up to where every trial is finished for the last time."""
    keep = position = n_open = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        position += len(line)
        try:
            operation = json.loads(line)
            code, state = operation["op_code"], operation.get("state")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if position == len(content):
                break
            message = (
                f"Line {number} of {str(path)!r} is damaged: it is no operation of a study. "
                "Start the run anew."
            )
            raise RunFolderError(message) from error
        if code == JournalOperation.CREATE_TRIAL:
            n_open += 1
        elif code == JournalOperation.SET_TRIAL_STATE_VALUES and state in _FINISHED:
            n_open -= 1
            if n_open == 0:
                keep = position
    return keep


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing studies, and naming metrics from being an experiment."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
