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
