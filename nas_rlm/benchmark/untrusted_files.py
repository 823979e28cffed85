"""Opening published tables that come from anywhere: JSON, CSV and torch lists, never a pickle.

Several benchmarks are published as pickles, and a pickle runs code when it is loaded. Those are
refused with the sentence that says how to convert one where it is trusted. Files are bounded in
size before they are read.
"""

import contextlib
import csv
import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

from nas_rlm.errors import BenchmarkError

MAX_BYTES = 512 * 2**20
"""Largest file that is read."""
MAX_TORCH_BYTES = 64 * 2**20
"""Largest content of a torch file; the published lists have under 1 MB."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PICKLE_SUFFIXES = frozenset({".pickle", ".pkl", ".pth", ".pbz2", ".p"})
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"BZh", b"PK\x03\x04")


def refuse_pickle(path: Path, conversion: str) -> None:
    """Refuse a file that is a pickle, plain or compressed, by its name or first bytes.

    Args:
        path: The file.
        conversion: How to make a file that can be read, one sentence.

    Raises:
        BenchmarkError: If it is one, or cannot be read.
    """
    if path.suffix in _PICKLE_SUFFIXES or _start(path).startswith(_PICKLE_STARTS):
        message = (
            f"{path.name} is a pickle, which can run any code when it is loaded, so it is never "
            f"read here. {conversion}"
        )
        raise BenchmarkError(message)


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file that has another checksum than its publisher says.

    Args:
        path: The file; a folder has no checksum.
        expected: 64 hexadecimal digits, in upper or lower case.

    Raises:
        BenchmarkError: If the checksum is another one or malformed, or the file cannot be read.
    """
    if not _SHA256.fullmatch(expected):
        message = f"A SHA-256 checksum must be 64 hexadecimal digits, but got {expected[:80]!r}."
        raise BenchmarkError(message)
    if path.is_dir():
        message = f"{str(path)!r} is a folder; check its files with `sha256sum --check`."
        raise BenchmarkError(message)
    _check_size(path, 2**62)
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {error.strerror or type(error).__name__}."
        raise BenchmarkError(message) from error
    if found != expected.lower():
        message = (
            f"{path.name} must have the SHA-256 checksum {expected.lower()}, but has {found}. "
            "Get it anew."
        )
        raise BenchmarkError(message)


def read_json(path: Path) -> Any:
    """Parse a JSON file; NaN and infinity, which JSON does not have, are refused.

    Raises:
        BenchmarkError: If it cannot be read, is larger than `MAX_BYTES` or is not JSON.
    """
    _check_size(path, MAX_BYTES)
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"{path.name} must be JSON, but does not parse: {str(error)[:200]}."
        raise BenchmarkError(message) from error


def read_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV file.

    Yields:
        Line number and cells by column name, for each row.

    Raises:
        BenchmarkError: If it cannot be read, is larger than `MAX_BYTES`, is not CSV in UTF-8, or
            a row is short or long.
    """
    _check_size(path, MAX_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, [])
            for row in rows:
                if len(row) != len(header):
                    _refuse_row(f"{path.name}, line {rows.line_num}", len(header), len(row))
                yield rows.line_num, dict(zip(header, row, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        message = f"{path.name} must be a CSV file in UTF-8, but: {error}."
        raise BenchmarkError(message) from error


def read_torch(path: Path, conversion: str) -> Any:
    """Load a torch file of plain lists, dictionaries, strings and numbers.

    Args:
        path: The file, of the zip format that torch writes since version 1.6.
        conversion: How to make a JSON file of one that holds more, one sentence.

    Raises:
        BenchmarkError: If it cannot be read, is larger than `MAX_TORCH_BYTES`, or holds anything
            that ``weights_only`` does not admit.
    """
    import torch

    _check_size(path, MAX_TORCH_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        message = f"{path.name} must be a torch file in zip format, but is not: {error}."
        raise BenchmarkError(message) from error
    if size > MAX_TORCH_BYTES:
        message = f"{path.name} must hold at most {MAX_TORCH_BYTES} bytes, but holds {size}."
        raise BenchmarkError(message)
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        message = (
            f"{path.name} holds more than plain lists and numbers, so it is refused. {conversion}"
        )
        raise BenchmarkError(message) from error


def number_of(value: object, where: str) -> float:
    """Return a finite number of at least 0; text of one is read, True and False are refused.

    Args:
        value: What a file holds.
        where: File, row and key, for the message.

    Raises:
        BenchmarkError: If it is not one.
    """
    number = -1.0
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if 0.0 <= number < float("inf"):
        return number
    message = f"{where} must be a number of at least 0, but is {str(value)[:40]!r}."
    raise BenchmarkError(message)


def _check_size(path: Path, limit: int) -> None:
    """Refuse what is no file or too large."""
    try:
        size = path.stat().st_size if path.is_file() else -1
    except OSError:
        size = -1
    if size < 0:
        message = f"{str(path)!r} must be a readable file, but there is none."
        raise BenchmarkError(message)
    if size > limit:
        message = f"{path.name} must have at most {limit} bytes, but has {size}."
        raise BenchmarkError(message)


def _start(path: Path) -> bytes:
    """The first bytes of a file."""
    _check_size(path, 2**62)
    try:
        with path.open("rb") as stream:
            return stream.read(8)
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {error.strerror or type(error).__name__}."
        raise BenchmarkError(message) from error


def _refuse_constant(name: str) -> Never:
    """Refuse NaN and infinity."""
    message = f"{name} is not JSON"
    raise ValueError(message)


def _refuse_row(where: str, wanted: int, got: int) -> Never:
    """Refuse a short or long row."""
    message = f"{where}: must have {wanted} cells, but has {got}."
    raise BenchmarkError(message)
