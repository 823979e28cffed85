"""Choosing what to evaluate for real: expected hypervolume improvement from exact distributions.

The distributions of a surrogate are sampled; for every draw the gain in hypervolume over what was
evaluated is exact, so the mean over draws estimates the expected gain without a Gaussian
assumption. A batch is chosen one after the other, each choice joining the front of its own draws,
so that near twins are not chosen together.

Source:
    "Differentiable Expected Hypervolume Improvement for Parallel Multi-Objective Bayesian
    Optimization", arXiv:2006.05078, sequential greedy selection, here over a finite pool.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas_rlm.budget import Budget, total_violation
from nas_rlm.metrics import Metric, to_objectives
from nas_rlm.pareto.hypervolume import hypervolume_improvements
from surrogates.base import PredictiveDistribution

Draws = Mapping[str, NDArray[np.float64]]
"""Metric name to shape ``(s, n)``: s draws of n networks."""

_SHARE_KEPT = 200


def draw(
    prediction: Mapping[str, PredictiveDistribution], n_draws: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Sample every metric of every network, independently.

    Args:
        prediction: Metric name to distributions of n networks.
        n_draws: Samples of each.
        rng: Source of randomness.

    Returns:
        Metric name to shape ``(n_draws, n)``.
    """
    return {name: item.sample(rng, n_draws) for name, item in prediction.items()}


def select_batch(
    draws: Draws,
    evaluated: NDArray[np.float64],
    reference_point: NDArray[np.float64],
    n: int,
    *,
    objectives: Sequence[Metric],
    budgets: Sequence[Budget] = (),
) -> NDArray[np.int64]:
    """Choose networks whose evaluation is expected to raise the hypervolume most.

    A draw that breaks a budget gains nothing. Where no gain is left, the best expected objectives
    decide, scaled by the reference point's distance. Only the most promising networks take part
    in the greedy part, so the cost is ``draws * n * 200`` gains.

    Args:
        draws: Samples of every objective and budgeted metric, c networks.
        evaluated: Shape ``(k, m)``, minimized true objectives that meet the budgets; k may be 0.
        reference_point: Shape ``(m,)``, minimized.
        n: How many, at least 1.
        objectives: The m metrics.
        budgets: Limits on metrics of `draws`.

    Returns:
        At most n row numbers of the networks, in the order chosen.
    """
    points = _objectives(draws, objectives)
    n_draws, n_networks, m = points.shape
    if budgets:
        flat = {name: values.reshape(-1) for name, values in draws.items()}
        broken = total_violation(tuple(budgets), flat).reshape(n_draws, n_networks) > 0.0
        points = np.where(broken[:, :, None], reference_point, points)
    gains = hypervolume_improvements(points.reshape(-1, m), evaluated, reference_point)
    expected = gains.reshape(n_draws, n_networks).mean(axis=0)
    merit = -((points.mean(axis=0) - reference_point) / _scale(points)).sum(axis=1)
    # Merit only breaks ties: it is squeezed below the smallest gain that counts.
    order = np.lexsort((-np.round(merit, 12), -expected))
    pool = order[: max(_SHARE_KEPT, n)]
    chosen = [0]
    fronts = [evaluated] * n_draws
    left = np.ones(len(pool), dtype=np.bool_)
    left[0] = False
    while len(chosen) < min(n, len(pool)):
        last = pool[chosen[-1]]
        fronts = [np.vstack([front, points[s, last]]) for s, front in enumerate(fronts)]
        rows = np.flatnonzero(left)
        total = np.zeros(len(rows))
        for s, front in enumerate(fronts):
            total += hypervolume_improvements(points[s, pool[rows]], front, reference_point)
        best = int(rows[total.argmax()])
        left[best] = False
        chosen.append(best)
    return np.asarray(pool[chosen[:n]], dtype=np.int64)


def reference_of(points: NDArray[np.float64], margin: float = 0.1) -> NDArray[np.float64]:
    """Return a reference point behind every point, for gains while the space is not known.

    Args:
        points: Shape ``(k, m)``, minimized, k of at least 1.
        margin: Share of the range that is added behind the worst value.

    Returns:
        Shape ``(m,)``. Results are reported with `nas_rlm.pareto.reference_point` instead.
    """
    worst, span = points.max(axis=0), np.ptp(points, axis=0)
    return np.asarray(worst + margin * np.where(span > 0, span, 1.0))


def _objectives(draws: Draws, objectives: Sequence[Metric]) -> NDArray[np.float64]:
    """Minimized draws, shape ``(s, n, m)``."""
    stacked = np.stack([draws[metric.name] for metric in objectives], axis=-1)
    flat = to_objectives(stacked.reshape(-1, len(objectives)), objectives)
    return flat.reshape(stacked.shape)


def _scale(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread of each objective over all draws and networks, 1 where there is none."""
    span = np.ptp(points.reshape(-1, points.shape[-1]), axis=0)
    return np.where(span > 0, span, 1.0)
