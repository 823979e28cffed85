"""Latency and energy of HW-NAS-Bench that a user exported to JSON or CSV.

The benchmark is published as a pickle (``HW-NAS-Bench-v1_0.pickle``), which is refused; the same
dictionary as JSON is read::

    json.dump(pickle.load(open("HW-NAS-Bench-v1_0.pickle", "rb")), open("hw.json", "w"), default=list)

Its part ``nasbench201`` holds for each data set a list of 15,625 numbers by metric, such as
``edgegpu_latency`` (ms) or ``fpga_energy`` (mJ), and ``config`` with the ``arch_str`` of each; its
other part, tables of operators for FBNet, is not read. CSV has the columns ``arch_str`` and one for
each metric, of one data set.

Source:
    "HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark", ICLR 2021;
    ``hw_nas_bench_api`` of https://github.com/GATECH-EIC/HW-NAS-Bench.
"""

from pathlib import Path
from typing import Any

import search_spaces
from nas_rlm.benchmark.architecture_table import ArchitectureTable, checked_string
from nas_rlm.benchmark.untrusted_files import number_of, read_csv, read_json, refuse_pickle
from nas_rlm.errors import BenchmarkError, suggest

SPACES = {
    "cifar10": "nasbench201",
    "cifar100": "nasbench201_cifar100",
    "ImageNet16-120": "nasbench201_imagenet16",
}
"""Data set to search space: their networks differ in the image or the classes."""
DEVICES = ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")
CONVERSION = (
    "Where you trust it, convert it: json.dump(pickle.load(open('HW-NAS-Bench-v1_0.pickle', "
    "'rb')), open('hw.json', 'w'), default=list)."
)

_QUANTITIES = {"latency": "latency_ms", "energy": "energy_mj"}
_METRICS = {
    f"{device}_{kind}": f"{quantity}/{device}"
    for device in DEVICES
    for kind, quantity in _QUANTITIES.items()
}


def read_hw_nas_bench(path: Path, *, data_set: str = "cifar10") -> ArchitectureTable:
    """Read the costs of NAS-Bench-201 networks.

    Args:
        path: A ``.json`` file, or a CSV file of any other name.
        data_set: A key of `SPACES`.

    Returns:
        One row an architecture, in the order of the file.

    Raises:
        BenchmarkError: If it is a pickle, cannot be read, or does not hold what it should.
    """
    refuse_pickle(path, CONVERSION)
    if data_set not in SPACES:
        message = f"Unknown data set {data_set!r}. {suggest(data_set, SPACES, kind='data sets')}"
        raise BenchmarkError(message)
    space = search_spaces.get_space(SPACES[data_set])
    strings: list[str] = []
    rows: list[dict[str, float]] = []
    if path.suffix == ".json":
        entries = _json_entries(path, data_set)
    else:
        entries = [
            (f"{path.name}, line {line}", cells.get("arch_str"), cells)
            for line, cells in read_csv(path)
        ]
    for where, string, values in entries:
        labels = {
            metric: number_of(values[key], f"{where}: {key!r}")
            for key, metric in _METRICS.items()
            if values.get(key) not in (None, "")
        }
        if not labels:
            message = f"{where} must have a metric such as 'edgegpu_latency', but has none."
            raise BenchmarkError(message)
        strings.append(checked_string(space, string, where))
        rows.append(labels)
    if not rows:
        message = f"{path.name} must hold at least one architecture, but holds none."
        raise BenchmarkError(message)
    return ArchitectureTable(space.name, tuple(strings), tuple(rows))


def _json_entries(path: Path, data_set: str) -> list[tuple[str, Any, dict[str, Any]]]:
    """Place, architecture string and numbers of every network of a data set."""
    content = _table(_table(read_json(path), path.name).get("nasbench201"), "'nasbench201'")
    table = _table(content.get(data_set), f"{path.name}, nasbench201, {data_set}")
    configs = table.get("config")
    if not isinstance(configs, list):
        message = f"{path.name}, {data_set}: 'config' must be the list of architectures."
        raise BenchmarkError(message)
    for key in _METRICS.keys() & table.keys():
        if not isinstance(table[key], list) or len(table[key]) != len(configs):
            message = f"{path.name}, {data_set}: {key!r} must be a list of {len(configs)} numbers."
            raise BenchmarkError(message)
    return [
        (
            f"{path.name}, {data_set}, row {index}",
            config.get("arch_str") if isinstance(config, dict) else None,
            {key: table[key][index] for key in _METRICS if key in table},
        )
        for index, config in enumerate(configs)
    ]


def _table(content: Any, where: str) -> dict[str, Any]:
    """Return an object of JSON."""
    if not isinstance(content, dict):
        message = f"{where} must be an object, but is {type(content).__name__}."
        raise BenchmarkError(message)
    return content
