"""Whether predicted distributions are as wide as they should be.

Distributions are plain arrays here, so that every surrogate can be scored: intervals of shape
``(n, 2)``, discrete distributions as values and probabilities of shape ``(n, k)``.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.pairs import checked_pair
from nas_rlm.evaluation.rank_metrics import spearman


def interval_coverage(intervals: ArrayLike, true: ArrayLike) -> float:
    """Compute which share of true values lies in their intervals, ends included.

    Args:
        intervals: Shape ``(n, 2)``, low and high, n of at least 1.
        true: Shape ``(n,)``.

    Returns:
        From 0 to 1; for calibrated intervals of level L it is about L.

    Raises:
        ArrayError: If the shapes disagree, a value is not finite, or a low end is above its high.
    """
    low, high, values = _checked_intervals(intervals, true)
    return float(((low <= values) & (values <= high)).mean())


def crps_discrete(
    values: ArrayLike, probabilities: ArrayLike, true: ArrayLike
) -> NDArray[np.float64]:
    """Compute the continuous ranked probability score of discrete distributions.

    It is the integral of (F(z) - [z >= truth])^2 over z: the absolute error for a distribution
    with all mass in one place, and smaller for one that spreads honestly. Samples are a discrete
    distribution with equal probabilities. Cost: O(n k log k).

    Args:
        values: Shape ``(n, k)``, finite, in any order.
        probabilities: Shape ``(n, k)``, at least 0, rows sum to 1 within 1e-3 and are normalized.
        true: Shape ``(n,)``.

    Returns:
        Shape ``(n,)``, at least 0, in the metric's unit; smaller is better.

    Raises:
        ArrayError: If the shapes disagree, a value is not finite, or rows are no distributions.

    Source:
        "Strictly Proper Scoring Rules, Prediction, and Estimation",
        doi:10.1198/016214506000001437, equation 21.

    Example:
        >>> crps_discrete([[1.0, 3.0]], [[0.5, 0.5]], [2.0]).tolist()
        [0.5]
    """
    points, masses, truth = _checked_distributions(values, probabilities, true)
    order = np.argsort(points, axis=1, kind="stable")
    points = np.take_along_axis(points, order, axis=1)
    masses = np.take_along_axis(masses, order, axis=1)
    below = np.cumsum(masses, axis=1)[:, :-1]
    # Half the mean distance of two draws, as an integral of F (1 - F) between the points.
    dispersion = (np.diff(points, axis=1) * below * (1.0 - below)).sum(axis=1)
    distance = (masses * np.abs(points - truth[:, None])).sum(axis=1)
    return np.asarray(np.maximum(distance - dispersion, 0.0))


def spread_error_correlation(std: ArrayLike, predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute whether rows that are predicted with a wider spread are also further off.

    Args:
        std: Shape ``(n,)``, predicted spread, n of at least 2.
        predicted: Shape ``(n,)``.
        true: Shape ``(n,)``.

    Returns:
        Spearman's rho of spread and absolute error, -1 to 1; 0 if all spreads are equal.

    Raises:
        ArrayError: If the shapes disagree, a value is not finite, or all errors are equal.
    """
    left, right = checked_pair(predicted, true, n_min=2)
    return spearman(std, np.abs(left - right))


def _checked_intervals(
    intervals: ArrayLike, true: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Low ends, high ends and true values."""
    array = np.asarray(intervals, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        message = f"`intervals` must have shape (n, 2), low and high, but got {array.shape}."
        raise ArrayError(message)
    low, values = checked_pair(array[:, 0], true)
    high, _ = checked_pair(array[:, 1], true)
    if (low > high).any():
        row = int(np.flatnonzero(low > high)[0])
        message = f"The low end of an interval must not be above its high end, but row {row} is {array[row].tolist()}."
        raise ArrayError(message)
    return low, high, values


def _checked_distributions(
    values: ArrayLike, probabilities: ArrayLike, true: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Values, normalized probabilities and true values."""
    points = np.asarray(values, dtype=np.float64)
    masses = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(true, dtype=np.float64)
    is_shaped = points.ndim == 2 and points.shape[1] > 0 and points.shape == masses.shape
    if not is_shaped or truth.shape != points.shape[:1] or len(truth) == 0:
        message = (
            "Distributions need values and probabilities of one shape (n, k) and n true values, "
            f"but got {points.shape}, {masses.shape} and {truth.shape}."
        )
        raise ArrayError(message)
    if not (np.isfinite(points).all() and np.isfinite(truth).all() and np.isfinite(masses).all()):
        message = "Values, probabilities and true values must be finite, but some are not."
        raise ArrayError(message)
    sums = masses.sum(axis=1)
    if masses.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        message = (
            "Probabilities must be at least 0 and sum to 1, but the smallest is "
            f"{masses.min()} and sums range from {sums.min()} to {sums.max()}."
        )
        raise ArrayError(message)
    return points, masses / sums[:, None], truth
