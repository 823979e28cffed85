"""Which points of a set are not dominated, and the layers below them.

A point dominates another if it is nowhere worse and somewhere better, all objectives minimized.
Equal points do not dominate each other, so duplicates of a non-dominated point all count. Plus
infinity is a value like any other; NaN is refused.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError


def as_objectives(objectives: ArrayLike) -> NDArray[np.float64]:
    """Check a set of points.

    Args:
        objectives: Shape ``(n, m)`` with m of at least 1; n may be 0.

    Returns:
        The same numbers as float64.

    Raises:
        ArrayError: If the shape is another or a value is NaN.
    """
    array = np.asarray(objectives, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        message = (
            "`objectives` must have shape (n, m), one row per point and at least one column, "
            f"but got shape {array.shape}."
        )
        raise ArrayError(message)
    if np.isnan(array).any():
        row = int(np.flatnonzero(np.isnan(array).any(axis=1))[0])
        message = f"`objectives` must not hold NaN, but row {row} is {array[row].tolist()}."
        raise ArrayError(message)
    return array


def dominates(first: ArrayLike, second: ArrayLike) -> NDArray[np.bool_]:
    """Tell for each pair of points whether the first dominates the second.

    Args:
        first: Shape ``(..., m)``.
        second: Shape that broadcasts with it.

    Returns:
        Their common shape without the last axis.
    """
    left, right = np.asarray(first), np.asarray(second)
    return np.asarray((left <= right).all(axis=-1) & (left < right).any(axis=-1))


def non_dominated_mask(objectives: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points that no other point dominates.

    Cost: O(n log n) for one and two objectives, else O(n * front).

    Args:
        objectives: Shape ``(n, m)``, all minimized; n may be 0.

    Returns:
        Shape ``(n,)``; duplicates of a marked point are marked.

    Raises:
        ArrayError: If the shape is another or a value is NaN.

    Example:
        >>> non_dominated_mask([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]).tolist()
        [True, True, False]
    """
    points = as_objectives(objectives)
    if len(points) == 0:
        return np.zeros(0, dtype=np.bool_)
    if points.shape[1] == 1:
        return np.asarray(points[:, 0] == points[:, 0].min())
    return _mask_2d(points) if points.shape[1] == 2 else _mask_nd(points)


def non_dominated_ranks(objectives: ArrayLike) -> NDArray[np.int64]:
    """Sort points into layers: 0 is the front, 1 the front without layer 0, and so on.

    Cost: O(n log n) for one and two objectives, else O(n^2) in the worst case.

    Args:
        objectives: Shape ``(n, m)``, all minimized; n may be 0.

    Returns:
        Shape ``(n,)``, the layer of each point; equal points have equal layers.

    Raises:
        ArrayError: If the shape is another or a value is NaN.

    Source:
        For two objectives: "Reducing the Run-Time Complexity of Multiobjective EAs",
        doi:10.1109/TEVC.2003.817234, section 3.
    """
    points = as_objectives(objectives)
    if len(points) == 0:
        return np.zeros(0, dtype=np.int64)
    if points.shape[1] == 1:
        return np.unique(points[:, 0], return_inverse=True)[1].astype(np.int64)
    return _ranks_2d(points) if points.shape[1] == 2 else _ranks_nd(points)


def crowding_distances(objectives: ArrayLike, ranks: ArrayLike) -> NDArray[np.float64]:
    """Measure how far the neighbours of each point in its layer are.

    Args:
        objectives: Shape ``(n, m)``, all minimized and finite.
        ranks: Shape ``(n,)``, the layers from `non_dominated_ranks`.

    Returns:
        Shape ``(n,)``: the sum over objectives of the distance between both neighbours, as a
        share of the layer's range; inf at the ends of a layer.

    Raises:
        ArrayError: If shapes disagree or a value is not finite.

    Source:
        "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
        doi:10.1109/4235.996017.
    """
    points, layers = as_objectives(objectives), np.asarray(ranks)
    if layers.shape != (len(points),) or not np.isfinite(points).all():
        message = (
            f"Crowding needs finite points and one rank per point, but got {points.shape} points, "
            f"{layers.shape} ranks and {int((~np.isfinite(points)).sum())} infinite values."
        )
        raise ArrayError(message)
    distances = np.zeros(len(points))
    for column in points.T:
        order = np.lexsort((column, layers))
        values, layer = column[order], layers[order]
        is_first = np.r_[True, layer[1:] != layer[:-1]][: len(points)]
        is_last = np.r_[layer[1:] != layer[:-1], True][: len(points)]
        starts = np.flatnonzero(is_first)
        lengths = np.diff(np.r_[starts, len(points)])
        spans = np.repeat(values[is_last] - values[is_first], lengths)
        gaps = np.full(len(points), np.inf)
        inner = np.flatnonzero(~is_first & ~is_last)
        spread = np.where(spans[inner] > 0, spans[inner], 1.0)
        gaps[inner] = (values[inner + 1] - values[inner - 1]) / spread
        distances[order] += gaps
    return distances


def _mask_2d(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Sweep by the first objective: a point stays if the second is a new minimum, or equal to it."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    first, second = points[order, 0], points[order, 1]
    best = np.minimum.accumulate(second)
    before = np.r_[np.inf, best[:-1]]
    is_new = second < before
    is_new[0] = True
    # A duplicate follows the point it equals, so it stays if that one, the last new one, stays.
    last_new = np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))
    is_equal = (first == first[last_new]) & (second == second[last_new])
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[order] = is_equal
    return mask


def _mask_nd(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Take the smallest point left, drop all that it dominates, repeat."""
    order = np.lexsort(points.T[::-1])
    unique, first_of = np.unique(points[order], axis=0, return_inverse=True)
    left = np.arange(len(unique))
    kept = np.zeros(len(unique), dtype=np.bool_)
    while len(left):
        # Points are in lexicographic order, so nothing that is left dominates the first one.
        kept[left[0]] = True
        best = unique[left[0]]
        left = left[1:]
        left = left[(unique[left] < best).any(axis=1)]
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[order] = kept[first_of.reshape(-1)]
    return mask


def _ranks_2d(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sweep in lexicographic order; the layers' smallest second objectives stay sorted."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    ranks = np.zeros(len(points), dtype=np.int64)
    lowest: list[float] = []
    previous: tuple[float, float] | None = None
    layer = 0
    for row, point in zip(order.tolist(), points[order].tolist(), strict=True):
        current = (point[0], point[1])
        if current != previous:
            layer = bisect_right(lowest, current[1])
            lowest[layer : layer + 1] = [current[1]]
            previous = current
        ranks[row] = layer
    return ranks


def _ranks_nd(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Peel one front after the other."""
    ranks = np.zeros(len(points), dtype=np.int64)
    left = np.arange(len(points))
    layer = 0
    while len(left):
        mask = _mask_nd(points[left])
        ranks[left[mask]] = layer
        left = left[~mask]
        layer += 1
    return ranks
