"""Logs of JSON lines that survive a kill: one object a line, a torn last line is dropped."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas_rlm.atomic_files import explained
from nas_rlm.errors import RunFolderError


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read the complete lines of a log.

    Args:
        path: The log; if it does not exist, it is empty.

    Returns:
        One table per line. What follows the last line break is an unfinished line and left out.

    Raises:
        RunFolderError: If the log cannot be read or a finished line is not a JSON object.
    """
    return _read(path)[0]


class JsonLinesLog:
    """A log that is open for appending; each line is written whole."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        """Open a log and cut off a torn last line.

        Args:
            path: The log; made if it does not exist.
            is_durable: Whether each line is flushed to the disk before `append` returns. Without
                it a line survives a killed process, but perhaps not a power failure.

        Raises:
            RunFolderError: If it cannot be opened or a finished line is damaged.
        """
        self.path = path
        self._is_durable = is_durable
        self._records, self._size = _read(path)
        with explained(path, "be opened"):
            self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            os.ftruncate(self._descriptor, self._size)

    @property
    def earlier_records(self) -> list[dict[str, Any]]:
        """What the log held when it was opened."""
        return self._records

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line.

        Args:
            record: JSON values; NaN is refused.

        Raises:
            RunFolderError: If the record is not JSON, or the disk is full; then the log is as it
                was. Or if the log is closed.
        """
        if self._descriptor is None:
            message = f"Log {str(self.path)!r} is closed; open it again to append."
            raise RunFolderError(message)
        try:
            text = json.dumps(dict(record), allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            message = f"A line of {self.path.name!r} must hold finite JSON values, but: {error}."
            raise RunFolderError(message) from error
        line = text.encode() + b"\n"
        with explained(self.path, "be written"):
            try:
                self._write(self._descriptor, line)
            except BaseException:
                os.ftruncate(self._descriptor, self._size)
                raise
        self._size += len(line)

    def close(self) -> None:
        """Close the log; without effect if it is closed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, descriptor: int, line: bytes) -> None:
        """Write a line at the end; a full disk may take a part, then the next call fails."""
        os.lseek(descriptor, self._size, os.SEEK_SET)
        while line:
            line = line[os.write(descriptor, line) :]
        if self._is_durable:
            os.fsync(descriptor)


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The finished lines and how many bytes they take."""
    with explained(path, "be read"):
        content = path.read_bytes() if path.exists() else b""
    size = content.rfind(b"\n") + 1
    records = []
    for number, line in enumerate(content[:size].split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            message = (
                f"Line {number} of {str(path)!r} is damaged: it is not a JSON object. "
                "Start the run anew, or remove the line."
            )
            raise RunFolderError(message)
        records.append(record)
    return records, size
