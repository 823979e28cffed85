"""Few rows of a new space after learning all others: ``cross-space-16`` and ``nds-16``.

For each target every other space is learned once (see `nas_rlm.comparison.pretraining`). A seed then
draws 16 random rows of the target eight times, each draw without those of the others; every draw is
learned by itself, and the score of the seed is the mean over its draws. The test rows of a seed are
other random rows, the same for all draws and methods. Without any row the same test rows are ordered
by `surrogates.Surrogate.order_unseen`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas_rlm.comparison.details import Scatter, block_of_rows, scatter_of
from nas_rlm.comparison.jobs import Job, JobResult, Tested, scored
from nas_rlm.comparison.prediction import Models, predict_cell
from nas_rlm.comparison.pretraining import Pretraining, read_source
from nas_rlm.comparison.protocol import CrossSpaceProtocol, Source
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.comparison.splits import CellRows, is_unseen
from nas_rlm.errors import DatasetError
from nas_rlm.progress import Phases
from nas_rlm.seeding import derived_seed, generator

ACCURACIES = (
    Source("nasbench101", "accuracy_percent/cifar10_108epochs"),
    Source("nasbench201", "accuracy_percent/cifar10"),
    Source("nasbench_macro", "accuracy_percent/cifar10"),
    Source("ofa_mbv3", "accuracy_percent/imagenet"),
    Source("nds_darts", "accuracy_percent/cifar10_surrogate"),
    Source("enas_macro", "accuracy_percent/cifar10_shared_weights"),
)
"""The spaces with measured accuracies, and which accuracy is learned of each."""
NDS_ACCURACIES = tuple(
    Source(f"nds_{name.lower()}", "accuracy_percent/cifar10_test", f"{name}.json")
    for name in ("NASNet", "Amoeba", "PNAS", "ENAS", "DARTS")
)
"""Likewise of the published files of network design spaces."""
N_SOURCE = 1500
"""Rows of each space that are pretrained on, at most."""


def pretraining_without(
    space: str,
    kept: Path,
    *,
    sources: Sequence[Source] = ACCURACIES,
    n_rows: int = N_SOURCE,
) -> Pretraining:
    """Return what has learned all spaces but one; nothing is trained before it is asked for.

    Args:
        space: Left out, with spaces of the same cells in other networks; only what can be counted in
            its texts may be learned.
        kept: Folder of what is kept.
        sources: The spaces.
        n_rows: Rows of each, at most.
    """
    others = tuple(source for source in sources if not _are_of_one_kind(source.space, space))
    return Pretraining(others, tuple(sources), n_rows, kept)


def _are_of_one_kind(space: str, other: str) -> bool:
    """Whether one is the other, or a variant: ``nasbench201_cifar100`` of ``nasbench201``."""
    short, long = sorted((space, other), key=len)
    return long == short or long.startswith(f"{short}_")


@dataclass(frozen=True)
class _Draws:
    """Rows of one seed."""

    train: tuple[NDArray[np.int64], ...]
    test: NDArray[np.int64]

    def cell(self, draw: int, n: int) -> CellRows:
        """Rows of one draw, the first n of its training rows."""
        return CellRows(self.train[draw][:n], self.test, {})


@dataclass(frozen=True)
class CrossSpaceRun:
    """Runs jobs on the rows of the targets, which are exported."""

    protocol: CrossSpaceProtocol
    rows: Mapping[str, SpaceRows]
    """Target to its rows."""
    kept: Path

    def shared(self, job: Job) -> tuple[object, ...]:
        """What is computed once; pretrained surrogates are shared on disk."""
        method = job.method
        if method.zero_cost:
            return (method.zero_cost, job.targets)
        return (method.name, job.targets, job.n, job.seed)

    def __call__(self, batch: Sequence[Job]) -> Iterator[JobResult]:
        """Run jobs of one target."""
        (target,) = batch[0].targets
        pretraining = pretraining_without(
            target, self.kept, sources=self.protocol.sources, n_rows=self.protocol.n_source
        )
        for job in batch:
            yield self._run_job(job, target, pretraining)

    def _run_job(self, job: Job, target: str, pretraining: Pretraining) -> JobResult:
        """Learn, predict and score every draw."""
        rows, draws = self.rows[target], draw_rows(self.protocol, self.rows[target], job.seed)
        blocks = block_of_rows(rows.space, len(rows))
        tested: list[Tested] = []
        scatters: list[Scatter] = []
        seconds = np.zeros(2)
        for draw in range(self.protocol.n_draws if job.n else 1):
            cell = draws.cell(draw, job.n)
            seed = derived_seed(job.seed, "draw", draw)
            models = Models(pretraining)
            found = predict_cell(self.protocol, rows, job.method, cell, job.targets, seed, models)
            seconds += found.train_seconds, found.predict_seconds
            unseen, test = is_unseen(rows, cell), cell.test
            if found.predicted is not None:
                unseen, test = unseen[found.predicted], test[found.predicted]
            true = rows.columns[self.protocol.targets[target]][test]
            distribution = found.distributions[target]
            tested.append(Tested(distribution, true, unseen, blocks[test]))
            if draw == 0 and job.n and not job.method.is_untrained:
                scatters.append(scatter_of(job.cell(target), distribution, true))
        figures, by_block = scored(
            self.protocol, job.cell(target), tested, (float(seconds[0]), float(seconds[1]))
        )
        return JobResult(tuple(figures), tuple(by_block), tuple(scatters))


def draw_rows(protocol: CrossSpaceProtocol, rows: SpaceRows, seed: int) -> _Draws:
    """Draw the rows of a seed.

    Args:
        protocol: Says how many.
        rows: The target.
        seed: Seed of the draw.

    Raises:
        DatasetError: If nothing is left to test on.
    """
    metric = protocol.source_of(rows.space).metric
    order = generator(seed, "rows", protocol.name, rows.space).permutation(rows.usable([metric]))
    n = max(protocol.sizes)
    n_train = n * protocol.n_draws
    test = order[n_train:][: protocol.n_test]
    if len(test) < 2:
        message = (
            f"Protocol {protocol.name!r} needs rows of {rows.space!r} to test on, but "
            f"{len(order)} rows leave {len(test)} beside {n_train} for training."
        )
        raise DatasetError(message)
    return _Draws(
        tuple(order[draw * n : (draw + 1) * n] for draw in range(protocol.n_draws)), test
    )


def prepare_cross_space(
    protocol: CrossSpaceProtocol, jobs: Sequence[Job], kept: Path, phases: Phases
) -> CrossSpaceRun:
    """Read the targets of jobs and export their texts."""
    targets = dict.fromkeys(target for job in jobs for target in job.targets)
    rows = {}
    for target in targets:
        rows[target] = read_source(protocol.source_of(target))
        with phases(f"exporting {target}") as progress:
            rows[target].export(range(len(rows[target])), progress)
    return CrossSpaceRun(protocol, rows, kept)
