import xml.etree.ElementTree as ElementTree

import pytest

from nas_rlm.report.figures import (
    Axis,
    Cloud,
    Mark,
    agreement_figure,
    front_figure,
    nice_step,
)
from nas_rlm.search.outcome import CheckedValue


def mark(x: float, y: float, *, is_front: bool = True, true: float | None = 0.5) -> Mark:
    """A candidate whose true values lie `true` beside the predicted ones."""
    values = [
        CheckedValue(value, value - 1, value + 1, None if true is None else value + true)
        for value in (x, y)
    ]
    return Mark(values[0], values[1], is_front, f"<{x}>")


def elements(svg: str, style: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [item for item in root.iter() if item.get("class") == style]


def test_every_candidate_is_drawn_once_with_its_name() -> None:
    marks = [mark(1, 80), mark(3, 90), mark(2, 70, is_front=False)]
    svg, _ = front_figure(marks, "latency [ms]", "accuracy & more", is_y_up=True)
    assert len(elements(svg, "predicted")) == len(elements(svg, "true")) == 2
    assert len(elements(svg, "other")) == 1
    assert elements(svg, "other")[0][0].text == "<2>"
    assert len(elements(svg, "bar")) == 4


def test_larger_values_lie_right_and_up() -> None:
    svg, _ = front_figure([mark(1, 80), mark(3, 90)], "x", "y", is_y_up=True)
    low, high = elements(svg, "true")
    assert float(high.get("cx", 0)) > float(low.get("cx", 0))
    assert float(high.get("cy", 0)) < float(low.get("cy", 0))


def test_a_candidate_without_truth_has_a_prediction_only() -> None:
    svg, _ = front_figure([mark(1, 80, true=None), mark(2, 90)], "x", "y", is_y_up=True)
    assert (len(elements(svg, "predicted")), len(elements(svg, "true"))) == (2, 1)
    assert elements(svg, "step") == []


def test_the_staircase_joins_what_is_better_in_truth() -> None:
    marks = [mark(1, 80), mark(2, 70), mark(3, 90)]
    up = elements(front_figure(marks, "x", "y", is_y_up=True)[0], "step")[0].get("d", "")
    down = elements(front_figure(marks, "x", "y", is_y_up=False)[0], "step")[0].get("d", "")
    assert up.count("H") == down.count("H") == 1
    assert up != down


def test_one_candidate_makes_a_figure() -> None:
    assert len(elements(front_figure([mark(2, 2)], "x", "y", is_y_up=True)[0], "true")) == 1


def test_a_worthless_architecture_does_not_press_the_others_together() -> None:
    marks = [mark(1 + number / 10, 90 + number / 10) for number in range(10)]
    svg, n_outside = front_figure([mark(0.9, 10), *marks], "x", "y", is_y_up=True)
    heights = [float(item.get("cy", 0)) for item in elements(svg, "true")]
    assert n_outside == 1
    assert max(heights[1:]) - min(heights[1:]) > 100
    assert heights[0] == max(heights)
    assert front_figure(marks, "x", "y", is_y_up=True)[1] == 0


def test_few_points_have_intervals_and_many_are_a_cloud() -> None:
    few = Cloud([1.0, 2.0], [0.5, 1.5], [1.5, 2.5], [1.1, 2.2])
    svg, n_outside = agreement_figure(few, "ms")
    assert (len(elements(svg, "bar")), len(elements(svg, "dots")), n_outside) == (2, 1, 0)
    values = [float(value) for value in range(500)]
    svg, _ = agreement_figure(Cloud(values, values, values, values), "ms")
    assert elements(svg, "cloud")[0].get("d", "").count("M") == 500
    assert elements(svg, "bar") == []


def test_far_points_are_counted_and_drawn_at_the_edge() -> None:
    values = [float(value % 50) for value in range(400)]
    far = [1e6, *values]
    svg, n_outside = agreement_figure(Cloud(far, far, far, [1.0, *values]), "ms")
    assert n_outside == 1
    assert "1e" not in elements(svg, "cloud")[0].get("d", "")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 91.7), (1e-4, 3e-4), (4e6, 9.1e7)])
def test_ticks_are_round_within_the_axis_and_neither_few_nor_many(low: float, high: float) -> None:
    ticks = Axis(low, high, 0.0, 100.0).ticks()
    assert 3 <= len(ticks) <= 8
    assert low - 1e-9 * high <= ticks[0] < ticks[-1] <= high * (1 + 1e-9)
    assert ticks[1] - ticks[0] == pytest.approx(nice_step((high - low) / 7))


def test_a_value_outside_is_held_at_the_edge() -> None:
    axis = Axis(0.0, 10.0, 100.0, 0.0)
    assert (axis(0.0), axis(2.5), axis(10.0), axis(-5.0), axis(50.0)) == (100, 75, 0, 100, 0)
