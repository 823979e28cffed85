"""How far predictions are from the truth, in the metric's unit or as a share of it.

Values that are not finite are refused everywhere; nothing is left out silently.
"""

import numpy as np
from numpy.typing import ArrayLike

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.pairs import checked_pair


def mean_absolute_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute the mean distance of predictions from the truth.

    Args:
        predicted: Shape ``(n,)``, n of at least 1.
        true: Shape ``(n,)``.

    Returns:
        At least 0, in the metric's unit.

    Raises:
        ArrayError: If the shapes differ or a value is not finite.
    """
    left, right = checked_pair(predicted, true)
    return float(np.abs(left - right).mean())


def root_mean_square_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute the root of the mean squared distance.

    Args:
        predicted: Shape ``(n,)``, n of at least 1.
        true: Shape ``(n,)``.

    Returns:
        At least 0, in the metric's unit, at least the mean absolute error.

    Raises:
        ArrayError: If the shapes differ or a value is not finite.
    """
    left, right = checked_pair(predicted, true)
    return float(np.sqrt(np.square(left - right).mean()))


def bias(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute by how much predictions are too high on average.

    Args:
        predicted: Shape ``(n,)``, n of at least 1.
        true: Shape ``(n,)``.

    Returns:
        Mean of predicted minus true, in the metric's unit.

    Raises:
        ArrayError: If the shapes differ or a value is not finite.
    """
    left, right = checked_pair(predicted, true)
    return float((left - right).mean())


def mean_absolute_percentage_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute the mean distance as a percentage of the true value.

    Args:
        predicted: Shape ``(n,)``, n of at least 1.
        true: Shape ``(n,)``, positive.

    Returns:
        At least 0, in percent.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, or a true value is not positive.
    """
    return float(_shares(predicted, true).mean() * 100)


def share_within(predicted: ArrayLike, true: ArrayLike, percent: float) -> float:
    """Compute which share of predictions lies within some percent of the true value.

    Args:
        predicted: Shape ``(n,)``, n of at least 1.
        true: Shape ``(n,)``, positive.
        percent: The tolerance, e.g. 10; a prediction exactly on it counts.

    Returns:
        From 0 to 1.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, or a true value is not positive.
    """
    return float((_shares(predicted, true) * 100 <= percent * (1 + 1e-12)).mean())


def _shares(predicted: ArrayLike, true: ArrayLike) -> np.typing.NDArray[np.float64]:
    """Distances as shares of positive true values."""
    left, right = checked_pair(predicted, true)
    if right.min() <= 0:
        message = (
            f"A percentage error needs positive true values, but the smallest is {right.min()}. "
            "Use the mean absolute error instead."
        )
        raise ArrayError(message)
    return np.asarray(np.abs(left - right) / right)
