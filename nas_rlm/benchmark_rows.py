"""Rows of a published benchmark as a `Dataset`: random architectures with the metrics asked for.

Three sources are joined by genome: the accuracies of NAS-Bench-201, the files of the folder that
``NAS_RLM_DATA`` names, and exact counts by the convention of the publication (``params``, ``macs``,
``activations``), which every search space has. Where a latency is asked for, texts hold every
operation that was measured, even those that the output does not need.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import search_spaces
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.data_files import MetricTable, metrics_of, read_metric_table
from nas_rlm.dataset import Dataset, digest
from nas_rlm.errors import DatasetError
from nas_rlm.metrics import METRICS
from nas_rlm.progress import Progress, no_progress
from nas_rlm.seeding import generator
from search_spaces import SearchSpace

COUNTED_METRICS = {"params": "parameters", "macs": "mult_adds", "activations": "activations"}
"""Metrics that are counted and need no table, and what `SearchSpace.published_counts` calls them."""

_LATENCY = "latency_ms/"
_MAX_ENUMERATED = 50_000
_DRAWS_PER_ROW = 20
_Genome = tuple[int, ...]
_Finder = Callable[[_Genome], dict[str, float]]


def benchmark_rows(
    space: str,
    metrics: Sequence[str],
    *,
    n_rows: int,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Dataset:
    """Draw architectures of a space at random and label them.

    Args:
        space: Name of the search space.
        metrics: Metric names; each must be counted or be in a table of the space.
        n_rows: How many rows, of different networks.
        seed: Seed of the draw.
        progress: Called as rows are made.

    Returns:
        The rows; a metric that the table lacks for a row is absent there.

    Raises:
        DatasetError: If no metric is named, the space has no such metric, or too few networks.
        UnknownMetricError: If a metric is not known at all.
        BenchmarkError: If the table is not installed.
        DataFolderError: If a metric needs the folder of data files and there is none.
        SearchSpaceError: If the space is unknown.
    """
    if not metrics:
        message = (
            "At least one metric must be named, e.g. 'accuracy_percent/cifar10', but got none."
        )
        raise DatasetError(message)
    chosen = search_spaces.get_space(space)
    counted, tasks, filed = _sources(
        space, [METRICS.parse(name).name for name in dict.fromkeys(metrics)]
    )
    finders = [_accuracy_finder(name, task) for name, task in tasks.items()]
    table = read_metric_table(space, filed) if filed else None
    if table is not None:
        finders.append(_file_finder(table))
    has_latency = any(name.startswith(_LATENCY) for name in filed)
    export = chosen.to_unpruned_text if has_latency else chosen.to_text
    rng = generator(seed, "benchmark_rows", space)
    texts: list[str] = []
    labels: list[dict[str, float]] = []
    seen: set[str] = set()
    for genome in _genomes(chosen, table, n_rows, rng):
        if len(texts) == n_rows:
            break
        row = {name: value for find in finders for name, value in find(genome).items()}
        if not (row or counted):
            continue
        architecture = chosen.from_genome(genome)
        text = export(architecture)
        name = digest(text)
        if name in seen:
            continue
        seen.add(name)
        texts.append(text)
        labels.append({**row, **_counts(chosen, architecture, counted)} if counted else row)
        progress(len(texts), n_rows, {})
    if len(texts) < n_rows:
        message = (
            f"The benchmark of {space!r} holds only {len(texts)} different networks with these "
            f"metrics, but {n_rows} rows are wanted. Ask for fewer."
        )
        raise DatasetError(message)
    return Dataset(tuple(texts), tuple(labels))


def _sources(space: str, metrics: Sequence[str]) -> tuple[list[str], dict[str, str], list[str]]:
    """Split metrics into counted ones, ones of the NAS-Bench-201 table (to task), and the rest.

    Raises:
        DatasetError: If the rest is not empty and the space has no data file.
    """
    counted = [name for name in metrics if name in COUNTED_METRICS]
    tasks = {}
    has_table = space.partition("_")[0] == "nasbench201"
    if has_table:
        parts = {name: name.partition("/") for name in metrics}
        tasks = {
            name: task
            for name, (quantity, _, task) in parts.items()
            if quantity == "accuracy_percent" and task in TASK_FILES
        }
    rest = [name for name in metrics if name not in counted and name not in tasks]
    if rest and not metrics_of(space):
        of_tasks = [f"accuracy_percent/{task}" for task in TASK_FILES] if has_table else []
        known = ", ".join([*COUNTED_METRICS, *of_tasks])
        message = f"Space {space!r} has no metric {rest[0]!r}. It has: {known}."
        raise DatasetError(message)
    return counted, tasks, rest


def _accuracy_finder(metric: str, task: str) -> _Finder:
    """Return a look-up in the NAS-Bench-201 table of a task."""
    table = Nasbench201Table(task)
    return lambda genome: {metric: table.accuracy_percent(genome)}


def _file_finder(table: MetricTable) -> _Finder:
    """Return a look-up in the data file of a space."""
    rows = {tuple(map(int, genome)): row for row, genome in enumerate(table.genomes)}

    def find(genome: _Genome) -> dict[str, float]:
        row = rows[genome]
        values = {name: float(column[row]) for name, column in table.metrics.items()}
        return {name: value for name, value in values.items() if not math.isnan(value)}

    return find


def _counts(
    space: SearchSpace[Any], architecture: object, metrics: Sequence[str]
) -> dict[str, float]:
    """Count by the convention of the publication."""
    counts = space.published_counts(architecture)
    return {name: float(getattr(counts, COUNTED_METRICS[name])) for name in metrics}


def _genomes(
    space: SearchSpace[Any], table: MetricTable | None, n_rows: int, rng: np.random.Generator
) -> Iterator[_Genome]:
    """Yield genomes in random order: of the data file if one is used, else of the space."""
    if table is not None:
        for row in rng.permutation(len(table.genomes)):
            yield tuple(map(int, table.genomes[row]))
    elif space.size <= _MAX_ENUMERATED:
        genomes = [space.to_genome(architecture) for architecture in space.enumerate()]
        for row in rng.permutation(len(genomes)):
            yield genomes[row]
    else:
        for _ in range(_DRAWS_PER_ROW * n_rows):
            yield space.to_genome(space.sample(rng))
