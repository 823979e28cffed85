"""A user's own rows: a CSV or parquet file of networks and metrics, read as a `Dataset`.

The first line names the columns (parquet has their names itself). One of them says which network: ``file`` (an ONNX file, binary or
text, relative to the CSV file), ``text`` (ONNX text) or ``architecture`` (the published string of a
search space). Every other column is a metric, such as ``latency_ms/pixel9``; devices and tasks may
be new. An empty cell is a value that is not known. A parquet file may also have the layout of
GraphArch-Regression, see `nas_rlm.parquet_rows`.
"""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import search_spaces
from nas_rlm.dataset import Dataset
from nas_rlm.errors import DatasetError, UnknownMetricError
from nas_rlm.metrics import DEVICES, LOCAL_DEVICE, METRICS, QUANTITIES, Metric, Qualifier
from nas_rlm.network_files import text_of
from nas_rlm.parquet_rows import is_graph_arch, read_parquet
from nas_rlm.progress import Progress, no_progress

NETWORK_COLUMNS = ("file", "text", "architecture")
"""Columns that may say which network a row is about; exactly one must be there."""
_PUBLISHED_LATENCIES = frozenset(f"latency_ms/{name}" for name in DEVICES if name != LOCAL_DEVICE)
MAX_CELL = 2**31 - 1
"""Longest cell of a CSV file, in characters; the text of a large network has some 100,000."""


def read_rows(
    path: Path,
    *,
    space: str | None = None,
    device: str | None = None,
    progress: Progress = no_progress,
) -> Dataset:
    """Read a CSV or parquet file of networks and metrics.

    Args:
        path: The file: parquet if the name ends with ``.parquet``, else CSV in UTF-8.
        space: Search space of the ``architecture`` column; must be None for other columns. For
            GraphArch-Regression: the ``space`` whose rows are read, as spelt there.
        device: What a column ``latency_ms`` that names no device is a latency of; None refuses it.
        progress: Called as rows are read.

    Returns:
        The rows in the order of the file. Texts are canonical; those of architectures with a latency
        on a published device are as the benchmark ran them, see
        `search_spaces.SearchSpace.to_unpruned_text`.

    Raises:
        DatasetError: If the file is not such a table or a value is out of range; the message names
            the line.
        UnknownMetricError: If a column is neither a network column nor a metric.
        SearchSpaceError: If a network file, a text or an architecture string is refused; the
            message names the line.
    """
    if path.suffix != ".parquet":
        header, lines = _read_csv(path)
    elif is_graph_arch(path):
        header, lines = read_parquet(path, space=space)
        space = None
    else:
        header, lines = read_parquet(path)
    _check_names(path, header)
    network = _network_column(path, header, space)
    metrics = _metric_names(path, [name for name in header if name != network], device)
    if not metrics:
        message = f"{path.name} has no metric column beside {network!r}. Add one, e.g. 'params'."
        raise DatasetError(message)
    is_pruned = not any(name in _PUBLISHED_LATENCIES for name in metrics.values())
    read = _reader(network, space, path.parent, is_pruned=is_pruned)
    texts, labels = [], []
    for done, (line, cells) in enumerate(lines):
        row = dict(zip(header, cells, strict=True))
        texts.append(_read_cell(read, row[network], f"{path.name}, line {line}"))
        labels.append(
            {
                metric: _value(metric, row[name], f"{path.name}, line {line}: {name!r}")
                for name, metric in metrics.items()
                if row[name].strip()
            }
        )
        if not labels[-1]:
            message = f"{path.name}, line {line}: at least one metric must have a value."
            raise DatasetError(message)
        progress(done + 1, len(lines), {})
    return Dataset(tuple(texts), tuple(labels))


def named_metric(name: str) -> Metric:
    """Look a metric up whose device or task may be a user's own.

    Args:
        name: E.g. ``latency_ms/pixel9``: the quantity must be known, what follows the slash not.

    Returns:
        The metric, with the unit and direction of its quantity.

    Raises:
        UnknownMetricError: If the quantity is unknown, or a device or task is missing or misspelt.

    Example:
        >>> named_metric("latency_ms/my_phone").unit
        'ms'
    """
    head, _, target = name.partition("/")
    registry = METRICS
    quantity = QUANTITIES.get(head)
    if quantity is not None and target:
        if quantity.qualifier is Qualifier.DEVICE:
            registry = METRICS.with_devices(target)
        elif quantity.qualifier is Qualifier.TASK:
            registry = METRICS.with_tasks(target)
    return registry.parse(name)


def _read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the column names, and per row its last line number and its cells."""
    limit = csv.field_size_limit(MAX_CELL)  # of the whole process, so it is set back
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(rows, [])]
            lines = [(rows.line_num, cells) for cells in rows if cells]
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {error.strerror or type(error).__name__}."
        raise DatasetError(message) from error
    except (csv.Error, UnicodeDecodeError) as error:
        message = f"{path.name} must be a CSV file in UTF-8, but: {error}."
        raise DatasetError(message) from error
    finally:
        csv.field_size_limit(limit)
    for line, cells in lines:
        if len(cells) != len(header):
            message = f"{path.name}, line {line}: needs {len(header)} cells, but has {len(cells)}."
            raise DatasetError(message)
    if not lines:
        message = f"{path.name} must have a line of column names and at least one row."
        raise DatasetError(message)
    return header, lines


def _check_names(path: Path, header: list[str]) -> None:
    """Refuse two columns of one name."""
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        message = (
            f"{path.name}: every column must have its own name, but {repeated[0]!r} is twice."
        )
        raise DatasetError(message)


def _network_column(path: Path, header: list[str], space: str | None) -> str:
    """Return the one column that says which network a row is about."""
    present = [name for name in NETWORK_COLUMNS if name in header]
    separators = [sign for sign in (";", "\t") if len(header) == 1 and sign in header[0]]
    if separators:
        message = (
            f"{path.name} must have commas between its cells, but its first line has "
            f"{separators[0]!r}. Save it with commas."
        )
        raise DatasetError(message)
    if len(present) != 1:
        message = (
            f"{path.name} must have exactly one of the columns {', '.join(NETWORK_COLUMNS)}, "
            f"but has {', '.join(present) or 'none of them'}."
        )
        raise DatasetError(message)
    if (present[0] == "architecture") != (space is not None):
        way_out = "Name it with --space" if space is None else f"Leave --space {space} out"
        message = (
            f"{path.name} has the column {present[0]!r}; a search space must be named with the "
            f"column 'architecture', and only then. {way_out}."
        )
        raise DatasetError(message)
    return present[0]


def _metric_names(path: Path, columns: list[str], device: str | None) -> dict[str, str]:
    """Return column to metric, every one checked."""
    names = {
        name: f"latency_ms/{device}" if name == "latency_ms" and device is not None else name
        for name in columns
    }
    for name in names.values():
        try:
            named_metric(name)
        except UnknownMetricError as error:
            message = f"{path.name}: {error}"
            raise UnknownMetricError(message) from error
    if len(set(names.values())) < len(names):
        message = f"{path.name} must have one column of {names['latency_ms']!r}, but has two."
        raise DatasetError(message)
    return names


def _reader(
    network: str, space: str | None, folder: Path, *, is_pruned: bool
) -> Callable[[str], str]:
    """Return the function from a cell of the network column to text."""
    if network == "file":
        return lambda cell: search_spaces.load_text(folder / cell)
    if network == "text" or space is None:
        return text_of
    architectures = search_spaces.get_space(space)
    export = architectures.to_text if is_pruned else architectures.to_unpruned_text
    return lambda cell: export(architectures.parse(cell))


def _read_cell(read: Callable[[str], str], cell: str, where: str) -> str:
    """Return the text of a network; what refuses it says where it stands."""
    try:
        return read(cell)
    except search_spaces.SearchSpaceError as error:
        message = f"{where}: {error}"
        raise type(error)(message) from error


def _value(metric: str, cell: str, where: str) -> float:
    """Return the number of a cell, in the range of its quantity."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{where} must be a finite number or empty, but is {cell!r}."
        raise DatasetError(message)
    highest = QUANTITIES[metric.partition("/")[0]].highest
    if not 0.0 <= value <= highest:
        rule = "at least 0" if highest == math.inf else f"from 0 to {highest:g}"
        message = f"{where} must be {rule}, but is {cell!r}. Leave it empty if it is not known."
        raise DatasetError(message)
    return value
