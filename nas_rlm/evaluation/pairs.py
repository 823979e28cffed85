"""Checks that every score of predictions begins with."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError


def checked_pair(
    predicted: ArrayLike, true: ArrayLike, *, n_min: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check predicted and true values of the same rows.

    Args:
        predicted: Shape ``(n,)``, finite.
        true: Shape ``(n,)``, finite.
        n_min: Fewest rows.

    Returns:
        Both as float64.

    Raises:
        ArrayError: If the shapes differ, there are too few rows, or a value is not finite.
    """
    left = np.asarray(predicted, dtype=np.float64)
    right = np.asarray(true, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape or len(left) < n_min:
        message = (
            f"Predicted and true values must have one shape (n,) with n of at least {n_min}, "
            f"but got {left.shape} and {right.shape}."
        )
        raise ArrayError(message)
    for name, array in (("Predicted", left), ("True", right)):
        bad = np.flatnonzero(~np.isfinite(array))
        if len(bad):
            message = (
                f"{name} values must be finite, but {len(bad)} of {len(array)} are not, "
                f"the first in row {bad[0]}: {array[bad[0]]}."
            )
            raise ArrayError(message)
    return left, right
