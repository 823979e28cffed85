"""Hypervolume: closed forms, counted cells, Optuna, and what changes one point makes."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas_rlm.errors import ArrayError
from nas_rlm.pareto.hypervolume import (
    _gain,
    hypervolume,
    hypervolume_improvements,
)

SIDE = 4
GRID_SETS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 9), st.integers(1, 4)),
    elements=st.integers(0, SIDE + 1).map(float),
)


def counted_cells(points: np.ndarray) -> int:
    """Unit cells below (SIDE, ...) that a point with integer objectives dominates."""
    cells = itertools.product(range(SIDE), repeat=points.shape[1])
    return sum(bool((points <= np.array(cell)).all(axis=1).any()) for cell in cells)


def reference(points: np.ndarray) -> np.ndarray:
    return np.full(points.shape[1], float(SIDE))


@settings(deadline=None)
@given(GRID_SETS)
def test_the_volume_is_the_number_of_cells(points: np.ndarray) -> None:
    assert hypervolume(points, reference(points)) == counted_cells(points)


@settings(deadline=None)
@given(GRID_SETS)
def test_an_improvement_is_what_is_won_with_the_point(points: np.ndarray) -> None:
    old, new = points[::2], points[1::2]
    expected = [counted_cells(np.vstack([old, row])) - counted_cells(old) for row in new]
    result = hypervolume_improvements(new, old, reference(points))
    np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("n_points", [0, 1, 20])
def test_improvements_of_one_objective_are_those_of_the_general_form(
    rng: np.random.Generator, n_points: int
) -> None:
    """To the last bit, since the order of almost equal gains decides what is chosen."""
    corner = np.array([0.9])
    old, new = 0.3 + rng.random((n_points, 1)), rng.random((200, 1))
    new[0] = corner
    front = np.sort(old[old < corner])[:1].reshape(-1, 1)
    result = hypervolume_improvements(new, old, corner)
    np.testing.assert_array_equal(result, [_gain(point, front, corner) for point in new])
    assert (result > 0).any()


@pytest.mark.parametrize("n_objectives", [2, 3, 4, 5])
def test_one_point_is_a_box(n_objectives: int) -> None:
    corner = np.arange(1.0, n_objectives + 1)
    volume = hypervolume(np.zeros((1, n_objectives)), corner)
    assert volume == pytest.approx(math.factorial(n_objectives))


@pytest.mark.parametrize("n_objectives", [2, 3, 4])
def test_duplicates_and_dominated_points_add_nothing(
    rng: np.random.Generator, n_objectives: int
) -> None:
    points = rng.random((20, n_objectives))
    more = np.vstack([points, points, points + 0.1])
    corner = np.full(n_objectives, 1.2)
    assert hypervolume(more, corner) == pytest.approx(hypervolume(points, corner), rel=1e-12)


@pytest.mark.parametrize("n_objectives", [2, 3, 4, 5])
def test_the_volume_is_that_of_optuna(rng: np.random.Generator, n_objectives: int) -> None:
    from optuna._hypervolume import compute_hypervolume

    directions = np.abs(rng.normal(size=(40, n_objectives)))
    points = 1 - directions / np.linalg.norm(directions, axis=1, keepdims=True)
    corner = np.full(n_objectives, 1.1)
    assert hypervolume(points, corner) == pytest.approx(
        compute_hypervolume(points, corner), rel=1e-9
    )


def test_a_quarter_disc_is_approached(rng: np.random.Generator) -> None:
    angles = rng.uniform(0, np.pi / 2, 20_000)
    points = 1 - np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert hypervolume(points, [1.0, 1.0]) == pytest.approx(np.pi / 4, abs=1e-3)


def test_an_eighth_of_a_ball_is_approached(rng: np.random.Generator) -> None:
    directions = np.abs(rng.normal(size=(4000, 3)))
    points = 1 - directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert hypervolume(points, [1.0, 1.0, 1.0]) == pytest.approx(np.pi / 6, abs=0.015)


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_points_at_or_beyond_the_reference_add_nothing(n_objectives: int) -> None:
    corner = np.ones(n_objectives)
    beyond = np.zeros((2, n_objectives))
    beyond[0, 0], beyond[1, -1] = 1.0, np.inf
    assert hypervolume(beyond, corner) == 0.0
    assert hypervolume(np.zeros((0, n_objectives)), corner) == 0.0
    assert hypervolume_improvements(beyond, np.zeros((0, n_objectives)), corner).tolist() == [0, 0]


def test_minus_infinity_dominates_without_bound() -> None:
    assert hypervolume([[-np.inf, 0.0]], [1.0, 1.0]) == np.inf
    assert hypervolume([[-np.inf, 2.0]], [1.0, 1.0]) == 0.0


@pytest.mark.parametrize(
    "function",
    [
        hypervolume,
        lambda points, corner: hypervolume_improvements(points, np.zeros((1, 2)), corner),
    ],
)
def test_wrong_numbers_are_refused(function: object) -> None:
    with pytest.raises(ArrayError, match="must not hold NaN"):
        function([[np.nan, 0.0]], [1.0, 1.0])  # type: ignore[operator]
    with pytest.raises(ArrayError, match=r"`reference_point` must have shape \(2,\)"):
        function([[0.0, 0.0]], [1.0])  # type: ignore[operator]
    with pytest.raises(ArrayError, match="`reference_point` must be finite"):
        function([[0.0, 0.0]], [1.0, np.inf])  # type: ignore[operator]
