"""SVG pictures: well-formed, self-contained, everything named and inside."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import search_spaces
from nas_rlm.drawing.diagram import Box, Diagram, Panel, Part, diagram_of
from nas_rlm.drawing.labels import Kind
from nas_rlm.drawing.svg import svg_of

NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("space", ["nasbench201", "nasbench101", "nds_darts", "ofa_mbv3"])
def test_every_box_and_arrow_is_there_and_inside(space: str) -> None:
    own = search_spaces.get_space(space)
    diagram = diagram_of(own.to_onnx(own.sample(np.random.default_rng(1))), title=space)
    picture = ElementTree.fromstring(svg_of(diagram))  # our own text
    parts = sum(len(box.parts) for panel in diagram.panels for box in panel.boxes)
    assert len(picture.findall(f"{NAMESPACE}rect[@class='b']")) == parts
    arrows = sum(len(panel.arrows) for panel in diagram.panels)
    assert len(picture.findall(f"{NAMESPACE}path[@class='a']")) == arrows
    texts = [text.text for text in picture.findall(f"{NAMESPACE}text")]
    for panel in diagram.panels:
        assert panel.title in texts
    width, height = (float(picture.attrib[name]) for name in ("width", "height"))
    for rect in picture.findall(f"{NAMESPACE}rect[@class='b']"):
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


def test_the_same_network_gives_the_same_picture() -> None:
    own = search_spaces.get_space("nasbench101")
    model = own.to_onnx(own.sample(np.random.default_rng(1)))
    assert svg_of(diagram_of(model)) == svg_of(diagram_of(model))


def test_names_are_escaped_and_nothing_is_loaded() -> None:
    evil = '<script>alert("x")</script>'
    panel = Panel(evil, (Box((Part(evil, Kind.OTHER),), evil),), ())
    text = svg_of(Diagram((panel,)))
    ElementTree.fromstring(text)
    assert "<script" not in text
    assert not re.search(r"href|url\((?!#m\))|@import", text)


def test_calls_have_the_colour_of_their_function() -> None:
    call = Panel("main", (Box((Part("f0", Kind.CALL, "f0", 3),)),), ())
    body = Panel("f0", (Box((Part("Relu", Kind.ACTIVATION),)),), ())
    picture = ElementTree.fromstring(svg_of(Diagram((call, body))))
    colors = [rect.attrib["fill"] for rect in picture.findall(f"{NAMESPACE}rect[@class='b']")]
    titles = [rect.attrib["fill"] for rect in picture.findall(f"{NAMESPACE}rect[@rx='8']")]
    assert colors[0] in titles
    assert colors[1] not in titles
    assert "f0  ×3" in [text.text for text in picture.findall(f"{NAMESPACE}text")]
