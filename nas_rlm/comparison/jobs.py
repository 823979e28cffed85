"""What is trained and tested at once, and what it adds to the files of a comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nas_rlm.comparison.details import BlockScores, Scatter, scores_of_blocks
from nas_rlm.comparison.methods import Method
from nas_rlm.comparison.protocol import Comparison
from nas_rlm.comparison.results import Cell, Row
from nas_rlm.comparison.scores import score_rows
from nas_rlm.errors import ArrayError
from surrogates import PredictiveDistribution


@dataclass(frozen=True)
class Job:
    """What is trained and tested at once."""

    method: Method
    targets: tuple[str, ...]
    n: int
    seed: int

    def cell(self, target: str) -> Cell:
        """Where the figures of a target stand."""
        return self.method.name, target, self.n, self.seed


@dataclass(frozen=True)
class JobResult:
    """Everything that a job adds to the files."""

    rows: tuple[Row, ...]
    blocks: tuple[BlockScores, ...]
    scatters: tuple[Scatter, ...]


class Run(Protocol):
    """Runs jobs on rows that are read already; a process pool may hold copies."""

    def shared(self, job: Job) -> tuple[object, ...]:
        """Return what jobs have in common that are run one after the other in one process."""

    def __call__(self, batch: Sequence[Job]) -> Iterator[JobResult]:
        """Run jobs."""


@dataclass(frozen=True)
class Tested:
    """Predictions of test rows with what is needed to score them."""

    found: PredictiveDistribution
    true: NDArray[np.float64]
    """Shape ``(n,)``."""
    unseen: NDArray[np.bool_]
    """Shape ``(n,)``: whether a row counts for scores of unseen networks."""
    blocks: NDArray[np.int64]
    """Shape ``(n,)``: block of test rows."""


def scored(
    protocol: Comparison, cell: Cell, draws: Sequence[Tested], seconds: tuple[float, float]
) -> tuple[list[Row], list[BlockScores]]:
    """Score one cell.

    Args:
        protocol: Says which scores.
        cell: Where they stand.
        draws: One, or as many as training rows were drawn; the scores are their means.
        seconds: Of training and of prediction, all draws together.

    Raises:
        ArrayError: If a score refuses the rows; the message names the target.
    """
    times = (round(seconds[0], 3), round(seconds[1], 3))
    rows = []
    for name in protocol.scores:
        try:
            values = [score_rows(name, draw.found, draw.true, draw.unseen) for draw in draws]
        except ArrayError as error:
            message = f"{name} of {cell[1]!r} after {cell[2]} training rows: {error}"
            raise ArrayError(message) from error
        rows.append(Row(*cell, name, round(float(np.mean(values)), 6), *times))
    blocks = []
    for name in protocol.tables:
        parts = [
            scores_of_blocks(name, draw.found, draw.true, draw.unseen, draw.blocks)
            for draw in draws
        ]
        blocks.append(BlockScores(*cell, name, _means(parts)))
    return rows, blocks


def _means(parts: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    """Mean of each place over the draws; None where a draw has none."""
    return tuple(
        None if None in values else round(float(np.mean([v for v in values if v is not None])), 5)
        for values in zip(*parts, strict=True)
    )
