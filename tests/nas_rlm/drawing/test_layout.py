"""Places of boxes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_rlm.drawing.layout import GAP_X, Layout, layout

SIZE = (40.0, 20.0)


def graphs() -> st.SearchStrategy[tuple[int, list[tuple[int, int]]]]:
    return st.integers(1, 9).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.sampled_from(list(itertools.combinations(range(n), 2)) or [(0, 0)]),
                unique=True,
                max_size=14,
            ).map(lambda arrows: [a for a in arrows if a != (0, 0)]),
        )
    )


def boxes_of(places: Layout, sizes: list[tuple[float, float]]) -> list[tuple[float, ...]]:
    return [
        (x - width / 2, y, x + width / 2, y + height)
        for (x, y), (width, height) in zip(places.centers, sizes, strict=True)
    ]


def test_a_chain_is_a_straight_line() -> None:
    places = layout([SIZE] * 4, [(0, 1), (1, 2), (2, 3)])
    assert len({x for x, _ in places.centers}) == 1
    tops = [y for _, y in places.centers]
    assert tops == sorted(set(tops))
    assert places.width == pytest.approx(40.0)


def test_a_diamond_is_symmetric() -> None:
    """And the arrow that passes the middle layer has a bend there."""
    places = layout([SIZE] * 4, [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)])
    x = [center[0] for center in places.centers]
    assert len(places.bends[0, 3]) == 2
    assert places.bends[0, 1] == ()
    assert x[0] == pytest.approx(x[3], abs=1.0)


def test_crossings_are_removed() -> None:
    """Two arrows that cross in the given order of boxes."""
    places = layout([SIZE] * 4, [(0, 3), (1, 2)])
    x = [center[0] for center in places.centers]
    assert (x[0] - x[1]) * (x[3] - x[2]) > 0


def test_the_last_boxes_stand_lowest() -> None:
    places = layout([SIZE] * 4, [(0, 1), (1, 2), (0, 3)], last=[3])
    assert places.centers[3][1] == places.centers[2][1]


def test_no_boxes_take_no_room() -> None:
    assert layout([], []).centers == ()


@given(graphs(), st.integers(0, 2**16))
def test_boxes_never_overlap_and_arrows_lead_down(
    graph: tuple[int, list[tuple[int, int]]], seed: int
) -> None:
    n, arrows = graph
    rng = np.random.default_rng(seed)
    sizes = [(float(w), float(h)) for w, h in rng.integers(10, 120, (n, 2))]
    places = layout(sizes, arrows)
    boxes = boxes_of(places, sizes)
    for (left, top, right, bottom), (left2, top2, right2, bottom2) in itertools.combinations(
        boxes, 2
    ):
        apart_x = max(left, left2) - min(right, right2)
        apart_y = max(top, top2) - min(bottom, bottom2)
        assert apart_x >= GAP_X - 1e-6 or apart_y > 0
    for source, target in arrows:
        points = [
            (places.centers[source][0], boxes[source][3]),
            *places.bends[source, target],
            places.centers[target],
        ]
        assert all(upper[1] <= lower[1] + 1e-9 for upper, lower in itertools.pairwise(points))
    for left, top, right, bottom in boxes:
        assert left >= -1e-6
        assert top >= 0
        assert right <= places.width + 1e-6
        assert bottom <= places.height + 1e-6
