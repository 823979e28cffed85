"""Where the true values of metrics come from: tables, exact counts, or measuring here.

A run asks one `Truth` for everything that is not predicted. Tables are NAS-Bench-201's accuracies
and the files of the data folder; parameters and multiply-adds are counted by the convention of the
space's publication; ``latency_ms/local`` is measured by the run itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import search_spaces
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.benchmark_rows import COUNTED_METRICS
from nas_rlm.data_files import metrics_of, read_metric_table
from nas_rlm.errors import TruthError
from nas_rlm.metrics import LOCAL_DEVICE, Metric
from nas_rlm.search.candidates import Genomes


class TruthTable(Protocol):
    """Known values of some architectures of a space."""

    metrics: tuple[str, ...]
    genomes: Genomes
    """Every architecture that it knows, shape ``(n, genes)``."""

    def values(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Look values up, shape ``(n,)``, NaN where not known."""

    def spans(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Lowest and highest of repeated values, shape ``(n, 2)``, NaN where there is one."""


class AccuracyTable:
    """Accuracies of NAS-Bench-201, each task read when it is first asked for."""

    def __init__(self, tasks: Sequence[str]) -> None:
        """Read the tables.

        Args:
            tasks: Keys of `nas_rlm.benchmark.nasbench201.TASK_FILES`, at least one.

        Raises:
            BenchmarkError: If the tables are not installed.
        """
        self._tables = {f"accuracy_percent/{task}": Nasbench201Table(task) for task in tasks}
        self.metrics = tuple(self._tables)
        self.genomes = self._tables[self.metrics[0]].genomes

    def values(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Mean over the runs present, percent."""
        return self._tables[metric].accuracies_percent(genomes)

    def spans(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Lowest and highest run, percent."""
        runs = [
            self._tables[metric].run_accuracies_percent(tuple(row)) for row in genomes.tolist()
        ]
        pairs = [(min(row), max(row)) if len(row) > 1 else (np.nan, np.nan) for row in runs]
        return np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)


class FileTable:
    """Metrics of a space from its file in the data folder.

    Values are those of networks: an architecture that the file lacks has the mean of those that
    describe the same network.
    """

    def __init__(self, space: str, metrics: Sequence[str]) -> None:
        """Read the file.

        Args:
            space: A space that `nas_rlm.data_files.DATA_FILES` has a file of.
            metrics: Which of its metrics.

        Raises:
            DataFolderError: If there is no data folder.
            DataFileError: If the file is damaged.
        """
        table = read_metric_table(space, metrics)
        self.metrics = tuple(metrics)
        self.genomes = table.genomes
        self._space = search_spaces.get_space(space)
        self._columns = table.metrics
        self._rows = {tuple(genome): row for row, genome in enumerate(table.genomes.tolist())}

    def values(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Value of the file, NaN for a network that it lacks."""
        column = self._columns[metric]
        found = np.full(len(genomes), np.nan)
        for place, genome in enumerate(map(tuple, genomes.tolist())):
            row = self._rows.get(genome)
            if row is not None:
                found[place] = column[row]
            elif alike := self._alike.get(self._canonical(genome)):
                known = column[alike][~np.isnan(column[alike])]
                found[place] = known.mean() if len(known) else np.nan
        return found

    @cached_property
    def _alike(self) -> dict[tuple[int, ...], list[int]]:
        """Canonical genome to the rows of its network."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for genome, row in self._rows.items():
            alike.setdefault(self._canonical(genome), []).append(row)
        return alike

    def _canonical(self, genome: tuple[int, ...]) -> tuple[int, ...]:
        """The genome of the canonical architecture of a network."""
        architecture = self._space.canonical(self._space.from_genome(genome))
        return self._space.to_genome(architecture)

    def spans(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Nothing: the file holds one value each."""
        del metric
        return np.full((len(genomes), 2), np.nan)


@dataclass(frozen=True)
class Truth:
    """True values of one space, and which metrics the run must measure itself."""

    space: search_spaces.SearchSpace[Any]
    tables: tuple[TruthTable, ...] = ()
    measured: tuple[str, ...] = ()
    """Metrics that are measured on this machine."""
    counted: tuple[str, ...] = field(default=tuple(COUNTED_METRICS))
    """Metrics that are counted, never predicted."""

    @property
    def tabled(self) -> tuple[str, ...]:
        """Metrics of the tables."""
        return tuple(name for table in self.tables for name in table.metrics)

    def values(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Look values up or count them.

        Args:
            metric: A tabled or counted metric.
            genomes: Shape ``(n, genes)``.

        Returns:
            Shape ``(n,)``, NaN where not known.

        Raises:
            TruthError: If the metric is neither.
        """
        if metric in self.counted:
            return self._counts(metric, genomes)
        return self._table(metric).values(metric, genomes)

    def spans(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Lowest and highest of repeated true values, shape ``(n, 2)``, NaN where there are none."""
        if metric in self.counted:
            return np.full((len(genomes), 2), np.nan)
        return self._table(metric).spans(metric, genomes)

    def known_genomes(self) -> Genomes | None:
        """Architectures of which every tabled metric is known.

        Returns:
            Shape ``(n, genes)``; None where that is the whole space.
        """
        partial = [table for table in self.tables if len(table.genomes) != self.space.size]
        if not partial:
            return None
        genomes = partial[0].genomes
        known = np.ones(len(genomes), dtype=np.bool_)
        for table in self.tables:
            for metric in table.metrics:
                known &= ~np.isnan(table.values(metric, genomes))
        return np.asarray(genomes[known])

    def whole_space(self, metrics: Sequence[str]) -> NDArray[np.float64] | None:
        """Values of every architecture of the space, where tables hold them all.

        Args:
            metrics: Tabled or counted metrics, at least one tabled.

        Returns:
            Shape ``(size, m)``; None where something is not known.
        """
        tabled = [name for name in metrics if name in self.tabled]
        if not tabled or any(name in self.measured for name in metrics):
            return None
        genomes = self._table(tabled[0]).genomes
        if len(genomes) != self.space.size:
            return None
        columns = np.stack([self.values(name, genomes) for name in metrics], axis=1)
        return None if np.isnan(columns).any() else columns

    def _table(self, metric: str) -> TruthTable:
        """The table that holds a metric."""
        for table in self.tables:
            if metric in table.metrics:
                return table
        message = (
            f"No table holds {metric!r}; tables hold {', '.join(self.tabled) or 'nothing'}, "
            f"counted are {', '.join(self.counted) or 'none'}."
        )
        raise TruthError(message)

    def _counts(self, metric: str, genomes: Genomes) -> NDArray[np.float64]:
        """Counts by the convention of the publication."""
        name = COUNTED_METRICS[metric]
        architectures = (self.space.from_genome(genome) for genome in genomes.tolist())
        values = [getattr(self.space.published_counts(item), name) for item in architectures]
        return np.array(values, dtype=np.float64)


def truth_of(space: search_spaces.SearchSpace[Any], metrics: Sequence[Metric]) -> Truth:
    """Find where the true values of metrics come from.

    Args:
        space: The search space.
        metrics: What the run optimizes and budgets.

    Returns:
        The truth, its tables read.

    Raises:
        TruthError: If a metric of this space is in no table and can be neither counted nor measured.
        BenchmarkError: If a table is not installed.
        DataFolderError: If a metric needs the data folder and there is none.
    """
    tasks, filed, measured, missing = [], [], [], []
    file_metrics = metrics_of(space.name)
    is_nasbench201 = space.name.partition("_")[0] == "nasbench201"
    for metric in metrics:
        if metric.is_latency and metric.target == LOCAL_DEVICE:
            measured.append(metric.name)
        elif metric.name in COUNTED_METRICS:
            continue
        elif is_nasbench201 and metric.is_accuracy and metric.target in TASK_FILES:
            tasks.append(str(metric.target))
        elif metric.name in file_metrics:
            filed.append(metric.name)
        else:
            missing.append(metric.name)
    if missing:
        accuracies = [f"accuracy_percent/{task}" for task in TASK_FILES] if is_nasbench201 else []
        known = [*accuracies, f"latency_ms/{LOCAL_DEVICE}", *COUNTED_METRICS, *file_metrics]
        message = (
            f"Search space {space.name!r} has no true values of {missing[0]!r} to train on: it is "
            "in no table and cannot be measured here. "
            f"Metrics to be had: {', '.join(dict.fromkeys(known))}."
        )
        raise TruthError(message)
    tables: list[TruthTable] = []
    if tasks:
        tables.append(AccuracyTable(tasks))
    if filed:
        tables.append(FileTable(space.name, filed))
    return Truth(space, tuple(tables), tuple(measured))
