"""Files and folders that appear complete or not at all, and one sentence when they cannot.

New content is written beside its place, flushed to the disk and renamed. What a killed process
leaves behind carries a prefix, by which `remove_unfinished` finds it.
"""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nas_rlm.errors import RunFolderError

PARTIAL_PREFIX = ".partial-"
"""Begins the name of what is still being written."""

_REPLACED_PREFIX = ".replaced-"
_ADVICE = {
    errno.ENOSPC: "Free some space on the disk",
    errno.EDQUOT: "Free some space in the quota",
    errno.EFBIG: "Lift the limit on file sizes",
    errno.EACCES: "Allow writing there",
    errno.EPERM: "Allow writing there",
    errno.EROFS: "The file system is read-only; mount it for writing",
    errno.ENOTDIR: "A file stands where a folder is needed; remove it",
    errno.EEXIST: "A file stands where a folder is needed; remove it",
}
_counter = itertools.count()


@contextlib.contextmanager
def explained(path: Path, action: str) -> Iterator[None]:
    """Turn an operating system error in the block into one sentence.

    Args:
        path: What is worked on.
        action: What cannot be done, e.g. ``"be written"``.

    Yields:
        Nothing.

    Raises:
        RunFolderError: For every `OSError` that is not one already; `errno` is kept.
    """
    try:
        yield
    except RunFolderError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        advice = _ADVICE.get(error.errno or 0, "Check the path")
        message = f"{str(path)!r} cannot {action}: {reason}. {advice}, or name another folder."
        explanation = RunFolderError(message)
        explanation.errno = error.errno
        raise explanation from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a kill, sees the old content or the new one.

    Args:
        path: The file; its folder must exist.
        content: The bytes.

    Raises:
        OSError: If it cannot be written; then the old file is as it was and nothing is beside it.
    """
    partial = path.parent / _unique(PARTIAL_PREFIX, path.name)
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush(path.parent)


@contextlib.contextmanager
def filling_folder(target: Path) -> Iterator[Path]:
    """Fill a folder so that it appears complete or not at all.

    Args:
        target: Where it shall appear; parents are made, an existing folder is replaced when the
            block ends without an error.

    Yields:
        An empty folder to write to.

    Raises:
        OSError: If it cannot be written; then the old folder is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / _unique(PARTIAL_PREFIX, target.name)
    partial.mkdir()
    try:
        yield partial
        for item in sorted(partial.rglob("*")):
            flush(item)
        flush(partial)
        _swap(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Delete what a killed process was writing, and put back a folder that it was replacing.

    Args:
        folder: Searched with everything below it; nobody else may be writing there.

    Raises:
        OSError: If something cannot be deleted.
    """
    for old in list(folder.rglob(f"{_REPLACED_PREFIX}*")):
        target = old.with_name(old.name.removeprefix(_REPLACED_PREFIX))
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    for partial in list(folder.rglob(f"{PARTIAL_PREFIX}*")):
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk.

    Args:
        path: The file or folder.

    Raises:
        OSError: If the disk refuses; a file system that cannot flush folders is accepted.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # folders cannot be opened on Windows
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _swap(partial: Path, target: Path) -> None:
    """Put a filled folder in the place of an old one, which goes aside first."""
    old = target.with_name(f"{_REPLACED_PREFIX}{target.name}")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    partial.rename(target)
    flush(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _unique(prefix: str, name: str) -> str:
    """A name that no other thread or process uses now."""
    return f"{prefix}{os.getpid()}-{next(_counter)}-{name}"
