"""The run folder: every file of a run, written so that a kill at any moment loses nothing whole.

A file appears complete or not at all (written beside its place, flushed to the disk, renamed). A
log of JSON lines may end in half a line after a kill; it is cut off when the log is opened again.
A phase of the run is done when `RunFolder.complete` has recorded it, so a resumed run skips
what is recorded and repeats the rest from stored inputs. One process at a time holds the folder.

Layout: ``run.json`` kind and format, ``config.json`` resolved configuration, ``environment.json``
versions and machine, ``phases.json`` finished phases, ``run.lock``; the rest belongs to the caller.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas_rlm.atomic_files import (
    PARTIAL_PREFIX,
    explained,
    filling_folder,
    remove_unfinished,
    write_atomically,
)
from nas_rlm.config_reader import differing_keys
from nas_rlm.errors import RunFolderBusyError, RunFolderError
from nas_rlm.file_lock import FileLock
from nas_rlm.json_lines import JsonLinesLog, read_json_lines

FORMAT = 1
"""Version of the layout of a run folder."""

_LOCK = "run.lock"
_SCAFFOLD = (_LOCK, "config.json", "environment.json", "phases.json")


class RunFolder:
    """A folder that holds one run; use it as a context manager, which releases the lock."""

    path: Path
    """The folder."""
    is_resumed: bool
    """Whether an earlier process had started the run."""

    def __init__(self, path: Path, lock: FileLock, *, is_resumed: bool) -> None:
        """Wrap a folder that is locked already; use `create` or `resume`.

        Args:
            path: The folder.
            lock: Its lock, held.
            is_resumed: Whether an earlier process had started the run.
        """
        self.path = path
        self.is_resumed = is_resumed
        self._lock = lock

    @classmethod
    def create(
        cls,
        path: Path,
        config: Mapping[str, Any],
        *,
        kind: str,
        environment: Mapping[str, Any] | None = None,
    ) -> Self:
        """Start a run in a new or empty folder.

        Args:
            path: The folder; parents are made.
            config: Resolved configuration, JSON values.
            kind: What runs, e.g. ``"search"``.
            environment: Versions and machine, JSON values.

        Returns:
            The folder, locked.

        Raises:
            RunFolderError: If the folder holds anything already, or cannot be written.
            RunFolderBusyError: If another process works in it.
        """
        with explained(path, "be created"):
            path.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
        try:
            _refuse_unless_empty(path)
            folder = cls(path, lock, is_resumed=False)
            folder.write_json("config.json", config)
            folder.write_json("environment.json", dict(environment or {}))
            folder.write_json("phases.json", {})
            folder.write_json("run.json", {"format": FORMAT, "kind": kind})
        except BaseException:
            lock.release()
            raise
        return folder

    @classmethod
    def resume(
        cls, path: Path, config: Mapping[str, Any] | None = None, *, kind: str | None = None
    ) -> Self:
        """Open the run of a folder again.

        Args:
            path: The folder.
            config: If given, must equal the stored one.
            kind: If given, must be what the folder was created for.

        Returns:
            The folder, locked, unfinished files removed.

        Raises:
            RunFolderError: If there is no run, it is of another kind or format, or its
                configuration differs; the message names the differing keys.
            RunFolderBusyError: If another process works in it.
        """
        if not (path / "run.json").is_file():
            message = f"There is no run to resume in {str(path)!r}. Start one without --resume."
            raise RunFolderError(message)
        lock = _locked(path)
        try:
            folder = cls(path, lock, is_resumed=True)
            folder._check_identity(kind)
            if config is not None:
                folder._check_config(config)
            with explained(path, "be cleaned"):
                remove_unfinished(path)
        except BaseException:
            lock.release()
            raise
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock; the folder stays as it is."""
        self._lock.release()

    @property
    def config(self) -> dict[str, Any]:
        """The stored configuration."""
        return self._read_table("config.json")

    @property
    def environment(self) -> dict[str, Any]:
        """The stored versions and machine of the process that started the run."""
        return self._read_table("environment.json")

    @property
    def phases(self) -> dict[str, dict[str, Any]]:
        """Finished phases in the order of finishing, each with what was recorded for it."""
        return self._read_table("phases.json")

    def is_complete(self, phase: str) -> bool:
        """Tell whether a phase has finished, in this process or in an earlier one."""
        return phase in self.phases

    def complete(self, phase: str, **facts: Any) -> None:
        """Record that a phase has finished; everything it wrote must be on the disk.

        Args:
            phase: Name of the phase.
            **facts: JSON values to keep with it, e.g. ``seconds=1.5``.

        Raises:
            RunFolderError: If the folder cannot be written.
        """
        self.write_json("phases.json", {**self.phases, phase: facts})

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder.

        Args:
            name: Relative path with forward slashes, e.g. ``"front/1.onnx"``.

        Raises:
            RunFolderError: If the name leaves the folder.
        """
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()) or path == self.path:
            message = f"A file of a run must lie inside its folder, but got {name!r}."
            raise RunFolderError(message)
        return path

    def has(self, name: str) -> bool:
        """Tell whether a file or folder exists."""
        return self.file(name).exists()

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Write a file so that it appears complete or not at all.

        Args:
            name: As for `file`; missing parents are made.
            content: The bytes.

        Returns:
            Its path.

        Raises:
            RunFolderError: If the disk is full or the folder cannot be written; then the file
                is as it was.
        """
        path = self.file(name)
        with explained(path, "be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        return path

    def write_text(self, name: str, content: str) -> Path:
        """Write a text file in UTF-8, as `write_bytes` does."""
        return self.write_bytes(name, content.encode())

    def write_json(self, name: str, content: object) -> Path:
        """Write JSON with two spaces of indent, as `write_bytes` does; NaN is refused.

        Raises:
            RunFolderError: If the content is not JSON or the folder cannot be written.
        """
        try:
            text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            message = f"{name!r} must hold finite JSON values, but: {error}."
            raise RunFolderError(message) from error
        return self.write_text(name, text + "\n")

    def read_bytes(self, name: str) -> bytes:
        """Read a file.

        Raises:
            RunFolderError: If it cannot be read.
        """
        path = self.file(name)
        with explained(path, "be read"):
            return path.read_bytes()

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            RunFolderError: If it cannot be read or is not JSON.
        """
        try:
            return json.loads(self.read_bytes(name))
        except ValueError as error:
            message = f"{str(self.file(name))!r} is damaged: {error}. Start the run anew."
            raise RunFolderError(message) from error

    def log(self, name: str, *, is_durable: bool = True) -> JsonLinesLog:
        """Open a log of JSON lines for appending, after cutting off a torn last line.

        Args:
            name: As for `file`.
            is_durable: Whether each line is flushed to the disk before `append` returns.

        Returns:
            The log; close it, or use it as a context manager.

        Raises:
            RunFolderError: If it cannot be opened or an earlier line is damaged.
        """
        path = self.file(name)
        with explained(path, "be opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
        return JsonLinesLog(path, is_durable=is_durable)

    def records(self, name: str) -> list[dict[str, Any]]:
        """Read the complete lines of a log; a log that does not exist is empty.

        Raises:
            RunFolderError: If a line other than a torn last one is damaged.
        """
        return read_json_lines(self.file(name))

    @contextlib.contextmanager
    def new_folder(self, name: str) -> Iterator[Path]:
        """Fill a subfolder so that it appears complete or not at all.

        An existing folder of that name is replaced at the end of the block; after an error it
        stays as it was.

        Args:
            name: As for `file`.

        Yields:
            An empty folder to write to.

        Raises:
            RunFolderError: If the folder cannot be written.
        """
        target = self.file(name)
        with explained(target, "be written"), filling_folder(target) as partial:
            yield partial

    def _read_table(self, name: str) -> dict[str, Any]:
        """A JSON file that must hold an object."""
        table = self.read_json(name)
        if not isinstance(table, dict):
            message = (
                f"{str(self.file(name))!r} is damaged: it holds no object. Start the run anew."
            )
            raise RunFolderError(message)
        return table

    def _check_identity(self, kind: str | None) -> None:
        """Check format and kind of a stored run."""
        identity = self._read_table("run.json")
        if identity.get("format") != FORMAT:
            message = (
                f"Run folder {str(self.path)!r} has format {identity.get('format')!r}; "
                f"this version reads format {FORMAT}. Start the run anew."
            )
            raise RunFolderError(message)
        if kind is not None and identity.get("kind") != kind:
            message = (
                f"Run folder {str(self.path)!r} holds a run of kind {identity.get('kind')!r}, "
                f"not {kind!r}. Name another folder."
            )
            raise RunFolderError(message)

    def _check_config(self, config: Mapping[str, Any]) -> None:
        """Check that a run goes on under the configuration that it began with."""
        stored = self.config
        keys = differing_keys(stored, json.loads(json.dumps(config)))
        if keys:
            message = (
                f"The run in {str(self.path)!r} was started with another configuration; "
                f"these differ: {', '.join(keys)}. Resume with the stored one (config.json) "
                "or name another folder."
            )
            raise RunFolderError(message)


def _is_scaffold(item: Path) -> bool:
    """Whether a file may be present in a folder in which no run has started yet."""
    return item.name in _SCAFFOLD or item.name.startswith(PARTIAL_PREFIX)


def _refuse_unless_empty(path: Path) -> None:
    """Check that no run has started in a folder and that it holds nothing of the user's."""
    with explained(path, "be read"):
        present = sorted(item.name for item in path.iterdir() if not _is_scaffold(item))
    if present:
        is_run = "run.json" in present
        what = "a run" if is_run else f"other files, such as {present[0]!r},"
        way_out = "Resume it with --resume" if is_run else "Move them away"
        message = (
            f"Run folder {str(path)!r} holds {what} already. {way_out}, or name another folder."
        )
        raise RunFolderError(message)


def _locked(path: Path) -> FileLock:
    """Take the lock of a run folder."""
    lock = FileLock(path / _LOCK)
    with explained(path, "be locked"):
        if not lock.acquire():
            message = (
                f"Run folder {str(path)!r} is in use by another process. "
                "Wait for it, or name another folder."
            )
            raise RunFolderBusyError(message)
    return lock
