"""Latency and energy of HW-NAS-Bench that a user exported to JSON or CSV.

The benchmark is published as a pickle (``HW-NAS-Bench-v1_0.pickle``), which is refused; the same
dictionary as JSON is read::

    json.dump(pickle.load(open("HW-NAS-Bench-v1_0.pickle", "rb")), open("hw.json", "w"), default=list)

It has two parts. ``nasbench201`` holds for each data set a list of 15,625 numbers by metric, such
as ``edgegpu_latency`` (ms) or ``fpga_energy`` (mJ), and ``config`` with the ``arch_str`` of each.
``fbnet`` holds by metric a table of operators; the cost of a network is the sum over its operators.
CSV has the columns ``arch_str`` and one for each metric, of one data set.

Source:
    "HW-NAS-Bench: Hardware-Aware Neural Architecture Search Benchmark", ICLR 2021;
    ``hw_nas_bench_api`` of https://github.com/GATECH-EIC/HW-NAS-Bench.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import search_spaces
from nas_rlm.benchmark.architecture_table import ArchitectureTable, checked_string
from nas_rlm.benchmark.untrusted_files import number_of, read_csv, read_json, refuse_pickle
from nas_rlm.errors import BenchmarkError, suggest
from search_spaces.fbnet.blocks import (
    BLOCKS,
    HEAD_CHANNELS,
    IMAGE_SIZE,
    LAYERS,
    N_CLASSES,
    STEM_CHANNELS,
    FBNetArchitecture,
)

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


@dataclass(frozen=True)
class FBNetCosts:
    """Costs of operators, by which any FBNet network has its costs."""

    tables: Mapping[str, Mapping[str, float]]
    """Metric to operator, as the benchmark names it, to cost."""

    def of(self, architecture: FBNetArchitecture) -> dict[str, float]:
        """Sum up the operators of a network for ImageNet.

        Args:
            architecture: A network of the space ``fbnet``.

        Returns:
            Metric to cost, e.g. ``latency_ms/pixel3``.

        Raises:
            BenchmarkError: If a table lacks an operator.
        """
        operators = fbnet_operators(architecture)
        for metric, table in self.tables.items():
            for operator in operators:
                if operator not in table:
                    message = f"The table of {metric} lacks the operator {operator!r}."
                    raise BenchmarkError(message)
        return {
            metric: sum(table[operator] for operator in operators)
            for metric, table in self.tables.items()
        }


def read_fbnet_costs(path: Path) -> FBNetCosts:
    """Read the operator tables for FBNet.

    Args:
        path: The JSON file.

    Returns:
        The costs.

    Raises:
        BenchmarkError: If it is a pickle, cannot be read, or does not hold what it should.
    """
    refuse_pickle(path, CONVERSION)
    tables = {}
    for key, table in _table(_table(read_json(path), path.name).get("fbnet"), "'fbnet'").items():
        if key in _METRICS:
            where = f"{path.name}, fbnet, {key}"
            tables[_METRICS[key]] = {
                name: number_of(value, f"{where}: {name[:80]!r}")
                for name, value in _table(table, where).items()
            }
    if not tables:
        message = f"{path.name}: 'fbnet' must hold a metric such as 'pixel3_latency'."
        raise BenchmarkError(message)
    return FBNetCosts(tables)


def fbnet_operators(architecture: FBNetArchitecture) -> tuple[str, ...]:
    """List the operators of a network under the names of the benchmark, for ImageNet.

    Sizes in a name are those of the operator's input.
    """
    size = IMAGE_SIZE
    names = [f"ConvNorm_H{size}_W{size}_Cin3_Cout{STEM_CHANNELS}_kernel3_stride2_group1"]
    size //= 2
    for op, layer in zip(architecture.ops, LAYERS, strict=True):
        shape = f"H{size}_W{size}_Cin{layer.c_in}_Cout{layer.c_out}"
        if op == "skip":
            names.append(f"Skip_{shape}_stride{layer.stride}")
        else:
            kernel, expansion, groups = BLOCKS[op]
            names.append(
                f"ConvBlock_{shape}_exp{expansion}_kernel{kernel}_stride{layer.stride}_group{groups}"
            )
        size //= layer.stride
    shape = f"H{size}_W{size}_Cin{LAYERS[-1].c_out}_Cout{HEAD_CHANNELS}"
    names.append(f"ConvNorm_{shape}_kernel1_stride1_group1")
    names.append(
        f"AvgP_H{size}_W{size}_Cin{HEAD_CHANNELS}_Cout{HEAD_CHANNELS}_kernel{size}_stride1"
    )
    names.append(f"FC_Cin{HEAD_CHANNELS}_Cout{N_CLASSES}")
    return tuple(names)


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
