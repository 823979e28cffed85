"""Choosing the reference point, and comparing a found front with the exact one.

The rule of this project: the reference point is the nadir of the whole space, the worst value of
each objective over every architecture that was considered. It depends on the space alone and
never on what a search found, so shares of different searches compare.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError
from nas_rlm.pareto.dominance import as_objectives
from nas_rlm.pareto.hypervolume import hypervolume


def nadir_of_space(objectives: ArrayLike) -> NDArray[np.float64]:
    """Return the worst value of each objective over a set of points.

    Args:
        objectives: Shape ``(n, m)``, all minimized, n of at least 1; infinite values are refused.

    Returns:
        Shape ``(m,)``.

    Raises:
        ArrayError: If there is no point or a value is not finite.
    """
    points = _finite_points(objectives)
    return np.asarray(points.max(axis=0))


def relative_hypervolume(
    found: ArrayLike, exact: ArrayLike, reference_point: ArrayLike | None = None
) -> float:
    """Divide the hypervolume of a found set by that of a whole space.

    Args:
        found: Shape ``(n, m)``, true objectives of the architectures found; n may be 0.
        exact: Shape ``(k, m)``, objectives of every architecture, or of the exact front together
            with a reference point.
        reference_point: Shape ``(m,)``; None for the nadir of `exact`.

    Returns:
        From 0 to 1 if the found points are among the exact ones; higher if they are not.

    Raises:
        ArrayError: If shapes disagree, a value is NaN, or the exact set has no volume.
    """
    reference = nadir_of_space(exact) if reference_point is None else reference_point
    whole = hypervolume(exact, reference)
    if whole == 0.0:
        message = (
            "The exact front dominates no volume below the reference point "
            f"{np.asarray(reference).tolist()}; choose a worse one."
        )
        raise ArrayError(message)
    return hypervolume(found, reference) / whole


def _finite_points(objectives: ArrayLike) -> NDArray[np.float64]:
    """At least one point, all values finite."""
    points = as_objectives(objectives)
    if len(points) == 0 or not np.isfinite(points).all():
        message = (
            "A nadir needs at least one point and finite values, but got "
            f"{len(points)} points and {int((~np.isfinite(points)).sum())} infinite values."
        )
        raise ArrayError(message)
    return points
