"""Rows of networks in a parquet file, in the layout of our CSV files or of GraphArch-Regression.

GraphArch-Regression has one row a network: ``space``, ``uid``, ``arch_str``, ``input`` (ONNX
text), ``val_accuracy``, ``flops``, ``params`` and ``metadata``, the text of a dictionary whose
keys begin with ``lat_`` (a device's latency) or ``zcp_`` (a zero-cost score). They become the
columns of our own layout:

- ``input`` is ``text``;
- ``val_accuracy`` is ``accuracy_percent/<space>``, in lower case: each space has a task, an
  augmentation and a split of its own, so its accuracies are a metric of their own. The file mixes
  shares and percentages: a space whose values are all within 0..1 is taken to hold shares;
- ``params`` is ``params``, ``lat_<device>`` is ``latency_ms/<device>``;
- ``flops`` is left out, since its convention differs from space to space; ``macs`` of a text can be
  counted exactly. Zero-cost scores are no metrics and are left out.

A file of any other columns is read as it stands. pyarrow, from the optional extra ``parquet``,
reads the file; nothing in it is executed.

Source:
    https://huggingface.co/datasets/akhauriyash/GraphArch-Regression (the data set's card).
"""

import ast
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nas_rlm.errors import DatasetError

MAX_BYTES = 4 * 2**30
"""Most that the rows of a file may take in memory."""
MAX_METADATA = 100_000
"""Longest ``metadata`` of a row, in characters."""
LAYOUT = ("space", "uid", "arch_str", "input", "val_accuracy", "flops", "params", "metadata")
"""Columns of GraphArch-Regression that a file of that layout has; others are not read."""

_BATCH_ROWS = 512
_LATENCY = "lat_"
_SCORE = "zcp_"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")

Table = tuple[list[str], list[tuple[int, list[str]]]]
"""Column names, and per row its number from 1 and its cells as text."""


def read_parquet(path: Path, *, space: str | None = None) -> Table:
    """Read a parquet file as a table of text cells.

    Args:
        path: The file.
        space: Read rows of this ``space`` alone, of a file in the layout of GraphArch-Regression;
            None for all.

    Returns:
        The table; an empty cell is a value that is not known.

    Raises:
        DatasetError: If pyarrow is not installed, or the file is damaged, too large, or holds
            something that is neither text nor a number.
    """
    names, batches = _opened(path)
    if set(LAYOUT) <= set(names):
        return _graph_arch(path, batches, space)
    rows = []
    for number, values in batches:
        cells = [_cell(value, f"{path.name}, row {number}: {n!r}") for n, value in values.items()]
        rows.append((number, cells))
    return names, rows


def is_graph_arch(path: Path) -> bool:
    """Return whether a parquet file has the layout of GraphArch-Regression.

    Raises:
        DatasetError: As for `read_parquet`.
    """
    return set(LAYOUT) <= set(_opened(path)[0])


def _opened(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, Any]]]]:
    """Column names, and rows with their numbers from 1."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        message = (
            f"{path.name} is a parquet file, and pyarrow, which reads it, is not installed. "
            "Install it with: pip install 'nas-rlm[parquet]'."
        )
        raise DatasetError(message) from error
    try:
        file = parquet.ParquetFile(path)
        names = list(file.schema_arrow.names)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    except OSError as error:
        reason = error.strerror or "it is not a whole parquet file"
        message = f"{str(path)!r} cannot be read: {reason}."
        raise DatasetError(message) from error
    except pyarrow.ArrowException as error:
        message = f"{path.name} is not a parquet file: {str(error)[:200]}."
        raise DatasetError(message) from error
    size = sum(group.total_byte_size for group in groups)
    if size > MAX_BYTES:
        message = f"{path.name} must hold at most {MAX_BYTES} bytes, but holds {size}. Split it."
        raise DatasetError(message)
    columns = list(LAYOUT) if set(LAYOUT) <= set(names) else names

    return columns, _batches(file, columns, path.name)


def _batches(file: Any, columns: list[str], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield rows with their numbers from 1."""
    import pyarrow

    number, taken = 0, 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            taken += batch.nbytes  # what the file says of itself may be wrong
            if taken > MAX_BYTES:
                break
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (OSError, pyarrow.ArrowException, UnicodeDecodeError) as error:
        message = f"{name} is damaged behind row {number}: {str(error)[:200]}."
        raise DatasetError(message) from error
    if taken > MAX_BYTES:
        message = f"{name} must hold at most {MAX_BYTES} bytes, but holds more. Split it."
        raise DatasetError(message)


def _graph_arch(
    path: Path, batches: Iterator[tuple[int, dict[str, Any]]], space: str | None
) -> Table:
    """Turn rows of GraphArch-Regression into our own layout."""
    rows: list[tuple[int, str, dict[str, float]]] = []
    spaces: dict[str, list[dict[str, float]]] = {}
    for number, values in batches:
        where = f"{path.name}, row {number}"
        if space is not None and values["space"] != space:
            continue
        name = str(values["space"]).lower()
        if not _NAME.fullmatch(name):
            message = f"{where}: 'space' must be a name, but is {str(values['space'])[:40]!r}."
            raise DatasetError(message)
        text = values["input"]
        if not isinstance(text, str) or not text:
            message = f"{where}: 'input' must be ONNX text, but is {str(text)[:40]!r}."
            raise DatasetError(message)
        labels = _labels(values, name, where)
        if labels:
            rows.append((number, text, labels))
            spaces.setdefault(f"accuracy_percent/{name}", []).append(labels)
    for metric, of_space in spaces.items():
        _to_percent([labels for labels in of_space if metric in labels], metric)
    if not rows:
        wanted = "" if space is None else f" of space {space!r}"
        message = f"{path.name} has no row{wanted} with a text and a metric."
        raise DatasetError(message)
    metrics = list(dict.fromkeys(name for _, _, labels in rows for name in labels))
    return ["text", *metrics], [
        (number, [text, *[repr(labels[m]) if m in labels else "" for m in metrics]])
        for number, text, labels in rows
    ]


def _to_percent(rows: list[dict[str, float]], metric: str) -> None:
    """Turn the accuracies of a space into percent where all of them are shares."""
    if all(labels[metric] <= 1.0 for labels in rows):
        for labels in rows:
            labels[metric] = round(100.0 * labels[metric], 9)


def _labels(values: Mapping[str, Any], space: str, where: str) -> dict[str, float]:
    """Metrics of a row."""
    columns = {"val_accuracy": f"accuracy_percent/{space}", "params": "params"}
    labels = {
        metric: _number(values[column], f"{where}: {column!r}")
        for column, metric in columns.items()
        if _is_known(values[column])
    }
    for key, value in _metadata(values["metadata"], where).items():
        device = key.removeprefix(_LATENCY).lower()
        if key.startswith(_LATENCY) and _is_known(value):
            if not _NAME.fullmatch(device):
                message = f"{where}: 'metadata' names a device {device[:40]!r}."
                raise DatasetError(message)
            labels[f"latency_ms/{device}"] = _number(value, f"{where}: {key!r}")
    return labels


def _metadata(text: Any, where: str) -> dict[str, Any]:
    """Parse the text of a dictionary; it is never evaluated."""
    if text is None or text == "":
        return {}
    content = None
    if isinstance(text, str) and len(text) <= MAX_METADATA:
        try:
            content = ast.literal_eval(re.sub(r"\bnan\b", "None", text.strip()))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            content = None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        message = (
            f"{where}: 'metadata' must be the text of a dictionary of at most {MAX_METADATA} "
            f"characters, but is {str(text)[:60]!r}."
        )
        raise DatasetError(message)
    unknown = [key for key in content if not key.startswith((_LATENCY, _SCORE))]
    if unknown:
        message = (
            f"{where}: keys of 'metadata' must begin with {_LATENCY!r} or {_SCORE!r}, "
            f"but one is {unknown[0][:40]!r}."
        )
        raise DatasetError(message)
    return content


def _is_known(value: Any) -> bool:
    """Whether a value is there."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _number(value: Any, where: str) -> float:
    """A finite number of at least 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value < math.inf:
        message = f"{where} must be a number of at least 0, but is {str(value)[:40]!r}."
        raise DatasetError(message)
    return float(value)


def _cell(value: Any, where: str) -> str:
    """Text of a cell, as a CSV file would have it."""
    if not _is_known(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    message = f"{where} must be text or a number, but is {type(value).__name__}."
    raise DatasetError(message)
