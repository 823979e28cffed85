"""How well predictions order architectures.

Rules shared by all: values that are not finite are refused; true values that are all equal are
refused, since there is no order to find; predictions that are all equal order nothing and score 0.
"""

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.pairs import checked_pair


def kendall_tau(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute Kendall's tau-b, which corrects for ties on either side.

    Args:
        predicted: Shape ``(n,)``, n of at least 2.
        true: Shape ``(n,)``.

    Returns:
        From -1 to 1; 0 if all predictions are equal.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, or all true values are equal.

    Source:
        `scipy.stats.kendalltau`, variant "b"; O(n log n).

    Example:
        >>> kendall_tau([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
        1.0
    """
    left, right = _ordered_pair(predicted, true)
    if np.ptp(left) == 0:
        return 0.0
    return float(scipy.stats.kendalltau(left, right, variant="b").statistic)


def spearman(predicted: ArrayLike, true: ArrayLike) -> float:
    """Compute Spearman's rho, the correlation of ranks, with mean ranks for ties.

    Args:
        predicted: Shape ``(n,)``, n of at least 2.
        true: Shape ``(n,)``.

    Returns:
        From -1 to 1; 0 if all predictions are equal.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, or all true values are equal.
    """
    left, right = _ordered_pair(predicted, true)
    if np.ptp(left) == 0:
        return 0.0
    return float(scipy.stats.spearmanr(left, right).statistic)


def top_k_precision(
    predicted: ArrayLike, true: ArrayLike, k: int, *, is_larger_better: bool
) -> float:
    """Compute which share of the k architectures predicted best are truly among the k best.

    True ties at the border count as among the best. Tied predictions are taken in the order that
    is worst for the predictor, so that a constant one gains nothing from the order of rows.

    Args:
        predicted: Shape ``(n,)``.
        true: Shape ``(n,)``.
        k: From 1 to n.
        is_larger_better: Direction of the metric.

    Returns:
        From 0 to 1.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, all true values are equal, or k
            is out of range.
    """
    losses, chosen = _choice(predicted, true, k, is_larger_better=is_larger_better)
    border = np.partition(losses, k - 1)[k - 1]
    return float((losses[chosen] <= border).mean())


def top_k_regret(
    predicted: ArrayLike, true: ArrayLike, k: int, *, is_larger_better: bool
) -> float:
    """Compute how much is lost by measuring only the k architectures predicted best.

    Tied predictions are taken in the order that is worst for the predictor.

    Args:
        predicted: Shape ``(n,)``.
        true: Shape ``(n,)``.
        k: From 1 to n.
        is_larger_better: Direction of the metric.

    Returns:
        Distance from the best true value of all to the best among the k, in the metric's unit, at
        least 0.

    Raises:
        ArrayError: If the shapes differ, a value is not finite, all true values are equal, or k
            is out of range.
    """
    losses, chosen = _choice(predicted, true, k, is_larger_better=is_larger_better)
    return float(losses[chosen].min() - losses.min())


def _choice(
    predicted: ArrayLike, true: ArrayLike, k: int, *, is_larger_better: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """True values to be minimized, and the rows that a predictor chooses."""
    left, right = _ordered_pair(predicted, true)
    if not 1 <= k <= len(left):
        message = f"`k` must be from 1 to the number of rows, {len(left)}, but got {k}."
        raise ArrayError(message)
    sign = -1.0 if is_larger_better else 1.0
    losses = sign * right
    order = np.lexsort((-losses, sign * left))
    return losses, order[:k].astype(np.int64)


def _ordered_pair(
    predicted: ArrayLike, true: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two rows at least, and true values that differ."""
    left, right = checked_pair(predicted, true, n_min=2)
    if np.ptp(right) == 0:
        message = (
            f"All {len(right)} true values are {right[0]}, so there is no order to compare with."
        )
        raise ArrayError(message)
    return left, right
