"""From a network to boxes and arrows: one panel for the main graph, one for each function.

Weights and small constants are not boxes. Calls of one function in a row, each reading the one
before, are one box with the number of repeats; statements in a row that nothing else reads or
feeds are parts of one box.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import onnx
import onnx.shape_inference

from nas_rlm.drawing.labels import (
    Kind,
    constant_text,
    function_of,
    kind_of,
    label_of,
    shape_text,
)
from nas_rlm.errors import DrawingError
from search_spaces import canonicalize, fold_repeats
from search_spaces.graph import Graph, Node
from search_spaces.onnx_bridge import from_model

MAX_BOXES = 1_500
"""Most boxes of a picture."""


class Part(NamedTuple):
    """One line of a box: a statement, or a run of calls of one function.

    Attributes:
        text: What it does.
        kind: Which kind of statement.
        function: The function called; empty for an operator.
        repeats: How many calls in a row it stands for.
    """

    text: str
    kind: Kind
    function: str = ""
    repeats: int = 1


@dataclass(frozen=True)
class Box:
    """Statements in a row."""

    parts: tuple[Part, ...]
    note: str = ""
    """Shape of what it computes, where known."""


@dataclass(frozen=True)
class Panel:
    """Boxes and arrows of one graph."""

    title: str
    boxes: tuple[Box, ...]
    """In an order in which every arrow leads forward."""
    arrows: tuple[tuple[int, int], ...]
    """Pairs of box numbers, none twice."""


@dataclass(frozen=True)
class Diagram:
    """A network: the main graph, then its functions in order of their names."""

    panels: tuple[Panel, ...]


def diagram_of(model: onnx.ModelProto, *, title: str = "network") -> Diagram:
    """Describe a network as boxes and arrows.

    Args:
        model: Any model that canonical text can say; what a flat one repeats is folded.
        title: Name of the main graph.

    Returns:
        The diagram.

    Raises:
        DrawingError: If it would have more than `MAX_BOXES` boxes.
        SearchSpaceError: If the model is outside what canonical text can say.
    """
    own = canonicalize(model) if model.functions else fold_repeats(model)
    graph = from_model(own)
    panels = [_main_panel(graph, _shapes(own), title)]
    for name in sorted(graph.functions, key=lambda name: (len(name), name)):
        function = graph.functions[name]
        inputs = [value for value in function.inputs if not _is_weight(value)]
        panels.append(_panel(name, inputs, function.nodes, function.outputs, {}, {}))
    count = sum(len(panel.boxes) for panel in panels)
    if count > MAX_BOXES:
        message = (
            f"A picture must have at most {MAX_BOXES} boxes, but this network has {count}. "
            "Show a smaller one, or read its text."
        )
        raise DrawingError(message)
    return Diagram(tuple(panels))


def _main_panel(graph: Graph, shapes: Mapping[str, tuple[int, ...]], title: str) -> Panel:
    """The panel of the main graph."""
    inputs = [name for name, _ in graph.inputs if not _is_weight(name)]
    weights = {name: kind.shape for name, kind in graph.inputs if _is_weight(name)}
    weights |= {name: tuple(values.shape) for name, values in graph.data.items()}
    outputs = [name for name, _ in graph.outputs]
    return _panel(title, inputs, graph.nodes, outputs, weights, shapes)


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Static shapes of the values of the main graph."""
    inferred = onnx.shape_inference.infer_shapes(model)
    values = (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output)
    return {
        value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in values
    }


def _is_weight(name: str) -> bool:
    """Whether a canonical name is that of a weight."""
    return name[:1] == "w" and name[1:].isdigit()


class _Draft(NamedTuple):
    """A box before statements in a row are joined."""

    box: Box
    sources: tuple[str, ...]
    result: str


def _panel(
    title: str,
    inputs: Sequence[str],
    nodes: Sequence[Node],
    outputs: Sequence[str],
    weights: Mapping[str, tuple[int, ...]],
    shapes: Mapping[str, tuple[int, ...]],
) -> Panel:
    """Draw one graph."""
    constants = {node.outputs[0]: constant_text(node) for node in nodes if node.op == "Constant"}
    owner: dict[str, int] = {}
    boxes: list[Box] = []
    arrows: dict[tuple[int, int], None] = {}
    for name in inputs:
        owner[name] = len(boxes)
        boxes.append(Box((Part(name, Kind.VALUE),), _note(name, shapes)))
    last_of_run: Node | None = None
    for node in nodes:
        if node.op == "Constant":
            continue
        sources = dict.fromkeys(owner[name] for name in node.inputs if name in owner)
        if last_of_run is not None and _continues(last_of_run, node):
            index = len(boxes) - 1
            (part,) = boxes[index].parts
            boxes[index] = Box(
                (part._replace(repeats=part.repeats + 1),), _note(node.outputs[0], shapes)
            )
        else:
            index = len(boxes)
            part = Part(label_of(node, weights, constants), kind_of(node), function_of(node))
            boxes.append(Box((part,), _note(node.outputs[0], shapes)))
        last_of_run = node
        owner.update(dict.fromkeys(node.outputs, index))
        arrows.update({(source, index): None for source in sources if source != index})
    for name in outputs:
        if name in owner:
            arrows[owner[name], len(boxes)] = None
            boxes.append(Box((Part(name, Kind.VALUE),), _note(name, shapes)))
    return _joined(Panel(title, tuple(boxes), tuple(arrows)))


def _continues(before: Node, node: Node) -> bool:
    """Whether a statement is the next call of a run."""
    return (
        bool(function_of(node))
        and (before.op, before.attributes) == (node.op, node.attributes)
        and before.outputs[0] in node.inputs
    )


def _note(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Shape of a value, where known."""
    return shape_text(shapes[name]) if shapes.get(name) else ""


def _joined(panel: Panel) -> Panel:
    """Join boxes in a row: the one reads nothing else, and nothing else reads the other."""
    readers, sources = defaultdict(list), defaultdict(list)
    for source, target in panel.arrows:
        readers[source].append(target)
        sources[target].append(source)
    kinds = [_row_kind(box) for box in panel.boxes]
    place: dict[int, int] = {}
    boxes: list[Box] = []
    for index, box in enumerate(panel.boxes):
        before = sources[index][0] if len(sources[index]) == 1 else None
        if before is not None and len(readers[before]) == 1:
            around = (sources[before], [before], [index], readers[index])
            row = tuple(kinds[items[0]] if len(items) == 1 else "" for items in around)
            if _is_row(*row):
                place[index] = place[before]
                joined = boxes[place[index]]
                boxes[place[index]] = replace(box, parts=(*joined.parts, *box.parts))
                continue
        place[index] = len(boxes)
        boxes.append(box)
    arrows = dict.fromkeys(
        (place[source], place[target])
        for source, target in panel.arrows
        if place[source] != place[target]
    )
    return Panel(panel.title, tuple(boxes), tuple(arrows))


def _row_kind(box: Box) -> str:
    """``"operator"``, ``"call"``, or nothing for inputs, outputs and repeats, which stand alone."""
    (part,) = box.parts
    if part.kind is Kind.VALUE or part.repeats > 1:
        return ""
    return "call" if part.kind is Kind.CALL else "operator"


def _is_row(source: str, first: str, second: str, reader: str) -> bool:
    """Whether two neighbours are one box: operators, or an operator alone between two calls.

    The latter are blocks such as *expand*, depthwise convolution, *project*.
    """
    if first == second:
        return first == "operator"
    if first == "call":
        return second == "operator" and reader == "call"
    return first == "operator" and second == "call" and source == "call"
