"""Dominance: against the definition, against Optuna, with duplicates and infinities."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas_rlm.errors import ArrayError
from nas_rlm.pareto.dominance import (
    crowding_distances,
    dominates,
    non_dominated_mask,
    non_dominated_ranks,
)

POINT_SETS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 12), st.integers(1, 4)),
    elements=st.sampled_from([-np.inf, -1.0, 0.0, 1.0, 2.0, 3.0, np.inf]),
)


def mask_by_definition(points: np.ndarray) -> list[bool]:
    return [not any(bool(dominates(other, point)) for other in points) for point in points]


def ranks_by_definition(points: np.ndarray) -> np.ndarray:
    ranks = np.full(len(points), -1)
    layer = 0
    while (ranks < 0).any():
        left = np.flatnonzero(ranks < 0)
        ranks[left[np.array(mask_by_definition(points[left]))]] = layer
        layer += 1
    return ranks


@settings(deadline=None)
@given(POINT_SETS)
def test_the_mask_is_the_definition(points: np.ndarray) -> None:
    assert non_dominated_mask(points).tolist() == mask_by_definition(points)


@settings(deadline=None)
@given(POINT_SETS)
def test_the_ranks_are_the_definition(points: np.ndarray) -> None:
    np.testing.assert_array_equal(non_dominated_ranks(points), ranks_by_definition(points))


@pytest.mark.parametrize("n_objectives", [2, 3, 5])
def test_the_ranks_are_those_of_optuna(rng: np.random.Generator, n_objectives: int) -> None:
    from optuna.study._multi_objective import _fast_non_domination_rank

    points = rng.integers(0, 20, (400, n_objectives)).astype(float)
    np.testing.assert_array_equal(non_dominated_ranks(points), _fast_non_domination_rank(points))


def test_equal_points_do_not_dominate_each_other() -> None:
    assert not dominates([1.0, 2.0], [1.0, 2.0])
    assert dominates([1.0, 2.0], [1.0, 3.0])
    assert non_dominated_mask([[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]).tolist() == [True, True, False]


def test_an_empty_set_has_no_front() -> None:
    for n_objectives in (1, 2, 3):
        assert non_dominated_mask(np.zeros((0, n_objectives))).shape == (0,)
        assert non_dominated_ranks(np.zeros((0, n_objectives))).shape == (0,)


@pytest.mark.parametrize("function", [non_dominated_mask, non_dominated_ranks])
def test_nan_is_refused(function: object) -> None:
    with pytest.raises(ArrayError, match=r"must not hold NaN, but row 1 is \[nan, 1\.0\]"):
        function([[0.0, 1.0], [np.nan, 1.0]])  # type: ignore[operator]


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 2, 2)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArrayError, match=r"must have shape \(n, m\)"):
        non_dominated_mask(np.zeros(shape))


def test_two_objectives_scale(rng: np.random.Generator) -> None:
    """100,000 points: a quadratic method would need 10^10 comparisons."""
    points = rng.random((100_000, 2))
    start = time.perf_counter()
    mask = non_dominated_mask(points)
    ranks = non_dominated_ranks(points)
    assert time.perf_counter() - start < 5
    np.testing.assert_array_equal(mask, ranks == 0)


def test_crowding_is_the_closed_form() -> None:
    points = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 1.0], [4.0, 0.0], [9.0, 9.0]])
    distances = crowding_distances(points, [0, 0, 0, 0, 1])
    expected = [np.inf, 2 / 4 + 3 / 4, 3 / 4 + 2 / 4, np.inf, np.inf]
    np.testing.assert_allclose(distances, expected)


def test_crowding_of_a_layer_without_range_is_zero_inside() -> None:
    distances = crowding_distances(np.ones((4, 2)), np.zeros(4))
    assert sorted(distances.tolist()) == [0.0, 0.0, np.inf, np.inf]


def test_crowding_of_nothing_is_nothing() -> None:
    assert crowding_distances(np.zeros((0, 2)), np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(("points", "ranks"), [([[np.inf, 0.0]], [0]), ([[0.0, 0.0]], [0, 1])])
def test_crowding_needs_finite_points_and_their_ranks(
    points: list[list[float]], ranks: list[int]
) -> None:
    with pytest.raises(ArrayError, match="finite points and one rank per point"):
        crowding_distances(points, ranks)
