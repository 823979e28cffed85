"""A lock on a file that the operating system releases when its holder dies, however it dies."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from nas_rlm.errors import RunFolderBusyError


class FileLock:
    """An exclusive lock between processes, and between two holders in one process."""

    def __init__(self, path: Path) -> None:
        """Name the lock without taking it.

        Args:
            path: The lock file; it is made when the lock is taken and stays afterwards.
        """
        self._path = path
        self._descriptor: int | None = None

    @classmethod
    def of(cls, place: Path, work: str) -> Self:
        """Name the lock of some work in a place, which need not exist yet; its file lies elsewhere.

        Args:
            place: A file or folder.
            work: What is done there, e.g. ``"trains"``.
        """
        name = hashlib.sha256(f"{work} {place.resolve()}".encode()).hexdigest()[:16]
        return cls(Path(tempfile.gettempdir()) / f"nas-rlm-{name}.lock")

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock without waiting.

        Returns:
            True if this object holds the lock now, False if another holder has it.

        Raises:
            OSError: If the lock file cannot be made.
        """
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def held_alone(folder: Path, work: str) -> Iterator[None]:
    """Keep other processes from the same work in a folder.

    Args:
        folder: Where the work is done.
        work: What is done there, as for :meth:`FileLock.of`.

    Yields:
        Nothing.

    Raises:
        RunFolderBusyError: If another process is at it.
    """
    lock = FileLock.of(folder, work)
    if not lock.acquire():
        message = f"Another process {work} in {str(folder)!r}. Wait for it, or stop it."
        raise RunFolderBusyError(message)
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        """Lock the first byte, or raise BlockingIOError."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        """Lock the file, or raise BlockingIOError."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
