"""From networks to boxes and arrows."""

import numpy as np
import onnx
import pytest

import search_spaces
from nas_rlm.drawing import diagram as diagram_module
from nas_rlm.drawing.diagram import Diagram, Panel, diagram_of
from nas_rlm.drawing.labels import Kind
from nas_rlm.errors import DrawingError
from search_spaces import SPACES

CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def drawn(space: str, string: str) -> Diagram:
    own = search_spaces.get_space(space)
    return diagram_of(own.to_onnx(own.parse(string)), title=space)


def words(panel: Panel) -> list[list[str]]:
    return [[part.text for part in box.parts] for box in panel.boxes]


def test_repeats_are_one_box_with_a_number() -> None:
    main = drawn("nasbench201", CELL).panels[0]
    repeats = [
        (part.function, part.repeats) for box in main.boxes for part in box.parts if part.function
    ]
    assert repeats == [("f0", 5), ("f1", 1), ("f0", 5), ("f1", 1), ("f0", 5)]
    assert [box.note for box in main.boxes[:4]] == ["3×32×32", "16×32×32", "16×32×32", "32×16×16"]
    assert main.arrows == tuple((index, index + 1) for index in range(len(main.boxes) - 1))


def test_statements_in_a_row_are_one_box() -> None:
    diagram = drawn("nasbench201", CELL)
    assert [panel.title for panel in diagram.panels] == ["nasbench201", "f0", "f1"]
    reduction = diagram.panels[2]
    assert words(reduction) == [
        ["x"],
        ["Relu", "Conv 3×3 /2", "Relu", "Conv 3×3"],
        ["avg pool 2×2 /2", "Conv 1×1"],
        ["Add"],
        ["y"],
    ]
    assert set(reduction.arrows) == {(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)}


def test_a_residual_block_ends_a_row() -> None:
    """Else the next block would seem to be part of it."""
    space = search_spaces.get_space("ofa_mbv3")
    main = diagram_of(space.to_onnx(space.sample(np.random.default_rng(4)))).panels[0]
    targets = [target for _, target in main.arrows]
    ends = [
        box
        for index, box in enumerate(main.boxes)
        if targets.count(index) > 1 and box.parts[0].kind is Kind.CALL
    ]
    assert ends
    assert all(len(box.parts) == 1 for box in ends)


def test_weights_and_constants_are_no_boxes() -> None:
    space = search_spaces.get_space("nds_darts")
    for seed in range(3):
        model = space.to_onnx(space.sample(np.random.default_rng(seed)))
        for panel in diagram_of(model).panels:
            texts = [part.text for box in panel.boxes for part in box.parts]
            assert "Constant" not in texts
            assert not [text for text in texts if text.startswith("w")]


@pytest.mark.parametrize("space", SPACES)
def test_every_space_is_drawn_whole(space: str) -> None:
    """Every box but the inputs has an arrow in, every one but the outputs one out, all forward."""
    own = search_spaces.get_space(space)
    for panel in diagram_of(own.to_onnx(own.sample(np.random.default_rng(0)))).panels:
        sources, targets = ({arrow[side] for arrow in panel.arrows} for side in (0, 1))
        assert all(source < target for source, target in panel.arrows)
        assert len(panel.arrows) == len(set(panel.arrows))
        values = {i for i, box in enumerate(panel.boxes) if box.parts[0].kind is Kind.VALUE}
        everything = set(range(len(panel.boxes)))
        assert everything - targets <= values
        assert everything - sources <= values


def test_a_flat_network_is_folded() -> None:
    """A file from elsewhere has no functions: its repeats are found."""
    space = search_spaces.get_space("nasbench101")
    cell = space.parse("0110000100010000 conv1x1,conv1x1")
    flat = search_spaces.materialize(space.to_onnx(cell), 0, inline=True)
    assert not flat.functions
    diagram = diagram_of(flat)
    assert len(diagram.panels) > 1
    calls = sum(p.repeats for box in diagram.panels[0].boxes for p in box.parts if p.function)
    assert calls >= 9


def test_a_network_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagram_module, "MAX_BOXES", 10)
    with pytest.raises(DrawingError, match="at most 10 boxes, but this network has"):
        drawn("nasbench201", CELL)


def test_an_operator_that_is_not_known_is_a_box() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[1, 3, 4, 4] x) => (float[1, 3, 4, 4] y)'
        " { a = Elu <alpha = 0.5> (x) y = Clip (a) }"
    )
    (panel,) = diagram_of(model).panels
    assert words(panel) == [["x"], ["Elu", "Clip"], ["y"]]
    assert panel.boxes[1].parts[0].kind is Kind.OTHER
