"""The files of measured architectures in the folder that ``NAS_RLM_DATA`` names.

The folder is the user's; the package holds none of it. A file is described by a `DataFile`: which
columns are the genome and which are which metric. `DATA_FILES` lists them: add one there to
read another file of this kind.
"""

import csv
import gzip
import math
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas_rlm.errors import DataFileError, DataFolderError, suggest

DATA_VARIABLE = "NAS_RLM_DATA"
"""Environment variable that names the folder."""


@dataclass(frozen=True)
class DataFile:
    """A gzipped CSV file with one row per architecture of one search space."""

    name: str
    """File name inside the folder."""
    space: str
    genome_columns: tuple[str, ...]
    """Columns of small integers, in the order of the space's genome."""
    metric_columns: Mapping[str, str]
    """Metric name to column name."""
    n_rows: int
    metric_factors: Mapping[str, float]
    """Metric name to the factor from the file's unit to the metric's; absent means 1."""


@dataclass(frozen=True)
class MetricTable:
    """Architectures of one space with their metrics."""

    space: str
    genomes: NDArray[np.int64]
    """Shape ``(n, genes)``."""
    metrics: dict[str, NDArray[np.float64]]
    """Metric name to shape ``(n,)``, in the metric's unit, NaN where not measured."""


_HELP_DEVICES = (
    *(f"{gpu}_{batch}" for gpu in ("1080ti", "2080ti") for batch in (1, 32, 256)),
    *(f"{gpu}_{batch}" for gpu in ("titan_rtx", "titanx", "titanxp") for batch in (1, 32, 256)),
    "essential_ph_1",
    "fpga",
    "gold_6226",
    "gold_6240",
    "pixel2",
    "pixel3",
    "samsung_a50",
    "samsung_s7",
    "silver_4114",
    "silver_4210r",
)
_NASBENCH201_TASKS = {"cifar10": "c10", "cifar100": "c100", "imagenet16": "in16"}

DATA_FILES: dict[str, DataFile] = {
    file.space: file
    for file in (
        DataFile(
            name="nasbench201.csv.gz",
            space="nasbench201",
            genome_columns=tuple(f"op{edge}" for edge in range(6)),
            metric_columns={
                **{f"accuracy_percent/{t}": f"{c}_val" for t, c in _NASBENCH201_TASKS.items()},
                **{
                    f"train_seconds/{t}": f"{c}_train_time_s"
                    for t, c in _NASBENCH201_TASKS.items()
                },
                **{f"latency_ms/{device}": f"help_{device}_ms" for device in _HELP_DEVICES},
                **{
                    f"latency_ms/nnmeter_{d}": f"nnmeter_{d}_ms"
                    for d in ("cpu", "gpu", "gpu1", "vpu")
                },
            },
            n_rows=15_625,
            metric_factors={},  # its parameters are means over disagreeing runs: count instead
        ),
    )
}
"""Search space to its file."""


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of measured architectures.

    Args:
        environment: Where the variable is looked up.

    Returns:
        The folder, which exists.

    Raises:
        DataFolderError: If the variable is not set or does not name a folder.
    """
    value = environment.get(DATA_VARIABLE, "")
    if not value:
        message = (
            f"The environment variable {DATA_VARIABLE} is not set. "
            "Set it to the folder that holds the files of measured architectures."
        )
        raise DataFolderError(message)
    folder = Path(value)
    if not folder.is_dir():
        message = (
            f"{DATA_VARIABLE} must name a folder of measured architectures, but {value!r} is none."
        )
        raise DataFolderError(message)
    return folder


def read_metric_table(
    space: str, metrics: Sequence[str] | None = None, *, folder: Path | None = None
) -> MetricTable:
    """Read genomes and metrics of a space from its file.

    Args:
        space: A key of `DATA_FILES`.
        metrics: Which metrics; None for all the file has.
        folder: Where the file lies; None for `data_folder`.

    Returns:
        The table, every row of the file in its order.

    Raises:
        DataFolderError: If the folder or file is missing or unreadable.
        DataFileError: If the space or a metric is not in a file, or the content is wrong.
    """
    if space not in DATA_FILES:
        message = f"No data file for space {space!r}. {suggest(space, DATA_FILES, kind='spaces')}"
        raise DataFileError(message)
    file = DATA_FILES[space]
    wanted = tuple(file.metric_columns) if metrics is None else tuple(metrics)
    for name in wanted:
        if name not in file.metric_columns:
            hint = suggest(name, file.metric_columns, kind="metrics")
            message = f"{file.name} has no metric {name!r}. {hint}"
            raise DataFileError(message)
    path = (data_folder() if folder is None else folder) / file.name
    columns = [*file.genome_columns, *(file.metric_columns[name] for name in wanted)]
    numbers = read_columns(path, columns)
    genomes = np.stack([numbers[name] for name in file.genome_columns], axis=1)
    if len(genomes) != file.n_rows:
        message = f"{file.name} must have {file.n_rows} rows, but has {len(genomes)}. Get it anew."
        raise DataFileError(message)
    if not np.array_equal(genomes, np.round(genomes)) or genomes.min(initial=0) < 0:
        message = f"{file.name}: the columns of the genome must be integers from 0. Get it anew."
        raise DataFileError(message)
    return MetricTable(
        space,
        genomes.astype(np.int64),
        {
            name: np.round(
                numbers[file.metric_columns[name]] * file.metric_factors.get(name, 1.0), 9
            )
            for name in wanted
        },
    )


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Read numeric columns of a CSV file, gzipped or plain.

    Args:
        path: The file; read as gzip if the name ends with ``.gz``.
        columns: Names in its first line.

    Returns:
        Column name to shape ``(n,)``; an empty cell is NaN.

    Raises:
        DataFolderError: If the file cannot be opened.
        DataFileError: If a column is missing, a row is short or long, a cell is not a finite
            number, or the file is truncated or not CSV in UTF-8.
    """
    try:
        opened = gzip.open if path.name.endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, [])
            places = [_place(header, name, path.name) for name in columns]
            cells = [_numbers(row, places, header, path.name, rows.line_num) for row in rows]
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        message = f"{path.name} is truncated or not a CSV file: {error}. Get it anew."
        raise DataFileError(message) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"Data file {str(path)!r} cannot be read: {reason}. Check {DATA_VARIABLE}."
        raise DataFolderError(message) from error
    table = np.array(cells, dtype=np.float64).reshape(len(cells), len(places))
    return {name: table[:, index].copy() for index, name in enumerate(columns)}


def _place(header: Sequence[str], name: str, file: str) -> int:
    """Index of a column."""
    if name not in header:
        message = f"{file} has no column {name!r}. {suggest(name, header, kind='columns')}"
        raise DataFileError(message)
    return header.index(name)


def _numbers(
    row: Sequence[str], places: Sequence[int], header: Sequence[str], file: str, line: int
) -> list[float]:
    """The wanted cells of one row."""
    if len(row) != len(header):
        message = f"{file}, line {line}: must have {len(header)} cells, but has {len(row)}."
        raise DataFileError(message)
    numbers = []
    for place in places:
        try:
            value = float(row[place]) if row[place] else math.nan
        except ValueError:
            value = math.inf
        if math.isinf(value) or (math.isnan(value) and row[place]):
            message = (
                f"{file}, line {line}: {header[place]!r} must be a finite number or empty, "
                f"but is {row[place]!r}."
            )
            raise DataFileError(message)
        numbers.append(value)
    return numbers
