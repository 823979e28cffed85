"""Exact hypervolume: how much of the space below a reference point a set of points dominates.

Two objectives take one sweep, three a sweep of two-dimensional fronts, more the recursive
exclusion of the WFG algorithm, whose cost grows steeply with objectives; a few hundred points of
four objectives take seconds. No published library with a maintained public function for this is
among the dependencies (Optuna's is private), so it stands here, compared with Optuna's in the tests.
"""

from bisect import bisect_left

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError
from nas_rlm.pareto.dominance import (
    as_objectives,
    non_dominated_mask,
)


def hypervolume(objectives: ArrayLike, reference_point: ArrayLike) -> float:
    """Compute the volume dominated by a set of points, all objectives minimized.

    Points that do not dominate the reference point add nothing; duplicates count once. Cost:
    O(n log n) for two objectives, O(n^2) for three.

    Args:
        objectives: Shape ``(n, m)``; column j in the unit of metric j, e.g. ms; n may be 0.
        reference_point: Shape ``(m,)``, same units, finite.

    Returns:
        The volume, at least 0, in the product of the m units; inf if a point that dominates the
        reference point has an objective of minus infinity.

    Raises:
        ArrayError: If the shapes disagree, a value is NaN, or the reference point is not finite.

    Source:
        "A Fast Way of Calculating Exact Hypervolumes", doi:10.1109/TEVC.2010.2077298.

    Example:
        >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], [3.0, 3.0])
        3.0
    """
    points, reference = _checked(objectives, reference_point)
    points = points[(points < reference).all(axis=1)]
    if len(points) == 0:
        return 0.0
    if np.isneginf(points).any():
        return float("inf")
    front = np.unique(points[non_dominated_mask(points)], axis=0)
    return _volume(front, reference)


def hypervolume_improvements(
    candidates: ArrayLike, objectives: ArrayLike, reference_point: ArrayLike
) -> NDArray[np.float64]:
    """Compute by how much each candidate alone would raise the hypervolume of a set.

    Cost: O((n + c) log n + c * front) without a Python loop for one or two objectives.

    Args:
        candidates: Shape ``(c, m)``; c may be 0.
        objectives: Shape ``(n, m)``, the set; n may be 0.
        reference_point: Shape ``(m,)``, finite.

    Returns:
        Shape ``(c,)``, at least 0.

    Raises:
        ArrayError: If the shapes disagree, a value is NaN, or the reference point is not finite.
    """
    points, reference = _checked(objectives, reference_point)
    offered, _ = _checked(candidates, reference_point)
    points = points[(points < reference).all(axis=1)]
    front = np.unique(points[non_dominated_mask(points)], axis=0)
    if len(reference) == 1:
        return _improvements_1d(offered[:, 0], front[:, 0], reference[0])
    if len(reference) == 2:
        return _improvements_2d(offered, front, reference)
    return np.array([_gain(point, front, reference) for point in offered], dtype=np.float64)


def _checked(
    objectives: ArrayLike, reference_point: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and a finite reference point of as many objectives."""
    points = as_objectives(objectives)
    reference = np.asarray(reference_point, dtype=np.float64)
    if reference.shape != (points.shape[1],):
        message = (
            f"`reference_point` must have shape ({points.shape[1]},), one value per objective, "
            f"but got shape {reference.shape}."
        )
        raise ArrayError(message)
    if not np.isfinite(reference).all():
        message = f"`reference_point` must be finite, but is {reference.tolist()}."
        raise ArrayError(message)
    return points, reference


def _volume(front: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Volume of different, mutually non-dominated points below the reference, sorted by rows."""
    if len(front) == 0:
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - front[0, 0])
    if len(reference) == 2:
        widths = reference[0] - front[:, 0]
        heights = np.r_[reference[1], front[:-1, 1]] - front[:, 1]
        return float(widths @ heights)
    if len(reference) == 3:
        return _volume_3d(front, reference)
    # The worst last objective first keeps the sets that the recursion cuts small.
    points = front[np.argsort(-front[:, -1], kind="stable")]
    return float(
        sum(_gain(point, points[index + 1 :], reference) for index, point in enumerate(points))
    )


def _volume_3d(front: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Sweep by the third objective over the area that is dominated in the first two."""
    limit_x, limit_y, limit_z = (float(value) for value in reference)
    points = front[np.argsort(front[:, 2], kind="stable")].tolist()
    xs: list[float] = []
    ys: list[float] = []
    area = volume = 0.0
    for index, (x, y, z) in enumerate(points):
        # The staircase has rising xs and falling ys; (x, y) removes the steps that it dominates.
        start = bisect_left(xs, x)
        if start == 0 or ys[start - 1] > y:
            stop = start
            while stop < len(xs) and ys[stop] >= y:
                stop += 1
            above = ys[start - 1] if start else limit_y
            left = x
            for step in range(start, stop):
                area += (xs[step] - left) * (above - y)
                left, above = xs[step], ys[step]
            right = xs[stop] if stop < len(xs) else limit_x
            area += (right - left) * (above - y)
            xs[start:stop] = [x]
            ys[start:stop] = [y]
        top = points[index + 1][2] if index + 1 < len(points) else limit_z
        volume += area * (top - z)
    return volume


def _gain(
    point: NDArray[np.float64], front: NDArray[np.float64], reference: NDArray[np.float64]
) -> float:
    """Volume that a point dominates and a set does not."""
    if not (point < reference).all():
        return 0.0
    own = float(np.prod(reference - point))
    if len(front) == 0:
        return own
    limited = np.maximum(front, point)
    limited = np.unique(limited[(limited < reference).all(axis=1)], axis=0)
    if len(limited) == 0:
        return own
    return max(own - _volume(limited[non_dominated_mask(limited)], reference), 0.0)


def _improvements_1d(
    candidates: NDArray[np.float64], front: NDArray[np.float64], reference: np.float64
) -> NDArray[np.float64]:
    """Gain of each candidate over the best of the front, subtracted in the order of `_gain`."""
    points = np.minimum(candidates, reference)
    rest = np.maximum(points, front.min(initial=reference))
    return np.asarray((reference - points) - (reference - rest))


def _improvements_2d(
    candidates: NDArray[np.float64], front: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Gain of each candidate as its overlap with the vertical strips between the front's points."""
    left = np.r_[-np.inf, front[:, 0]]
    right = np.r_[front[:, 0], reference[0]]
    top = np.r_[reference[1], front[:, 1]]
    widths = np.clip(right - np.maximum(left, candidates[:, :1]), 0.0, None)
    heights = np.clip(top - candidates[:, 1:], 0.0, None)
    return np.asarray((widths * heights).sum(axis=1))
