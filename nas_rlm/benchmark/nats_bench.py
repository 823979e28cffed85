"""Accuracies of NAS-Bench-201 or NATS-Bench (topology) that a user exported to JSON or CSV.

The benchmarks are published as pickles (``NAS-Bench-201-v1_1-096897.pth``, ``NATS-tss-v1_0-*``,
``.pickle.pbz2``), which are refused. Their own interface writes the export in three lines::

    sets = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    rows = {api[i]: {s: api.get_more_info(i, s, hp="200", is_random=False) for s in sets}
            for i in range(len(api))}
    json.dump(rows, open("nats.json", "w"))

So JSON is ``{architecture: {data set: {"valid-accuracy": 90.1, ...}}}``, and CSV has the columns
``arch_str`` and ``dataset`` and one for each number. Validation accuracies are those of
``cifar10-valid``, ``cifar100`` and ``ImageNet16-120``; test accuracies (of ``cifar10``, trained on
training and validation images, and of the other two) are metrics of their own. Parameters and
multiply-adds are counted instead of read: runs of the benchmark report different ones.

Source:
    https://github.com/D-X-Y/NATS-Bench (``get_more_info``); arXiv:2001.00326, arXiv:2009.00437.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import search_spaces
from nas_rlm.benchmark.architecture_table import ArchitectureTable, checked_string
from nas_rlm.benchmark.untrusted_files import number_of, read_csv, read_json, refuse_pickle
from nas_rlm.errors import BenchmarkError, suggest
from nas_rlm.metrics import QUANTITIES

SPACE = "nasbench201"
CONVERSION = (
    "Where you trust it, load it with the benchmark's own package and write JSON: "
    "{api[i]: {s: api.get_more_info(i, s, hp='200', is_random=False) for s in ('cifar10-valid', "
    "'cifar10', 'cifar100', 'ImageNet16-120')} for i in range(len(api))}."
)

METRICS: Mapping[str, Mapping[str, str]] = {
    "cifar10-valid": {
        "valid-accuracy": "accuracy_percent/cifar10",
        "train-all-time": "train_seconds/cifar10",
    },
    "cifar10": {"test-accuracy": "accuracy_percent/cifar10_test"},
    "cifar100": {
        "valid-accuracy": "accuracy_percent/cifar100",
        "test-accuracy": "accuracy_percent/cifar100_test",
        "train-all-time": "train_seconds/cifar100",
    },
    "ImageNet16-120": {
        "valid-accuracy": "accuracy_percent/imagenet16",
        "test-accuracy": "accuracy_percent/imagenet16_test",
        "train-all-time": "train_seconds/imagenet16",
    },
}
"""Data set of the benchmark to its number to our metric."""


def read_nats_bench(path: Path) -> ArchitectureTable:
    """Read an export.

    Args:
        path: A ``.json`` file, or a CSV file of any other name.

    Returns:
        One row an architecture, in the order of the file.

    Raises:
        BenchmarkError: If it is a pickle, cannot be read, or a row is not of this form; the
            message names it.
    """
    refuse_pickle(path, CONVERSION)
    space = search_spaces.get_space(SPACE)
    rows: dict[str, dict[str, float]] = {}
    for where, string, data_set, values in _entries(path):
        labels = rows.setdefault(checked_string(space, string, where), {})
        if data_set not in METRICS:
            message = f"{where}: unknown data set {str(data_set)[:40]!r}. "
            raise BenchmarkError(message + suggest(str(data_set), METRICS, kind="data sets"))
        for key, metric in METRICS[data_set].items():
            value = values.get(key)
            if value is None or value == "":
                continue
            if metric in labels:
                message = f"{where}: {key!r} of {data_set} is given twice."
                raise BenchmarkError(message)
            labels[metric] = _value(value, metric, f"{where}, {data_set}: {key!r}")
    known = {string: labels for string, labels in rows.items() if labels}
    if not known:
        message = f"{path.name} must hold at least one accuracy, such as 'valid-accuracy'."
        raise BenchmarkError(message)
    return ArchitectureTable(SPACE, tuple(known), tuple(known.values()))


def _entries(path: Path) -> Iterator[tuple[str, Any, Any, Mapping[str, Any]]]:
    """Yield place, architecture, data set and numbers."""
    if path.suffix != ".json":
        for line, cells in read_csv(path):
            if not {"arch_str", "dataset"} <= cells.keys():
                message = f"{path.name} must have the columns 'arch_str' and 'dataset'."
                raise BenchmarkError(message)
            yield f"{path.name}, line {line}", cells["arch_str"], cells["dataset"], cells
        return
    for string, sets in _table(read_json(path), path.name).items():
        for data_set, values in _table(sets, f"{path.name}, {string[:100]!r}").items():
            where = f"{path.name}, {string[:100]!r}"
            yield where, string, data_set, _table(values, f"{where}, {data_set}")


def _table(content: Any, where: str) -> dict[str, Any]:
    """Return an object of JSON."""
    if not isinstance(content, dict):
        message = f"{where} must be an object, but is {type(content).__name__}."
        raise BenchmarkError(message)
    return content


def _value(value: object, metric: str, where: str) -> float:
    """Return a number in the range of its metric."""
    number = number_of(value, where)
    if number > QUANTITIES[metric.partition("/")[0]].highest:
        message = f"{where} must be from 0 to 100 percent, but is {number!r}."
        raise BenchmarkError(message)
    return number
