"""Results gathered into columns: mean, spread and ties of every method for one (target, n)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas_rlm.comparison.details import Details
from nas_rlm.comparison.protocol import AVERAGE, Comparison
from nas_rlm.comparison.results import Cell, Results, Row
from nas_rlm.comparison.scores import SCORES
from nas_rlm.comparison.significance import MIN_SEEDS, Advantage, Blocks, advantage
from nas_rlm.errors import ArrayError

_BlocksOfCells = dict[Cell, tuple[float | None, ...]]


@dataclass(frozen=True)
class Entry:
    """One method in a column."""

    method: str
    mean: float
    std: float
    """Standard deviation over the seeds (divisor n), 0 for one seed."""
    seeds: tuple[int, ...]
    train_seconds: float
    """Mean of the cells."""
    predict_seconds: float
    advantage: Advantage | None
    """Of the best method over this one; None for the best itself and for too few seeds."""
    is_best: bool
    is_tied: bool
    """Whether it cannot be told from the best."""


@dataclass(frozen=True)
class Column:
    """One score at one (target, training rows)."""

    target: str
    n: int
    score: str
    entries: tuple[Entry, ...]
    """In the order of the protocol's methods, then others by name."""

    def entry(self, method: str) -> Entry | None:
        """Return the entry of a method, None if it was not run."""
        return next((entry for entry in self.entries if entry.method == method), None)


def method_order(protocol: Comparison, results: Results) -> tuple[str, ...]:
    """Return the methods that were run: the protocol's in its order, then others by name."""
    run = {row.method for row in results.rows}
    others = sorted(run - set(protocol.methods))
    return (*[name for name in protocol.methods if name in run], *others)


def cell_seconds(results: Results) -> float:
    """Return the seconds of training and prediction of all cells.

    Cells that share a model count it each, so this is what they would take one by one.
    """
    cells = {row.cell: row.train_seconds + row.predict_seconds for row in results.rows}
    return sum(cells.values())


def summarize(
    protocol: Comparison, results: Results, details: Details, score: str
) -> tuple[Column, ...]:
    """Gather one score into columns.

    The best of a column is the one with the least loss of the mean. Others are tied with it if the
    interval of `significance.advantage` holds 0; with fewer than three common seeds, if the
    difference of means is at most the larger of the two spreads.

    Args:
        protocol: What was run.
        results: Its figures.
        details: Its block scores; where they are missing, seeds alone are compared.
        score: Which score.
    """
    rows = [row for row in results.rows if row.metric == score]
    blocks = details.block_scores(score)
    if protocol.has_average:
        rows, blocks = with_average(protocol, rows, blocks)
    methods = method_order(protocol, results)
    columns = []
    for target in protocol.columns:
        for n in sorted({row.n for row in rows if row.target == target}):
            here = {
                method: [r for r in rows if (r.method, r.target, r.n) == (method, target, n)]
                for method in methods
            }
            found = {method: own for method, own in here.items() if own}
            columns.append(Column(target, n, score, _entries(score, found, blocks)))
    return tuple(columns)


def with_average(
    protocol: Comparison, rows: Sequence[Row], blocks: _BlocksOfCells
) -> tuple[list[Row], _BlocksOfCells]:
    """Add the mean of all targets for every method, size and seed that has all of them.

    Args:
        protocol: Says which targets.
        rows: Of one score.
        blocks: Of the same score; a block of the average is the mean of that block of all targets.
            Targets have different rows, so any pairing of their blocks is as good.

    Returns:
        Both with a target `AVERAGE`; seconds are sums.
    """
    own = {row.cell: row for row in rows}
    added, more = list(rows), dict(blocks)
    for method, n, seed in dict.fromkeys((r.method, r.n, r.seed) for r in rows):
        cells = [(method, target, n, seed) for target in protocol.targets]
        if any(cell not in own for cell in cells):
            continue
        found = [own[cell] for cell in cells]
        added.append(
            Row(
                *(method, AVERAGE, n, seed, found[0].metric),
                float(np.mean([row.value for row in found])),
                sum(row.train_seconds for row in found),
                sum(row.predict_seconds for row in found),
            )
        )
        if all(cell in blocks for cell in cells):
            more[method, AVERAGE, n, seed] = tuple(
                None if None in values else float(np.mean([v for v in values if v is not None]))
                for values in zip(*(blocks[cell] for cell in cells), strict=True)
            )
    return added, more


def _entries(
    score: str,
    found: Mapping[str, Sequence[Row]],
    blocks: Mapping[tuple[str, str, int, int], tuple[float | None, ...]],
) -> tuple[Entry, ...]:
    """Entries of one column."""
    means = {method: float(np.mean([row.value for row in rows])) for method, rows in found.items()}
    best = min(means, key=lambda method: SCORES[score].loss(np.array(means[method])))
    can_win = not SCORES[score].is_correlation or means[best] > 0
    entries = []
    for method, rows in found.items():
        gap = None if method == best else _gap(score, found[best], rows, blocks)
        is_tied = method == best or _is_tied(score, found[best], rows, gap)
        if SCORES[score].is_correlation and means[method] <= 0:
            is_tied = False
        entries.append(
            Entry(
                method,
                means[method],
                float(np.std([row.value for row in rows])),
                tuple(sorted(row.seed for row in rows)),
                float(np.mean([row.train_seconds for row in rows])),
                float(np.mean([row.predict_seconds for row in rows])),
                gap,
                is_best=method == best and can_win,
                is_tied=is_tied,
            )
        )
    return tuple(entries)


def _gap(
    score: str,
    best: Sequence[Row],
    other: Sequence[Row],
    blocks: Mapping[tuple[str, str, int, int], tuple[float | None, ...]],
) -> Advantage | None:
    """Advantage of the best: on blocks where every seed has them, else on seeds alone."""
    common = {row.seed for row in best} & {row.seed for row in other}
    if len(common) < MIN_SEEDS:
        return None
    has_blocks = all(row.cell in blocks for row in (*best, *other) if row.seed in common)
    alone: list[Blocks] = [
        {row.seed: (row.value,) for row in rows if row.seed in common} for rows in (best, other)
    ]
    if not has_blocks:
        return advantage(score, *alone)
    pair: list[Blocks] = [
        {row.seed: blocks[row.cell] for row in rows if row.seed in common}
        for rows in (best, other)
    ]
    try:
        return advantage(score, *pair)
    except ArrayError:  # no block has a score in every seed
        return advantage(score, *alone)


def _is_tied(score: str, best: Sequence[Row], other: Sequence[Row], gap: Advantage | None) -> bool:
    """Whether a method cannot be told from the best."""
    if gap is not None:
        return gap.is_tie
    loss = SCORES[score].loss
    values = [np.array([row.value for row in rows]) for rows in (best, other)]
    losses = [float(loss(np.array(v.mean()))) for v in values]
    return losses[1] - losses[0] <= max(float(v.std()) for v in values)
