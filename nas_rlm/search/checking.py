"""Which candidates are checked against the truth, and what the check says about the run.

Checked are the predicted front and as many others: half of them runners-up, which could beat the
front if the predictions are wrong, half drawn at random, so that the order of latencies is tested
over their whole range. All of them are measured anew in the same interleaved rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_rlm.budget import Budget
from nas_rlm.config import SearchConfig
from nas_rlm.errors import ArrayError, BudgetError
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.metrics import Metric, to_objectives
from nas_rlm.pareto.dominance import non_dominated_mask
from nas_rlm.pareto.reference_point import nadir_of_space, relative_hypervolume
from nas_rlm.search.archive import Archive, constrained_ranks, spread_rows
from nas_rlm.search.outcome import Agreement, FrontQuality
from nas_rlm.search.study import Walk
from nas_rlm.search.truth import Truth
from nas_rlm.seeding import generator

PARAMS = "params"


@dataclass(frozen=True)
class Checked:
    """Rows of the walk that are checked."""

    front: NDArray[np.int64]
    """The predicted front, or the part of it that is far apart, best first objective first."""
    others: NDArray[np.int64]
    """Candidates outside the predicted front, not trained on."""


def choose_checked(config: SearchConfig, found: Walk, trained: set[str]) -> Checked:
    """Choose what is checked.

    Args:
        config: Objectives, budgets and how many.
        found: The walk.
        trained: Digests of architectures that were trained on.

    Returns:
        Rows of the walk.

    Raises:
        BudgetError: If no candidate meets the budgets by its predictions.
    """
    archive = found.archive(config.objectives, config.parsed_budgets)
    whole = archive.front()
    if len(whole) == 0:
        raise BudgetError(unmet_budgets(config.parsed_budgets, archive))
    front = whole[spread_rows(archive.objectives[whole], config.check_architectures)]
    is_free = np.array([digest not in trained for digest in found.digests])
    is_free[whole] = False
    free = np.flatnonzero(is_free)
    ranks = constrained_ranks(archive.objectives[free], archive.violations[free])
    rng = generator(config.seed, "check")
    near = free[np.lexsort((rng.random(len(free)), ranks))][: config.check_architectures // 2]
    rest = np.setdiff1d(free, near)
    n_random = min(config.check_architectures - len(near), len(rest))
    far = rng.choice(rest, size=n_random, replace=False)
    return Checked(front, np.sort(np.concatenate([near, far])).astype(np.int64))


def unmet_budgets(budgets: Sequence[Budget], archive: Archive) -> str:
    """Say in one sentence which budgets no candidate meets, and how near the best one comes."""
    parts = []
    for budget in budgets:
        values = archive.values(budget.metric.name)
        if not budget.is_met(values).any():
            best = values.min() if budget.is_upper else values.max()
            word = "smallest" if budget.is_upper else "largest"
            parts.append(
                f"budget '{budget}' is met by no candidate: the {word} value predicted for "
                f"{len(archive)} candidates is {best:.4g} {budget.metric.unit}"
            )
    if not parts:
        nearest = int(archive.violations.argmin())
        values_of = ", ".join(
            f"{budget.metric.name} {archive.values(budget.metric.name)[nearest]:.4g}"
            for budget in budgets
        )
        names = " and ".join(f"'{budget}'" for budget in budgets)
        parts.append(
            f"the budgets {names} are met by no candidate together: the nearest of {len(archive)} has {values_of}"
        )
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}. Loosen it, or name another metric."


@dataclass(frozen=True)
class Pairs:
    """Predicted and true values of one metric; every array has shape ``(n,)``."""

    metric: str
    scope: str
    predicted: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    true: NDArray[np.float64]


def untrained_pairs(found: Walk, truth: Truth, metric: str, trained: set[str]) -> Pairs:
    """Pair predictions with table values of every candidate that was not trained on."""
    values = truth.values(metric, found.genomes)
    is_free = np.array([digest not in trained for digest in found.digests])
    rows = np.flatnonzero(is_free & np.isfinite(values))
    item = found.forecasts[metric].take(rows)
    scope = "all candidates of the walk that were not trained on"
    return Pairs(metric, scope, item.mean, item.low, item.high, values[rows])


def measured_pairs(
    found: Walk,
    metric: str,
    rows: NDArray[np.int64],
    latencies: Mapping[str, float],
    trained: set[str],
) -> Pairs:
    """Pair predictions with fresh measurements of candidates that were not trained on."""
    free = np.array([row for row in rows if found.digests[row] not in trained], dtype=np.int64)
    item = found.forecasts[metric].take(free)
    true = np.array([latencies[found.digests[row]] for row in free], dtype=np.float64)
    scope = "measured anew, not trained on"
    return Pairs(metric, scope, item.mean, item.low, item.high, true)


def agreement(pairs: Pairs) -> Agreement | None:
    """Rank agreement, None where there is no order to agree with."""
    try:
        tau = kendall_tau(pairs.predicted, pairs.true)
    except ArrayError:
        return None
    return Agreement(pairs.metric, tau, len(pairs.true), pairs.scope)


def quality_by_params(config: SearchConfig, found: Walk, truth: Truth) -> list[FrontQuality]:
    """Compare, for each accuracy with a whole table, with the exact front against parameters.

    Found are the candidates that are not dominated by predicted accuracy and exact parameters.
    """
    rows = []
    for metric in config.objectives:
        if not metric.is_accuracy:
            continue
        pair = (metric, config.registry.parse(PARAMS))
        exact = truth.whole_space([item.name for item in pair])
        if exact is None:
            continue
        params = truth.values(PARAMS, found.genomes)
        guess = to_objectives(np.stack([found.forecasts[metric.name].mean, params], axis=1), pair)
        front = np.flatnonzero(non_dominated_mask(guess))
        true = np.stack([truth.values(metric.name, found.genomes[front]), params[front]], axis=1)
        share = relative_hypervolume(to_objectives(true, pair), to_objectives(exact, pair))
        names = tuple(item.name for item in pair)
        rows.append(FrontQuality(names, share, "the whole space"))
    return rows


def quality_of_checked(
    objectives: Sequence[Metric], true: NDArray[np.float64], n_front: int
) -> FrontQuality | None:
    """Compare the checked front with the exact front of everything that was checked.

    Args:
        objectives: The m metrics.
        true: Shape ``(n, m)``, true values, NaN where not known; the front comes first.
        n_front: How many rows are the front.

    Returns:
        The share, None where no row of the front is known or the rows have no volume.
    """
    points = to_objectives(true, objectives)
    is_known = np.asarray(np.isfinite(points).all(axis=1))
    front, every = points[:n_front][is_known[:n_front]], points[is_known]
    if len(front) == 0:
        return None
    try:
        share = relative_hypervolume(front, every, nadir_of_space(every))
    except ArrayError:  # all points on one line through the nadir: there is no volume to share
        return None
    names = tuple(metric.name for metric in objectives)
    return FrontQuality(names, share, f"the {len(every)} checked candidates")


def broken_budgets(
    budgets: Sequence[Budget], values: Mapping[str, NDArray[np.float64]]
) -> list[str]:
    """Say for each budget how many of the front break it by their true values.

    Args:
        budgets: The budgets.
        values: Metric name to true values of the front, NaN where not known.
    """
    notes = []
    for budget in budgets:
        column = values[budget.metric.name]
        known = column[np.isfinite(column)]
        n_broken = int((~budget.is_met(known)).sum())
        if n_broken:
            notes.append(
                f"{n_broken} of {len(known)} checked architectures of the front break the budget "
                f"'{budget}' by their true values."
            )
    return notes
