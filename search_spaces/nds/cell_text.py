"""The canonical text of a cell network, written from the normal forms of its cells.

The text is that of the graph of `search_spaces.nds.cell_network`, at twice the speed: a normal form
holds neither dead nor equal nodes, so the statements of a cell can be written clean at once, with
the canonical functions of the operations, and what is left is to order, name and print them. Cells
with zeros, and networks that need ties broken, are left to the graph.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from search_spaces.canonical_bodies import Callee, CanonicalBody, canonical_callee
from search_spaces.fast_text import clean_main, merged_statements, print_main
from search_spaces.graph import (
    OPSET,
    Attributes,
    Function,
    Graph,
    Node,
    Reference,
    ValueType,
    weight_names,
)
from search_spaces.graph_builder import GraphBuilder, Value
from search_spaces.nds.canonical_cell import Node as CellNode
from search_spaces.nds.canonical_cell import normal_form
from search_spaces.nds.cell import N_INPUTS, CellNetwork
from search_spaces.nds.cell_network import (
    IMAGE_SIZE,
    N_CLASSES,
    STEM_MULTIPLIER,
    is_reduction_layer,
    write_operation,
    write_pointwise,
    write_strided_skip,
)
from search_spaces.passes.colours import type_label
from search_spaces.passes.dead_nodes import drop_dead_nodes

__all__ = ["cell_network_text"]

Types = tuple[ValueType, ...]
_CHANNELS = 4
"""Channels at which a cell is written; its statements are the same at all."""
_GROUP_REFERENCE: Attributes = (("group", Reference("group", "int")),)


class _Step(NamedTuple):
    """One statement with canonical operator: operator, attributes, types of its weights."""

    op: str
    attributes: Attributes
    types: Types
    callee: Callee | None


class _CellCall(NamedTuple):
    """A cell as a function of two inputs.

    Attributes:
        callee: The function.
        edges: Operation and stride of every edge with weights, in the order of the weights.
        reads_newer: Whether the cell reads its newer input, and so brings it to its channels.
        n_outputs: Number of nodes in the output.
        stride: Stride of the cell.
        whole: The function that also brings the older input to the channels of the cell.
    """

    callee: Callee
    edges: tuple[tuple[str, int], ...]
    reads_newer: bool
    n_outputs: int
    stride: int
    whole: Callee | None

    def types(self, older: int, newer: int, channels: int, *, is_whole: bool) -> Types:
        """Return the types of the weights of a call at these channels."""
        types = list(_pointwise_step(newer, channels).types) if self.reads_newer else []
        for op, stride in self.edges:
            types += _edge_step(op, stride, channels).types  # type: ignore[union-attr]
        types = [types[index] for index in self.callee.weights]
        if is_whole and self.whole:
            if 0 in self.callee.data:
                types = [*_pointwise_step(older, channels).types, *types]
            types = [types[index] for index in self.whole.weights]
        return tuple(types)


class _Writer:
    """Clean statements under construction.

    Attributes:
        idle_types: Types of weights that the graph has and nothing uses; they take part where
            ties are broken.
    """

    def __init__(self, n_inputs: int) -> None:
        self.nodes: list[Node] = []
        self.groups: dict[str, tuple[int, ...]] = {}
        self.types: dict[str, Types] = {}
        self.idle_types: list[ValueType] = []
        self.callees: dict[str, Callee] = {}
        self.n_inputs = n_inputs

    def append(self, step: _Step, *operands: str) -> str:
        """Append a statement; return the name of its result."""
        output = f"v{len(self.nodes)}"
        if step.types:
            group = f"\0{output}"
            last = self.n_inputs + len(step.types)
            self.groups[group] = tuple(range(self.n_inputs, last))
            self.types[group] = step.types
            self.n_inputs = last
            operands += (group,)
        if step.callee:
            self.callees[step.op] = step.callee
        self.nodes.append(Node(step.op, operands, (output,), step.attributes))
        return output

    def body(self, output: str) -> CanonicalBody:
        """Return what was written."""
        return CanonicalBody(Function((), (output,), tuple(self.nodes)), self.groups, self.callees)

    def callee(self, output: str) -> Callee | None:
        """Return what was written as a function of two inputs and the weights."""
        inputs = ("x", "x1", *weight_names(0, self.n_inputs - N_INPUTS))
        body = self.body(output)
        body = body._replace(function=merged_statements(body.function))
        return canonical_callee(body, inputs, N_INPUTS, OPSET)

    def leaves(self) -> tuple[list[str], list[int]]:
        """Return the inputs of a main graph and their colours."""
        used = chain.from_iterable(self.types.values())
        kinds = [_FRAME.inputs[0][1], *used, *self.idle_types]
        return ["x", *weight_names(0, len(kinds) - 1)], [type_label(kind) for kind in kinds]


def cell_network_text(network: CellNetwork) -> str | None:
    """Return the canonical text; None if the graph must be built for it."""
    normal = _cell_call(normal_form(network.normal, is_reduction=False), 1)
    reduce = _cell_call(normal_form(network.reduce, is_reduction=True), 2)
    if normal is None or reduce is None or normal.whole is None:
        return None
    writer = _Writer(1)
    older = newer = writer.append(_stem_step(STEM_MULTIPLIER * network.width), "x")
    c_older = c_newer = STEM_MULTIPLIER * network.width
    channels, stride = network.width, 1
    types: dict[tuple[bool, bool, int, int, int], Types] = {}
    for layer in range(network.depth):
        is_older_larger = stride == 2
        is_reduction = is_reduction_layer(layer, network.depth)
        stride = 2 if is_reduction else 1
        channels *= stride
        if is_older_larger:
            older = writer.append(_skip_step(c_older, channels), older)
        elif is_reduction:
            older = writer.append(_pointwise_step(c_older, channels), older)
        is_whole = not is_older_larger and not is_reduction
        call = reduce if is_reduction else normal
        callee = normal.whole if is_whole else call.callee
        key = (is_reduction, is_whole, c_older, c_newer, channels)
        if key not in types:
            types[key] = call.types(c_older, c_newer, channels, is_whole=is_whole)
            if not call.reads_newer:
                writer.idle_types += _pointwise_step(c_newer, channels).types
            if is_whole and 0 not in callee.data:
                writer.idle_types += _pointwise_step(c_older, channels).types
        operands = [(older, newer)[index] for index in callee.data]
        group: Attributes = (("group", channels),) if callee.attributes else ()
        older, newer = (
            newer,
            writer.append(_Step(callee.key, group, types[key], callee), *operands),
        )
        c_older, c_newer = c_newer, call.n_outputs * channels
    for step in _tail_steps(c_newer):
        newer = writer.append(step, newer)
    body = writer.body(newer)
    body = body._replace(function=drop_dead_nodes(body.function))
    return print_main(body, writer.types, _FRAME, writer.leaves)


_FRAME = Graph(
    inputs=(("x", ValueType("float", (1, 3, IMAGE_SIZE, IMAGE_SIZE))),),
    outputs=(("y", ValueType("float", (1, N_CLASSES))),),
    nodes=(),
)


@lru_cache(maxsize=64)
def _cell_call(nodes: tuple[CellNode, ...], stride: int) -> _CellCall | None:
    """Write a cell; None for one with zeros or one that hands on an input."""
    if not all(edges for _, edges in nodes):
        return None
    writer = _Writer(N_INPUTS)
    values = ["x", "x1"]
    reads_newer = any(source == 1 for _, own in nodes for _, source in own)
    if reads_newer:
        values[1] = writer.append(_pointwise_step(_CHANNELS, _CHANNELS), "x1")
    weighted = []
    for _, edges in nodes:
        operands = []
        for op, source in edges:
            own_stride = stride if source < N_INPUTS else 1
            step = _edge_step(op, own_stride, _CHANNELS)
            operands.append(writer.append(step, values[source]) if step else values[source])
            if step and step.types:
                weighted.append((op, own_stride))
        sums = _SUMS[min(len(operands), 3)]
        values.append(writer.append(sums, *operands) if sums else operands[0])
    outputs = [N_INPUTS + index for index, (is_output, _) in enumerate(nodes) if is_output]
    output = values[outputs[0]]
    if len(outputs) > 1:
        output = writer.append(_CONCAT, *[values[value] for value in outputs])
    callee = writer.callee(output) if output != "x" else None
    if callee is None:
        return None
    whole = _whole(callee) if stride == 1 else None
    return _CellCall(callee, tuple(weighted), reads_newer, len(outputs), stride, whole)


_SUMS = (None, None, _Step("Add", (), (), None), _Step("Sum", (), (), None))
"""Sum of so many operands, or more."""
_CONCAT = _Step("Concat", (("axis", 1),), (), None)


def _whole(cell: Callee) -> Callee | None:
    """Write the function that brings the older input to the channels of a cell and calls it."""
    writer = _Writer(N_INPUTS)
    operands = ["x", "x1"]
    if 0 in cell.data:
        operands[0] = writer.append(_pointwise_step(_CHANNELS, _CHANNELS), "x")
    kind = ValueType("float", ())
    attributes = _GROUP_REFERENCE if cell.attributes else ()
    call = _Step(cell.key, attributes, (kind,) * len(cell.weights), cell)
    return writer.callee(writer.append(call, *[operands[index] for index in cell.data]))


@lru_cache(maxsize=4_096)
def _edge_step(op: str, stride: int, channels: int) -> _Step | None:
    """Return the statement of an edge; None for the identity."""
    return _step(channels, lambda body: write_operation(body, body.x, op, stride))


@lru_cache(maxsize=4_096)
def _pointwise_step(c_in: int, c_out: int) -> _Step:
    """Return the statement that brings an input to the channels of a cell."""
    return _steps(c_in, lambda body: write_pointwise(body, body.x, c_out))[0]


@lru_cache(maxsize=1_024)
def _skip_step(c_in: int, c_out: int) -> _Step:
    """Return the statement that also halves the image."""
    return _steps(c_in, lambda body: body.call(write_strided_skip, body.x, channels=c_out))[0]


@lru_cache(maxsize=256)
def _stem_step(channels: int) -> _Step:
    """Return the first convolution."""
    return _steps(3, lambda body: body.conv(body.x, channels, 3))[0]


@lru_cache(maxsize=1_024)
def _tail_steps(channels: int) -> tuple[_Step, ...]:
    """Return the statements behind the last cell."""
    return tuple(
        _steps(
            channels,
            lambda body: body.gemm(body.flatten(body.global_avg_pool(body.x)), N_CLASSES),
        )
    )


def _step(channels: int, write: Callable[[GraphBuilder], Value]) -> _Step | None:
    """Write one statement on a value of some channels; None if nothing was written."""
    steps = _steps(channels, write)
    return steps[0] if steps else None


def _steps(channels: int, write: Callable[[GraphBuilder], Value]) -> list[_Step]:
    """Write a chain of statements with canonical calls."""
    builder = GraphBuilder((1, channels, 8, 8))
    graph = builder.build(write(builder))
    body = clean_main(graph)
    if body is None:
        return []
    kinds = [kind for _, kind in graph.inputs]
    return [
        _Step(
            node.op,
            node.attributes,
            tuple([kinds[place] for place in body.weights(node)]),
            body.callees.get(node.op),
        )
        for node in body.function.nodes
    ]
