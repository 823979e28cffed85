"""How sure a mean or a difference is: intervals over seeds and rows, paired tests, ties."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.pairs import checked_pair

Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""A score of predicted and true values, e.g. `kendall_tau`."""


@dataclass(frozen=True)
class Interval:
    """An estimate with a central interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The difference between two methods on the same seeds or rows."""

    difference: Interval
    """First minus second."""
    p_value: float
    """Two-sided: how often a difference at least as far from 0 arises if there is none."""

    @property
    def is_tie(self) -> bool:
        """Whether the interval of the difference holds 0."""
        return self.difference.low <= 0.0 <= self.difference.high


def mean_interval(
    values: ArrayLike, rng: np.random.Generator, *, level: float = 0.95, n_resamples: int = 2000
) -> Interval:
    """Estimate a mean by resampling with replacement.

    Args:
        values: Shape ``(n,)``, e.g. one score per seed, n of at least 2.
        rng: Draws the resamples.
        level: Mass of the interval, between 0 and 1.
        n_resamples: Number of resamples.

    Returns:
        The mean with its percentile interval. With the few seeds that are usual the interval is
        too narrow rather than too wide.

    Raises:
        ArrayError: If there are fewer than 2 values, one is not finite, or a setting is refused.
    """
    array, _ = checked_pair(values, values, n_min=2)
    _check_settings(level, n_resamples)
    rows = rng.integers(0, len(array), size=(n_resamples, len(array)))
    return _percentile_interval(float(array.mean()), array[rows].mean(axis=1), level)


def compare_means(
    first: ArrayLike,
    second: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
) -> Comparison:
    """Compare two methods by paired scores, such as those of the same seeds.

    Args:
        first: Shape ``(n,)``, n of at least 2.
        second: Shape ``(n,)``, row i under the same conditions.
        rng: Draws the resamples.
        level: Mass of the interval, between 0 and 1.
        n_resamples: Number of resamples.

    Returns:
        The mean difference with its interval, and the p-value of Wilcoxon's signed-rank test,
        which for 5 pairs is never below .0625.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, or a setting is refused.
    """
    left, right = checked_pair(first, second, n_min=2)
    return Comparison(
        mean_interval(left - right, rng, level=level, n_resamples=n_resamples),
        wilcoxon_p_value(left, right),
    )


def compare_predictions(
    first: ArrayLike,
    second: ArrayLike,
    true: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
) -> Comparison:
    """Compare two predictors of the same rows by resampling the rows.

    Args:
        first: Shape ``(n,)``, what one predicts.
        second: Shape ``(n,)``, what the other predicts.
        true: Shape ``(n,)``.
        statistic: The score; called twice per resample.
        rng: Draws the resamples, the same rows for both.
        level: Mass of the interval, between 0 and 1.
        n_resamples: Number of resamples.

    Returns:
        The difference of scores on all rows, its percentile interval, and twice the share of
        resamples on the other side of 0, at least 1 / `n_resamples`, at most 1.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, a setting is refused, or the
            statistic refuses the rows.
    """
    left, truth = checked_pair(first, true, n_min=2)
    right, _ = checked_pair(second, true)
    _check_settings(level, n_resamples)
    differences = np.empty(n_resamples)
    for index in range(n_resamples):
        rows = rng.integers(0, len(truth), size=len(truth))
        differences[index] = statistic(left[rows], truth[rows]) - statistic(
            right[rows], truth[rows]
        )
    value = statistic(left, truth) - statistic(right, truth)
    tail = min((differences <= 0).mean(), (differences >= 0).mean())
    p_value = float(np.clip(2 * tail, 1 / n_resamples, 1.0))
    return Comparison(_percentile_interval(value, differences, level), p_value)


def wilcoxon_p_value(first: ArrayLike, second: ArrayLike) -> float:
    """Compute the two-sided p-value of Wilcoxon's signed-rank test.

    Args:
        first: Shape ``(n,)``, n of at least 2.
        second: Shape ``(n,)``.

    Returns:
        From 0 to 1; equal pairs are left out by the test, and 1 is returned if all are equal.

    Raises:
        ArrayError: If the shapes differ or a value is not finite.

    Source:
        `scipy.stats.wilcoxon`, exact for few pairs without ties.
    """
    left, right = checked_pair(first, second, n_min=2)
    differences = left - right
    if not differences.any():
        return 1.0
    return float(scipy.stats.wilcoxon(differences[differences != 0]).pvalue)


def is_tie_by_spread(first: ArrayLike, second: ArrayLike) -> bool:
    """Tell whether two methods differ by less than their scores spread over seeds.

    Args:
        first: Shape ``(n,)``, one score per seed, n of at least 2.
        second: Shape ``(k,)``, k of at least 2.

    Returns:
        Whether the difference of means is smaller than the larger standard deviation (n - 1).

    Raises:
        ArrayError: If there are too few scores or one is not finite.
    """
    left, _ = checked_pair(first, first, n_min=2)
    right, _ = checked_pair(second, second, n_min=2)
    spread = max(left.std(ddof=1), right.std(ddof=1))
    return bool(abs(left.mean() - right.mean()) < spread)


def _percentile_interval(value: float, resampled: NDArray[np.float64], level: float) -> Interval:
    """The central part of resampled estimates."""
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _check_settings(level: float, n_resamples: int) -> None:
    """Check level and number of resamples."""
    if not 0 < level < 1 or n_resamples < 1:
        message = (
            "`level` must be between 0 and 1 and `n_resamples` at least 1, "
            f"but got {level!r} and {n_resamples!r}."
        )
        raise ArrayError(message)
