"""Running a comparison: every method on the same rows, cell by cell, resumable.

A cell is (method, target, n, seed); targets of a joint protocol share one. Cells that share a
model are run together, one after the other, and every finished cell is on disk before the next one
starts. With several processes they are on disk together, when the last of them is finished: a kill
loses the cells of the models that are at work, an error those of its own model alone.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas_rlm.atomic_files import explained
from nas_rlm.comparison.cross_space import prepare_cross_space, pretraining_without
from nas_rlm.comparison.details import (
    BlockScores,
    Details,
    Scatter,
    block_of_rows,
    read_details,
    scatter_of,
)
from nas_rlm.comparison.jobs import Job, JobResult, Run, Tested, scored
from nas_rlm.comparison.methods import Method, find_method
from nas_rlm.comparison.prediction import Models, predict_cell
from nas_rlm.comparison.pretraining import KEPT
from nas_rlm.comparison.protocol import Comparison, ComparisonProtocol, CrossSpaceProtocol
from nas_rlm.comparison.results import Results, Row, read_results
from nas_rlm.comparison.space_rows import SpaceRows, read_space_rows
from nas_rlm.comparison.splits import CellRows, cell_rows, is_unseen
from nas_rlm.errors import ConfigError
from nas_rlm.file_lock import held_alone
from nas_rlm.progress import Phases, silent
from search_spaces import SPACES


def run_protocol(
    protocol: Comparison,
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    sizes: Sequence[int] | None = None,
    targets: Sequence[str] | None = None,
    processes: int = 1,
    phases: Phases = silent,
    own_rows: SpaceRows | None = None,
) -> Results:
    """Run what is missing of a protocol.

    What several protocols share (pretrained surrogates, zero-cost scores) is kept in the folder
    ``kept`` beside `folder`.

    Args:
        protocol: What to run.
        folder: Where ``results.json`` and ``details.json`` are.
        methods: Names that `nas_rlm.comparison.methods.find_method` knows; None for those of the
            protocol.
        seeds: None for those of the protocol.
        sizes: Training rows; None for those of the protocol.
        targets: Columns; None for those of the protocol, and all of them if it is joint.
        processes: How many cells run at once. Only with 1 are the seconds believable: processes
            compete for cores, caches and memory.
        phases: Told of reading and of every cell.
        own_rows: Rows of a user; None for those of the protocol's space.

    Raises:
        ConfigError: If a method, size or target is not the protocol's, or a method is pretrained
            on accuracies and the space of a user's rows, which must be left out, is not known.
        BenchmarkError: If the installed table of true accuracies is needed and missing.
        DataFolderError: If a file is needed and ``NAS_RLM_DATA`` names no folder with it.
        RunFolderBusyError: If another process works in the folder.
        RunFolderError: If the folder cannot be made or written.
        ArrayError: If rows cannot be scored, e.g. since all true values of a target are equal.
    """
    if processes < 1:
        raise ConfigError(f"`processes` must be at least 1, but got {processes}.")
    known = {
        name: protocol.meant(find_method(name, protocol.own_methods))
        for name in methods or protocol.methods
    }
    if own_rows is not None:
        _check_pretrained(list(known.values()), protocol)
    _check_choices("target", targets or (), list(protocol.targets))
    _check_choices("size", sizes or (), protocol.sizes)
    is_joint = isinstance(protocol, ComparisonProtocol) and protocol.is_joint
    if is_joint and targets and set(targets) != set(protocol.targets):
        message = (
            f"The targets of {protocol.name!r} are trained together, but only {', '.join(targets)} "
            "were chosen. Leave the choice of targets out."
        )
        raise ConfigError(message)
    results, details = _read(folder, protocol)
    first_seed = (seeds or protocol.seeds)[0]  # a zero-cost score takes as long as training
    jobs = [
        Job(method, group, n, seed)
        for group in protocol.groups()
        if targets is None or set(group) <= set(targets)
        for n in sizes or protocol.sizes
        for seed in seeds or protocol.seeds
        for method in known.values()
        if protocol.has_cell(method, n) and not (method.zero_cost and seed != first_seed)
    ]
    done = results.cells
    missing = [job for job in jobs if not _cells(job) <= done]
    if not missing:
        return results
    with held_alone(folder, "runs the comparison"):
        with explained(folder, "be made"):
            folder.mkdir(parents=True, exist_ok=True)
        results, details = _read(folder, protocol)  # what another process added meanwhile
        run = _prepare(protocol, missing, folder.parent / KEPT, phases, own_rows)
        with phases(protocol.label) as progress:
            finished = _run_all(run, missing, processes)
            for number, result in enumerate(finished):
                details.add(result.blocks, result.scatters, folder)
                kept = [row for row in result.rows if row.cell not in results.cells]
                results.add(kept, folder, processes=processes)
                first = result.rows[0]
                progress(number + 1, len(missing), {first.metric: first.value})
    return results


_Splits = Mapping[tuple[int, int], CellRows]


def _check_choices(kind: str, chosen: Sequence[object], known: Sequence[object]) -> None:
    """Refuse what a protocol does not have."""
    for value in chosen:
        if value not in known:
            choices = ", ".join(map(str, known))
            raise ConfigError(f"Unknown {kind} {value!r}. Choose among: {choices}.")


def _check_pretrained(methods: Sequence[Method], protocol: Comparison) -> None:
    """Refuse methods that may have learned the accuracies of a user's test rows."""
    learned = [method.name for method in methods if method.pretrained_on == "accuracies"]
    if learned and not all(protocol.space_of(target) in SPACES for target in protocol.targets):
        message = (
            f"Method {learned[0]!r} learns the accuracies of other spaces first, so the space of "
            "your rows must be known to be left out. Use the column 'architecture' and name its "
            "space (`--space`), or leave the method out."
        )
        raise ConfigError(message)


def _read(folder: Path, protocol: Comparison) -> tuple[Results, Details]:
    """Read both files of a protocol."""
    return read_results(folder, protocol.label), read_details(folder, protocol.label)


def _cells(job: Job) -> set[tuple[str, str, int, int]]:
    """Cells that a job finishes."""
    return {job.cell(target) for target in job.targets}


def _prepare(
    protocol: Comparison,
    jobs: Sequence[Job],
    kept: Path,
    phases: Phases,
    own_rows: SpaceRows | None,
) -> Run:
    """Read the rows of all jobs and export their texts."""
    if isinstance(protocol, CrossSpaceProtocol):
        return prepare_cross_space(protocol, jobs, kept, phases)
    if not isinstance(protocol, ComparisonProtocol):
        message = f"Protocol {protocol.name!r} must be of a kind that can be run."
        raise ConfigError(message)
    rows = own_rows or read_space_rows(
        protocol.space, protocol.metrics, is_pruned=protocol.is_pruned
    )
    with phases("exporting architectures") as progress:
        rows.export(range(len(rows)), progress)
    splits = {
        (n, seed): cell_rows(protocol, rows, n, seed) for n, seed in {(j.n, j.seed) for j in jobs}
    }
    blocks = block_of_rows(rows.space, len(rows))
    return _Run(protocol, rows, splits, blocks, kept)


def _run_all(run: Run, jobs: Sequence[Job], processes: int) -> Iterator[JobResult]:
    """Run jobs, those that share a model one after the other."""
    batches: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        batches.setdefault(run.shared(job), []).append(job)
    if processes == 1:
        for batch in batches.values():
            yield from run(batch)
        return
    yield from _run_in_processes(run, list(batches.values()), processes)


@dataclass(frozen=True)
class _Run:
    """Runs batches of jobs on the rows of one space, which are exported."""

    protocol: ComparisonProtocol
    rows: SpaceRows
    splits: _Splits
    blocks: NDArray[np.int64]
    kept: Path

    def shared(self, job: Job) -> tuple[object, ...]:
        """What jobs with one trained model have in common."""
        method = job.method
        if method.zero_cost:
            return (method.zero_cost,)
        if not method.surrogate or method.is_pretrained:
            return (method.name, job.targets, job.n, job.seed)
        settings = repr(sorted(method.settings.items()))
        model = (method.surrogate, settings, job.seed)
        if self.protocol.sources:
            return model
        return (*model, method.is_separate, job.targets, job.n)

    def __call__(self, batch: Sequence[Job]) -> Iterator[JobResult]:
        """Run jobs that share models."""
        models = Models(pretraining_without(self.protocol.space, self.kept))
        for job in batch:
            yield self._run_job(job, models)

    def _run_job(self, job: Job, models: Models) -> JobResult:
        """Train, predict and score."""
        split = self.splits[job.n, job.seed]
        prediction = predict_cell(
            self.protocol, self.rows, job.method, split, job.targets, job.seed, models
        )
        unseen, blocks, tested = is_unseen(self.rows, split), self.blocks, split.test
        if prediction.predicted is not None:
            unseen, tested = unseen[prediction.predicted], tested[prediction.predicted]
        rows: list[Row] = []
        by_block: list[BlockScores] = []
        scatters: list[Scatter] = []
        for target, found in prediction.distributions.items():
            true = self.rows.columns[self.protocol.targets[target]][tested]
            seconds = (prediction.train_seconds, prediction.predict_seconds)
            draw = Tested(found, true, unseen, blocks[tested])
            own = scored(self.protocol, job.cell(target), [draw], seconds)
            rows += own[0]
            by_block += own[1]
            if not job.method.is_untrained:
                scatters.append(scatter_of(job.cell(target), found, true))
        return JobResult(tuple(rows), tuple(by_block), tuple(scatters))


_worker_run: Run | None = None


def _run_in_processes(
    run: Run, batches: Sequence[Sequence[Job]], processes: int
) -> Iterator[JobResult]:
    """Run batches at once; results come as they are finished.

    After an error no further batch begins, and it is raised once those at work are finished.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    threads = max(1, (os.cpu_count() or 1) // processes)
    pool = ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start_worker, initargs=(run, threads)
    )
    waiting = [pool.submit(_run_batch, batch) for batch in batches]
    try:
        for future in as_completed(list(waiting)):
            waiting.remove(future)
            yield from future.result()
    except Exception:
        at_work = [future for future in waiting if not future.cancel()]
        for future in as_completed(at_work):
            if future.exception() is None:
                yield from future.result()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _start_worker(run: Run, threads: int) -> None:
    """Prepare a process: its share of the cores, the rows, and a quiet end on Ctrl-C."""
    global _worker_run  # noqa: PLW0603 - what a process of the pool works on
    import torch

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(threads)
    _worker_run = run


def _run_batch(batch: Sequence[Job]) -> list[JobResult]:
    """Run a batch in a process of the pool."""
    if _worker_run is None:
        raise ConfigError("A process of the pool must be started by `_start_worker`.")
    return list(_worker_run(batch))
