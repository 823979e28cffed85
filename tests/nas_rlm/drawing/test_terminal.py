"""Diagrams as text."""

import numpy as np
import pytest

import search_spaces
from nas_rlm.drawing.diagram import Box, Diagram, Panel, Part, diagram_of
from nas_rlm.drawing.labels import Kind
from nas_rlm.drawing.terminal import text_of


def panel(n_boxes: int, *arrows: tuple[int, int]) -> Diagram:
    boxes = tuple(Box((Part(str(index), Kind.OTHER),)) for index in range(n_boxes))
    return Diagram((Panel("p", boxes, arrows),))


def rails(diagram: Diagram) -> list[str]:
    return [line[2:].rstrip("0123456789").rstrip() for line in text_of(diagram).splitlines()[1:]]


def test_a_chain_is_one_rail() -> None:
    assert text_of(panel(3, (0, 1), (1, 2))) == "p\n  ●  0\n  ●  1\n  ●  2\n"


@pytest.mark.parametrize(
    ("arrows", "expected"),
    [
        # A branch, read for the last time from the left.
        ([(0, 1), (0, 2), (1, 3), (2, 3)], ["●", "├─●", "● │", "●─╯"]),
        # A value that is needed again after it is read.
        ([(0, 1), (0, 2), (1, 2), (0, 3), (2, 3)], ["●", "├─●", "├─●", "●─╯"]),
        # Passing a rail without touching it; three values meet.
        (
            [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)],
            ["●", "├─●", "├─│─●", "● │ │", "●─┴─╯"],
        ),
        # Two inputs; the one ends in the middle of a line.
        ([(0, 2), (1, 2), (1, 3), (2, 3)], ["●", "│ ●", "●─┤", "●─╯"]),
    ],
)
def test_rails(arrows: list[tuple[int, int]], expected: list[str]) -> None:
    count = 1 + max(target for _, target in arrows)
    assert rails(panel(count, *arrows)) == expected


def test_a_label_has_parts_repeats_and_shape() -> None:
    box = Box((Part("Relu", Kind.ACTIVATION), Part("f0", Kind.CALL, "f0", 5)), "16×8×8")
    assert text_of(Diagram((Panel("p", (box,), ()),))) == "p\n  ●  Relu → f0 ×5   [16×8×8]\n"


@pytest.mark.parametrize("space", ["nasbench101", "nds_nasnet", "enas_macro", "ofa_resnet50"])
def test_a_whole_network_has_a_line_for_each_box(space: str) -> None:
    own = search_spaces.get_space(space)
    diagram = diagram_of(own.to_onnx(own.sample(np.random.default_rng(2))))
    lines = text_of(diagram).splitlines()
    assert sum("●" in line for line in lines) == sum(len(p.boxes) for p in diagram.panels)
    assert all(line.count("●") < 2 for line in lines)
