"""The scores that a protocol may ask for, and what better means for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from nas_rlm.evaluation.calibration import (
    crps_discrete,
    interval_coverage,
    spread_error_correlation,
)
from nas_rlm.evaluation.rank_metrics import kendall_tau, spearman
from surrogates import PredictiveDistribution

_Values = NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.95)
"""Masses of the intervals whose coverage is scored."""


@dataclass(frozen=True)
class Score:
    """A number for predictions of some rows."""

    compute: Callable[[PredictiveDistribution, _Values], float]
    """From distributions of n rows and true values, shape ``(n,)``."""
    loss: Callable[[_Values], _Values]
    """From scores to what is smaller the better."""
    is_on_unseen: bool = False
    """Whether only distinct networks count that no training row describes."""
    is_correlation: bool = True
    """Whether 0 says that nothing was predicted; such a method is never best."""


def _negated(values: _Values) -> _Values:
    """Larger is better."""
    return -values


def _as_it_is(values: _Values) -> _Values:
    """Smaller is better."""
    return values


def _kendall(found: PredictiveDistribution, true: _Values) -> float:
    """Kendall tau-b of the means: medians of numerals tie, which tau-b pays for."""
    return kendall_tau(found.mean, true)


def _spearman(found: PredictiveDistribution, true: _Values) -> float:
    """Spearman's rho of the means."""
    return spearman(found.mean, true)


def _crps(found: PredictiveDistribution, true: _Values) -> float:
    """Mean continuous ranked probability score, in the metric's unit."""
    return float(crps_discrete(found.values, found.probabilities, true).mean())


def _spread_error(found: PredictiveDistribution, true: _Values) -> float:
    """Spearman's rho of predicted spread and absolute error."""
    return spread_error_correlation(found.std, found.mean, true)


def _coverage(level: float) -> Score:
    """Share of true values within the central interval; best is the level itself."""

    def compute(found: PredictiveDistribution, true: _Values) -> float:
        return interval_coverage(found.interval(level), true)

    def distance(values: _Values) -> _Values:
        return np.abs(values - level)

    return Score(compute, distance, is_on_unseen=True, is_correlation=False)


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "kendall_tau": Score(_kendall, _negated),
        "kendall_tau_unseen": Score(_kendall, _negated, is_on_unseen=True),
        "spearman": Score(_spearman, _negated),
        "spearman_unseen": Score(_spearman, _negated, is_on_unseen=True),
        "crps": Score(_crps, _as_it_is, is_on_unseen=True, is_correlation=False),
        "spread_error": Score(_spread_error, _negated, is_on_unseen=True),
        **{f"coverage_{level * 100:.0f}": _coverage(level) for level in LEVELS},
    }
)
"""Name to score."""


def score_rows(
    name: str,
    found: PredictiveDistribution,
    true: _Values,
    unseen: NDArray[np.bool_],
) -> float:
    """Compute a score.

    Args:
        name: One of `SCORES`.
        found: Predictions of n rows.
        true: Shape ``(n,)``.
        unseen: Shape ``(n,)``, rows that count for scores of unseen networks.

    Raises:
        ArrayError: If too few rows are left or the score refuses them.
    """
    score = SCORES[name]
    rows = np.flatnonzero(unseen) if score.is_on_unseen else np.arange(len(true))
    return score.compute(found.take(rows), true[rows])
