"""Reference points, and the share of the exact hypervolume that a search found."""

import numpy as np
import pytest

from nas_rlm.errors import ArrayError
from nas_rlm.pareto.reference_point import nadir_of_space, relative_hypervolume

SPACE = np.array([[0.0, 3.0], [1.0, 1.0], [3.0, 0.0], [4.0, 4.0], [2.0, 5.0]])


def test_the_nadir_of_the_space_is_the_worst_of_all() -> None:
    assert nadir_of_space(SPACE).tolist() == [4.0, 5.0]


def test_the_whole_front_has_all_of_the_volume() -> None:
    assert relative_hypervolume(SPACE[:3], SPACE) == 1.0
    assert relative_hypervolume(SPACE, SPACE) == 1.0


def test_a_part_of_the_front_has_its_share() -> None:
    # Below (4, 5) the point (1, 1) dominates 3 * 4, the whole front 1 * 2 + 2 * 4 + 1 * 5 = 15.
    assert relative_hypervolume(SPACE[[1]], SPACE) == pytest.approx(12 / 15)
    assert relative_hypervolume(np.zeros((0, 2)), SPACE) == 0.0


def test_a_reference_point_can_be_given() -> None:
    assert relative_hypervolume(SPACE[[1]], SPACE[:3], [2.0, 2.0]) == 1.0


def test_a_front_without_volume_is_refused() -> None:
    with pytest.raises(ArrayError, match=r"no volume below the reference point \[1\.0, 2\.0\]"):
        relative_hypervolume([[0.0, 0.0]], [[1.0, 2.0]])


@pytest.mark.parametrize("points", [np.zeros((0, 2)), [[np.inf, 1.0]]])
def test_a_nadir_needs_finite_points(points: object) -> None:
    with pytest.raises(ArrayError, match="at least one point and finite values"):
        nadir_of_space(points)  # type: ignore[arg-type]
