"""Reading pickles that hold plain data, and refusing every other.

A pickle can run any code while it is loaded. The one benchmark table that is published as a
pickle holds dictionaries, lists, strings and numbers, for which no global name is needed; the
unpickler here admits none, so there is nothing that a pickle could call. This is the only place
of the project that reads one.
"""

import io
import pickle  # noqa: TID251 - a published table is a pickle; no global is admitted
from pathlib import Path
from typing import Any, Never

from nas_rlm.errors import BenchmarkError

MAX_BYTES = 64 * 2**20
"""Largest file that is read; the published ones have 2 MB."""


class _PlainUnpickler(pickle.Unpickler):
    """Loads containers, strings and numbers only."""

    def find_class(self, module: str, name: str) -> Never:
        """Refuse every global, so that nothing can be called."""
        message = f"it asks for {module}.{name}, but only plain data is admitted"
        raise pickle.UnpicklingError(message)

    def persistent_load(self, pid: object) -> Never:
        """Refuse references to objects outside the file."""
        message = f"it refers to an outside object {pid!r}"
        raise pickle.UnpicklingError(message)


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle of dictionaries, lists, strings and numbers.

    Args:
        path: The file.

    Returns:
        The object in it; its structure is not checked.

    Raises:
        BenchmarkError: If the file cannot be read, is larger than `MAX_BYTES`, is damaged, or
            asks for anything but plain data.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"Benchmark file {str(path)!r} cannot be read: {reason}."
        raise BenchmarkError(message) from error
    if size > MAX_BYTES:
        message = (
            f"Benchmark file {path.name!r} must have at most {MAX_BYTES} bytes, but has {size}."
        )
        raise BenchmarkError(message)
    try:
        return _PlainUnpickler(io.BytesIO(content)).load()
    except Exception as error:
        message = (
            f"Benchmark file {path.name!r} is refused: {error}. "
            "Install the package that it came with again."
        )
        raise BenchmarkError(message) from error
