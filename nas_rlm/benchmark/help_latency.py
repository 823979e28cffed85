"""Latency tables of HELP: a folder with a list of milliseconds for each device.

``latency/<device>.pt`` is a list of floats that torch saved, one per architecture; which ones says
``str_arch2idx.pt`` (NAS-Bench-201: string to index), ``metainfo.pt`` (FBNet: operation indices) or
``ofa_archs.pt`` (once-for-all MobileNetV3). Torch files are loaded with ``weights_only``. The last
one holds more than that admits: convert it to ``ofa_archs.json`` where you trust it. Any of the
files may be JSON of the same content instead, which is then preferred.

Source:
    "HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via Meta-Learning", NeurIPS 2021,
    arXiv:2106.08630; ``data`` and ``loader.py`` of https://github.com/HayeonLee/HELP.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import search_spaces
from nas_rlm.benchmark.architecture_table import ArchitectureTable, checked_string
from nas_rlm.benchmark.untrusted_files import number_of, read_json, read_torch
from nas_rlm.errors import BenchmarkError, suggest

SPACES = ("nasbench201", "fbnet", "ofa_mbv3")
DEVICE_NAMES = {"titan_xp": "titanxp"}
"""Beginnings of device names that are spelt in two ways, to the one that metrics have."""

_DEVICE = re.compile(r"[a-z0-9][a-z0-9_]*")


def read_help(
    folder: Path, space: str, *, devices: Sequence[str] | None = None
) -> ArchitectureTable:
    """Read the latencies of one search space.

    Args:
        folder: E.g. ``data/nasbench201`` of the repository.
        space: One of `SPACES`.
        devices: Names of files in ``latency``, without suffix; None for all.

    Returns:
        One row an architecture, in the order of the lists.

    Raises:
        BenchmarkError: If a file is missing, holds more than plain data, or does not fit.
    """
    if space not in SPACES:
        message = (
            f"HELP has no latencies of space {space!r}. {suggest(space, SPACES, kind='spaces')}"
        )
        raise BenchmarkError(message)
    own = search_spaces.get_space(space)
    strings = [
        checked_string(own, string, f"architecture {index}")
        for index, string in enumerate(_architectures(folder, space))
    ]
    names = sorted({path.stem for path in (folder / "latency").glob("*")})
    chosen = names if devices is None else list(devices)
    if not chosen:
        message = f"{str(folder / 'latency')!r} must hold a file for each device, but is empty."
        raise BenchmarkError(message)
    columns = {}
    for device in chosen:
        if device not in names or not _DEVICE.fullmatch(device):
            message = (
                f"No latencies of device {device!r}. {suggest(device, names, kind='devices')}"
            )
            raise BenchmarkError(message)
        columns[_metric(device)] = _latencies(folder / "latency", device, len(strings))
    rows = [
        {metric: column[index] for metric, column in columns.items()}
        for index in range(len(strings))
    ]
    return ArchitectureTable(space, tuple(strings), tuple(rows))


def _metric(device: str) -> str:
    """Name of the latency of a device."""
    for start, ours in DEVICE_NAMES.items():
        if device.startswith(f"{start}_"):
            device = ours + device.removeprefix(start)
    return f"latency_ms/{device}"


def _latencies(folder: Path, device: str, n: int) -> list[float]:
    """Milliseconds of every architecture."""
    content = _content(folder, device)
    if not isinstance(content, list) or len(content) != n:
        got = len(content) if isinstance(content, list) else type(content).__name__
        message = f"Latencies of {device!r} must be a list of {n} numbers, but got {got}."
        raise BenchmarkError(message)
    return [number_of(value, f"{device}, row {index}") for index, value in enumerate(content)]


def _architectures(folder: Path, space: str) -> list[str]:
    """Published strings, in the order of the latencies."""
    if space == "nasbench201":
        content = _content(folder, "str_arch2idx")
        is_index = isinstance(content, dict) and all(
            isinstance(index, int) for index in content.values()
        )
        if not is_index or set(content.values()) != set(range(len(content))):
            message = "'str_arch2idx' must map every architecture to an index from 0 on."
            raise BenchmarkError(message)
        return sorted(content, key=lambda string: content[string])
    name = "metainfo" if space == "fbnet" else "ofa_archs"
    content = _content(folder, name)
    rows = content.get("arch") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f"{name!r} must hold a list 'arch' of architectures."
        raise BenchmarkError(message)
    if space == "fbnet":
        return [_joined(row.get("op_idx_list")) for row in rows]
    return [json.dumps({key: row.get(key) for key in ("ks", "e", "d", "r")}) for row in rows]


def _joined(ops: Any) -> str:
    """Operation indices separated by commas."""
    if not isinstance(ops, list):
        message = f"'op_idx_list' must be a list of operation indices, but is {str(ops)[:80]!r}."
        raise BenchmarkError(message)
    return ",".join(map(str, ops))


def _content(folder: Path, name: str) -> Any:
    """Content of a JSON file, or of a torch file where there is none."""
    path = folder / f"{name}.json"
    if path.is_file():
        return read_json(path)
    conversion = (
        f"Where you trust it, convert it: json.dump(torch.load('{name}.pt', weights_only=False), "
        f"open('{name}.json', 'w'), default=int)."
    )
    return read_torch(folder / f"{name}.pt", conversion)
