"""One file of measured architectures: how its rows become architectures and metrics.

A `DataFile` describes a CSV file, gzipped or plain: which cells say which architecture, the
function that reads them, and which column is which metric. `nas_rlm.data_files` lists the files
that are known. Cells come from outside: every one that is used is checked.
"""

import csv
import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nas_rlm.errors import DataFileError, DataFolderError, suggest
from search_spaces import SearchSpace
from search_spaces.errors import SearchSpaceError

ArchitectureReader = Callable[[SearchSpace[Any], Sequence[str]], Any]
"""From a space and the cells of `DataFile.architecture_columns` to an architecture."""


@dataclass(frozen=True)
class DataFile:
    """A CSV file with one row per measured architecture of one search space."""

    name: str
    """File name inside the folder; read as gzip if it ends with ``.gz``."""
    space: str
    architecture_columns: tuple[str, ...]
    """Columns that say which architecture a row is about."""
    read_architecture: ArchitectureReader
    """Raises `SearchSpaceError` or `ValueError` for cells that are no architecture."""
    metric_columns: Mapping[str, str]
    """Metric name to column name."""
    n_rows: int
    """Rows of the file, the first ones included."""
    metric_factors: Mapping[str, float] = field(default_factory=dict)
    """Metric name to the factor from the file's unit to the metric's; absent means 1."""
    n_first_rows: int = 0
    """Rows at the beginning whose metrics are not to be used."""
    sha256: str = ""
    """Checksum of the unpacked content; empty where none is known."""


class Line(NamedTuple):
    """One row of a file.

    Attributes:
        number: Line in the file, from 1, as an editor counts them.
        cells: The cells asked for.
    """

    number: int
    cells: tuple[str, ...]


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    """Read some columns of a CSV file, gzipped or plain.

    Args:
        path: The file; read as gzip if the name ends with ``.gz``.
        columns: Names in its first line.

    Yields:
        The rows, cells in the order of `columns`.

    Raises:
        DataFolderError: If the file cannot be opened.
        DataFileError: If a column is missing, a row is short or long, or the file is truncated
            or not CSV in UTF-8.
    """
    with _unpacked(path, "truncated or not a CSV file") as content:
        rows = csv.reader(io.TextIOWrapper(content, encoding="utf-8", newline=""), strict=True)
        header = next(rows, [])
        places = [_place(header, name, path.name) for name in columns]
        for row in rows:
            _check_length(row, header, f"{path.name}, line {rows.line_num}")
            yield Line(rows.line_num, tuple([row[place] for place in places]))


def content_sha256(path: Path) -> str:
    """Return the checksum of a file's unpacked content, 64 hexadecimal digits.

    Raises:
        DataFolderError: If the file cannot be opened.
        DataFileError: If it is truncated.
    """
    with _unpacked(path, "truncated") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _unpacked(path: Path, damage: str) -> Iterator[gzip.GzipFile | io.BufferedReader]:
    """Open the content of a file; `damage` is what it is where it cannot be read to its end."""
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rb") as content:
            yield content
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        message = f"{path.name} is {damage}: {error}. Get it anew."
        raise DataFileError(message) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"Data file {str(path)!r} cannot be read: {reason}. Check its folder."
        raise DataFolderError(message) from error


def read_architecture(file: DataFile, space: SearchSpace[Any], cells: Sequence[str]) -> Any:
    """Read the architecture of a row.

    Args:
        file: Description of the file.
        space: Its search space.
        cells: Of `DataFile.architecture_columns`.

    Returns:
        The architecture.

    Raises:
        DataFileError: If the cells are none; the message does not name the line.
    """
    try:
        return file.read_architecture(space, cells)
    except (SearchSpaceError, ValueError, IndexError) as error:
        message = f"no architecture of {file.space}: {str(error).rstrip('.')}"
        raise DataFileError(message) from error


def read_number(cell: str) -> float:
    """Read a finite number; an empty cell is NaN, a value that is not known.

    Raises:
        DataFileError: If it is anything else; the message names neither column nor line.
    """
    try:
        value = float(cell) if cell else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value) or (math.isnan(value) and cell):
        message = f"must be a finite number or empty, but is {cell[:50]!r}"
        raise DataFileError(message)
    return value


def read_metrics(file: DataFile, names: Sequence[str], cells: Sequence[str]) -> list[float]:
    """Read the metrics of a row in the unit that their names say.

    Args:
        file: Description of the file.
        names: Metrics of `DataFile.metric_columns`.
        cells: Of the columns of these metrics.

    Returns:
        One number per metric, NaN where the file has none.

    Raises:
        DataFileError: If a cell is not a number; the message names the column, not the line.
    """
    values = []
    for name, cell in zip(names, cells, strict=True):
        try:
            value = read_number(cell)
        except DataFileError as error:
            message = f"{file.metric_columns[name]!r} {error}"
            raise DataFileError(message) from error
        factor = file.metric_factors.get(name)
        values.append(value if factor is None else round(value * factor, 9))
    return values


def _check_length(row: Sequence[str], header: Sequence[str], where: str) -> None:
    """Refuse a row that is shorter or longer than the first line."""
    if len(row) != len(header):
        message = f"{where}: must have {len(header)} cells, but has {len(row)}."
        raise DataFileError(message)


def _place(header: Sequence[str], name: str, file: str) -> int:
    """Index of a column."""
    if name not in header:
        message = f"{file} has no column {name!r}. {suggest(name, header, kind='columns')}"
        raise DataFileError(message)
    return header.index(name)
