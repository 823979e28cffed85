"""Whether one method is better than another: a paired bootstrap over seeds and test rows.

Two methods are scored on the same seeds and the same blocks of test rows. Both factors are
resampled, seeds and blocks each with replacement and crossed, since a block is tested in every
seed: the *pigeonhole bootstrap* ("The pigeonhole bootstrap", doi:10.1214/07-AOAS122), which errs
towards too wide. The interval is the difference plus and minus Student's t for the number of seeds
times the bootstrap's standard error, corrected for few seeds ("What Teachers Should Know About the
Bootstrap", doi:10.1080/00031305.2015.1089789): percentiles of a handful of seeds never leave their
range and so are too narrow, and signed-rank tests cannot reach p < .05 with five. Over seeds alone
this is the paired t-test.

Every method is compared with the one whose mean is best, without correction for the number of
methods: read a single narrow win with that in mind.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from nas_rlm.comparison.scores import SCORES
from nas_rlm.errors import ArrayError
from nas_rlm.seeding import generator

LEVEL = 0.95
MIN_SEEDS = 3
"""Fewer seeds say nothing about how much a score changes with the seed."""
_N_RESAMPLES = 4000

Blocks = Mapping[int, Sequence[float | None]]
"""Seed to the scores on its blocks, or to the score itself alone."""


@dataclass(frozen=True)
class Interval:
    """An estimate with a central interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Advantage:
    """How much better one method is than another, in the score's unit."""

    interval: Interval
    """Of the other's loss minus its own: above 0 is better."""
    n_seeds: int
    n_blocks: int
    """1 where only seeds are known."""

    @property
    def is_tie(self) -> bool:
        """Whether the interval holds 0."""
        return self.interval.low <= 0.0 <= self.interval.high


def advantage(score: str, first: Blocks, second: Blocks, *, level: float = LEVEL) -> Advantage:
    """Estimate how much better the first method is.

    Args:
        score: One of `SCORES`; says what better means.
        first: Its scores; seeds that the other lacks are left out.
        second: The other's scores.
        level: Mass of the interval.

    Returns:
        The difference of losses with its interval. Blocks without a score in any seed of either
        method are left out of all.

    Raises:
        ArrayError: If fewer than `MIN_SEEDS` seeds or no blocks are common.
    """
    seeds = sorted(set(first) & set(second))
    if len(seeds) < MIN_SEEDS:
        message = f"A comparison needs at least {MIN_SEEDS} common seeds, but got {len(seeds)}."
        raise ArrayError(message)
    tables = np.stack([_table(scores, seeds) for scores in (first, second)])
    tables = tables[:, :, ~np.isnan(tables).any(axis=(0, 1))]
    n_seeds, n_blocks = tables.shape[1:]
    if n_blocks == 0:
        message = (
            "A comparison needs a block of test rows with a score in every seed, but has none."
        )
        raise ArrayError(message)
    rng = generator(0, "significance", score)
    of_seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), _N_RESAMPLES) / n_seeds
    of_blocks = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), _N_RESAMPLES) / n_blocks
    loss = SCORES[score].loss
    resampled = [loss(np.einsum("rs,sb,rb->r", of_seeds, table, of_blocks)) for table in tables]
    whole = [loss(np.array([table.mean()])) for table in tables]
    difference = float((whole[1] - whole[0])[0])
    error = float((resampled[1] - resampled[0]).std()) * math.sqrt(n_seeds / (n_seeds - 1))
    reach = float(scipy.stats.t.ppf((1 + level) / 2, n_seeds - 1)) * error
    interval = Interval(difference, difference - reach, difference + reach)
    return Advantage(interval, n_seeds, n_blocks)


def _table(scores: Blocks, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Scores by seed and block, NaN where there is none."""
    return np.array(
        [[np.nan if value is None else value for value in scores[seed]] for seed in seeds]
    )
