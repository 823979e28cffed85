"""Figures: whole SVG files that show every method, goal and published figure."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from nas_rlm.comparison import ComparisonProtocol, Details, Published, Results, summarize
from nas_rlm.comparison.details import Scatter
from nas_rlm.comparison.figures import (
    BASELINES,
    curves_figure,
    heat_map_figure,
    method_colors,
    scatter_figure,
)
from nas_rlm.comparison.results import Row

SVG = "{http://www.w3.org/2000/svg}"
METHODS = ("rlm", "gcn", "params")


def results(sizes: tuple[int, ...]) -> Results:
    rows = [
        Row(method, "c10_val", n, seed, "kendall_tau", 0.8 - 0.2 * place + 0.01 * seed, 1.0, 1.0)
        for place, method in enumerate(METHODS)
        for n in sizes
        for seed in range(3)
    ]
    return Results("tiny", rows)


def texts(figure: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(figure).iter(f"{SVG}text")]


def test_curves_show_every_method_goal_and_paper(protocol: ComparisonProtocol) -> None:
    paper = Published("Some & one", "doi:1", "kendall_tau", {("c10_val", 20): 0.3})
    chosen = dataclasses.replace(protocol, published=(paper,))
    figure = curves_figure(
        chosen, summarize(chosen, results((10, 20)), Details("tiny"), "kendall_tau")
    )
    root = ET.fromstring(figure)
    assert len(list(root.iter(f"{SVG}polyline"))) == len(METHODS)
    assert len(list(root.iter(f"{SVG}polygon"))) == len(METHODS)
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert "rlm, 20 rows: 0.810 ± 0.008" in titles
    assert "goal 0.5" in titles
    assert "Some & one, published: 0.3" in titles
    assert {"10", "20", "c10_val: kendall_tau", "params 0.410"} <= set(texts(figure))
    heights = [float(c.get("cy") or 0) for c in root.iter(f"{SVG}circle")]
    assert max(heights) - min(heights) > 100  # scores spread over the height


def test_one_size_is_drawn_as_points(protocol: ComparisonProtocol) -> None:
    found = summarize(protocol, results((10,)), Details("tiny"), "kendall_tau")
    root = ET.fromstring(curves_figure(protocol, found))
    assert not list(root.iter(f"{SVG}polyline"))
    assert len(list(root.iter(f"{SVG}circle"))) == len(METHODS)


def test_labels_at_the_ends_do_not_overlap(protocol: ComparisonProtocol) -> None:
    rows = [
        Row(f"m{k}", "c10_val", n, 0, "kendall_tau", 0.5 + k / 1e4, 1.0, 1.0)
        for k in range(9)
        for n in (10, 20)
    ]
    found = summarize(protocol, Results("tiny", rows), Details("tiny"), "kendall_tau")
    figure = curves_figure(protocol, found)
    places = sorted(float(y) for y in re.findall(r'<text x="578" y="([0-9.]+)" fill', figure))
    assert len(places) == 9
    assert np.diff(places).min() >= 14.9
    assert places[0] >= 34
    assert places[-1] <= 400 - 46 + 5


def test_the_heat_map_says_every_value_and_marks_the_best() -> None:
    values = {("a", "rlm"): 0.9, ("a", "gcn"): 0.8, ("b", "rlm"): -0.1}
    figure = heat_map_figure(["a", "b"], ["rlm", "gcn"], values)
    assert {"0.900", "0.800", "-0.100", "-", "a", "b", "rlm", "gcn"} == set(texts(figure))
    bold = [e.text for e in ET.fromstring(figure).iter(f"{SVG}text") if e.get("font-weight")]
    assert bold == ["0.900"]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_scatter_has_a_panel_a_method(spread: float) -> None:
    true = tuple(np.linspace(80, 95, 50))
    low = tuple(value - spread for value in true)
    high = tuple(value + spread for value in true)
    panels = [Scatter(m, "c10_val", 20, 0, true, true, low, high) for m in ("rlm", "gcn")]
    figure = scatter_figure(panels, "accuracy_percent/cifar10")
    assert {"rlm, 20 rows", "gcn, 20 rows"} <= set(texts(figure))
    assert figure.count("h0") == 100
    bars = re.findall(r'<path d="([^"]*)" stroke="#[0-9a-f]+" stroke-width="1"', figure)
    assert [path.count("V") for path in bars] == ([50, 50] if spread else [0, 0])


def test_learners_have_colours_and_baselines_are_grey() -> None:
    colors = method_colors(["rlm", "params", "gcn", "constant"])
    assert len(set(colors.values())) == 4
    for method, color in colors.items():
        red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
        assert (max(red, green, blue) - min(red, green, blue) < 12) == (method in BASELINES)
