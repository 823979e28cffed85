"""Running a comparison: every method on the same rows, cell by cell, resumable."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import search_spaces
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.comparison.protocol import (
    DEVELOPMENT_SALT,
    DEVELOPMENT_SHARE,
    METHODS,
    FewShotProtocol,
    Method,
)
from nas_rlm.comparison.results import Results, Row, read_results
from nas_rlm.dataset import Dataset, hold_out
from nas_rlm.errors import ConfigError
from nas_rlm.evaluation.rank_metrics import kendall_tau, spearman
from nas_rlm.progress import Phases, Progress, silent
from nas_rlm.seeding import generator
from surrogates import get_surrogate


@dataclass(frozen=True)
class _Space:
    """A space with everything that any method reads."""

    rows: Dataset
    counts: Mapping[str, NDArray[np.float64]]
    is_development: NDArray[np.bool_]


def run_protocol(
    protocol: FewShotProtocol,
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    sizes: Sequence[int] | None = None,
    targets: Sequence[str] | None = None,
    phases: Phases = silent,
) -> Results:
    """Run what is missing of a protocol; every finished cell is on disk before the next starts.

    Args:
        protocol: What to run.
        folder: Where ``results.json`` is.
        methods: Names of `METHODS`; None for those of the protocol.
        seeds: None for those of the protocol.
        sizes: Training rows; None for those of the protocol.
        targets: Columns; None for those of the protocol.
        phases: Told of reading and of every cell.

    Raises:
        ConfigError: If a method, size or target is not the protocol's.
        BenchmarkError: If the true accuracies are not installed.
    """
    _check("method", methods or (), METHODS)
    _check("target", targets or (), protocol.targets)
    _check("size", sizes or (), protocol.sizes)
    results = read_results(folder, protocol.name)
    cells = [
        (method, target, n, seed)
        for target in targets or protocol.targets
        for n in sizes or protocol.sizes
        for seed in seeds or protocol.seeds
        for method in methods or protocol.methods
    ]
    missing = [cell for cell in cells if cell not in results.cells]
    if not missing:
        return results
    with phases("reading architectures") as progress:
        space = _read_space(protocol, progress)
    with phases(protocol.name) as progress:
        for done, (name, target, n, seed) in enumerate(missing):
            rows = _run_cell(protocol, space, METHODS[name], target, n, seed)
            results.add(rows, folder)
            progress(done + 1, len(missing), {rows[0].metric: rows[0].value})
    return results


def _check(
    kind: str, chosen: Sequence[object], known: Mapping[str, object] | Sequence[int]
) -> None:
    """Refuse what a protocol does not have."""
    for value in chosen:
        if value not in known:
            choices = ", ".join(map(str, known))
            raise ConfigError(f"Unknown {kind} {value!r}. Choose among: {choices}.")


def _read_space(protocol: FewShotProtocol, progress: Progress) -> _Space:
    """Export all architectures of a space and look up their labels and counts."""
    space = search_spaces.get_space(protocol.space)
    tables = {name: Nasbench201Table(task) for name, task in _tasks(protocol).items()}
    genomes = next(iter(tables.values())).genomes
    texts, counted, names = [], [], []
    for row, genome in enumerate(genomes.tolist()):
        architecture = space.from_genome(genome)
        texts.append(space.to_text(architecture))
        names.append(space.format(architecture))
        counted.append(space.published_counts(architecture))
        if row % 100 == 99 or row + 1 == len(genomes):
            progress(row + 1, len(genomes), {})
    columns = {name: table.accuracies_percent(genomes) for name, table in tables.items()}
    rows = Dataset.from_columns(texts, columns)
    return _Space(
        rows,
        {
            "params": np.array([float(c.parameters) for c in counted]),
            "macs": np.array([float(c.mult_adds) for c in counted]),
        },
        hold_out(names, share=DEVELOPMENT_SHARE, salt=DEVELOPMENT_SALT),
    )


def _tasks(protocol: FewShotProtocol) -> dict[str, str]:
    """Metric name to task of the NAS-Bench-201 table."""
    tasks = {metric: metric.partition("/")[2] for metric in protocol.targets.values()}
    unknown = sorted(set(tasks.values()) - set(TASK_FILES))
    if unknown:
        raise ConfigError(f"No table of true values for {unknown}. Known: {sorted(TASK_FILES)}.")
    return tasks


def _run_cell(
    protocol: FewShotProtocol, space: _Space, method: Method, target: str, n: int, seed: int
) -> list[Row]:
    """Train one method on the rows of one (target, n, seed) and score it."""
    metric = protocol.targets[target]
    usable = np.flatnonzero(~space.is_development)
    order = generator(seed, "rows", protocol.name).permutation(usable)
    train, test = order[:n], order[n:][: protocol.n_test]
    start = time.perf_counter()
    predicted, train_seconds = _predict(space, method, metric, train, test, seed)
    predict_seconds = time.perf_counter() - start - train_seconds
    true = space.rows.column(metric)[test]
    digests = np.array(space.rows.digests)
    is_first = np.zeros(len(test), dtype=np.bool_)
    is_first[np.unique(digests[test], return_index=True)[1]] = True
    unseen = is_first & ~np.isin(digests[test], digests[train])
    scores = {
        "kendall_tau": kendall_tau(predicted, true),
        "kendall_tau_unseen": kendall_tau(predicted[unseen], true[unseen]),
        "spearman": spearman(predicted, true),
    }
    return [
        Row(
            method.name,
            target,
            n,
            seed,
            name,
            round(value, 6),
            round(train_seconds, 3),
            round(predict_seconds, 3),
        )
        for name, value in scores.items()
    ]


def _predict(
    space: _Space,
    method: Method,
    metric: str,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    """Return predictions for the test rows, shape (n,), and the seconds of training."""
    if method.count is not None:
        return space.counts[method.count][test], 0.0
    start = time.perf_counter()
    training = space.rows.take(train)
    labels = [{metric: row[metric]} for row in training.labels]
    surrogate = get_surrogate(method.surrogate or method.name, **method.settings)
    surrogate.fit(training.texts, labels, seed=seed)
    seconds = time.perf_counter() - start
    prediction = surrogate.predict([space.rows.texts[row] for row in test])
    return prediction[metric].mean, seconds
