"""The canonical text of a cell network, written from the normal forms of its cells.

The text is that of the graph of `search_spaces.nds.cell_network`, at twice the speed: a normal form
holds neither dead nor equal nodes, so the statements of a cell can be written clean at once, with
the canonical functions of the operations, and what is left is to order, name and print them. Cells
of nothing but zeros and cells that hand on an input are left to the graph.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from search_spaces.canonical_bodies import Callee, CanonicalBody, canonical_callee
from search_spaces.fast_text import (
    NO_WEIGHTS,
    TypedWeights,
    clean_main,
    flat_sums,
    typed_weights,
)
from search_spaces.graph import (
    OPSET,
    Attributes,
    Function,
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
    layers_of,
    write_operation,
    write_pointwise,
    write_strided_skip,
)
from search_spaces.nds.chain_text import IMAGE, ChainStatement, chain_text
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS
from search_spaces.weight_groups import CALL

__all__ = ["cell_network_text"]

_CHANNELS = 4
"""Channels at which a cell is written; its statements are the same at all."""
_IMAGE = ValueType("float", (1, 3, IMAGE_SIZE, IMAGE_SIZE))
_OUTPUT = ValueType("float", (1, N_CLASSES))
_GROUP_REFERENCE: Attributes = (("group", Reference("group", "int")),)


class _Step(NamedTuple):
    """One statement with canonical operator: operator, attributes, its weights."""

    op: str
    attributes: Attributes
    weights: TypedWeights
    callee: Callee | None


class _CellCall(NamedTuple):
    """A cell as a function of two inputs.

    Attributes:
        callee: The function.
        weighted: What has weights, in their order: operation and stride of an edge, or None for
            what brings the newer input to the channels of the cell.
        n_outputs: Number of nodes in the output.
        whole: The function that also brings the older input to the channels of the cell.
    """

    callee: Callee
    weighted: tuple[tuple[str, int] | None, ...]
    n_outputs: int
    whole: Callee | None

    def weights(self, older: int | None, newer: int, channels: int) -> TypedWeights:
        """Return the weights of a call at these channels; `older` is for that of `whole`."""
        labels: list[int] = []
        texts: list[str] = []
        if older is not None and 0 in self.callee.data:
            own = _pointwise_step(older, channels).weights
            labels += own.labels
            texts += own.texts
        for edge in self.weighted:
            step = _edge_step(*edge, channels) if edge else _pointwise_step(newer, channels)
            own = step.weights if step else NO_WEIGHTS
            labels += own.labels
            texts += own.texts
        return TypedWeights(tuple(labels), tuple(texts))


class _Writer:
    """Clean statements of a function of two inputs, under construction.

    Attributes:
        groups: What the operands for weights stand for.
        known: Results of the statements without weights; equal ones are written once.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.groups: dict[str, tuple[int, ...]] = {}
        self.known: dict[tuple[str, Attributes, tuple[str, ...]], str] = {}
        self.callees: dict[str, Callee] = {}
        self.n_inputs = N_INPUTS

    def append(self, step: _Step, *operands: str) -> str:
        """Append a statement unless there is an equal one; return the name of its result."""
        op, attributes, weights, callee = step
        output = f"v{len(self.nodes)}"
        if weights.labels:
            group = f"\0{output}"
            last = self.n_inputs + len(weights.labels)
            self.groups[group] = tuple(range(self.n_inputs, last))
            self.n_inputs = last
            operands += (group,)
        else:
            key = (op, attributes, tuple(sorted(operands)) if op in COMMUTATIVE_OPS else operands)
            known = self.known.setdefault(key, output)
            if known != output:
                return known
        if callee:
            self.callees[op] = callee
        self.nodes.append(Node(op, operands, (output,), attributes))
        return output

    def callee(self, output: str) -> Callee | None:
        """Return what was written as a function of two inputs and the weights."""
        inputs = ("x", "x1", *weight_names(0, self.n_inputs - N_INPUTS))
        function = flat_sums(Function((), (output,), tuple(self.nodes)))
        body = CanonicalBody(function, self.groups, self.callees)
        return canonical_callee(body, inputs, N_INPUTS, OPSET)


def cell_network_text(network: CellNetwork) -> str | None:
    """Return the canonical text; None if the graph must be built for it."""
    normal = _cell_call(normal_form(network.normal, is_reduction=False), 1)
    reduce = _cell_call(normal_form(network.reduce, is_reduction=True), 2)
    if normal is None or reduce is None or normal.whole is None:
        return None
    statements: list[ChainStatement] = []

    def append(step: _Step, *operands: int) -> int:
        op, attributes, weights, callee = step
        statements.append(ChainStatement(op, attributes, operands, weights, callee))
        return len(statements) - 1

    c_older = c_newer = STEM_MULTIPLIER * network.width
    older = newer = append(_stem_step(c_newer), IMAGE)
    steps: dict[tuple[bool, bool, int, int, int], _Step] = {}
    for layer in layers_of(network.width, network.depth):
        is_reduction, is_older_larger, channels, is_whole = layer
        if is_older_larger:
            older = append(_skip_step(c_older, channels), older)
        elif is_reduction:
            older = append(_pointwise_step(c_older, channels), older)
        call = reduce if is_reduction else normal
        callee = normal.whole if is_whole else call.callee
        key = (is_reduction, is_whole, c_older, c_newer, channels)
        step = steps.get(key)
        if step is None:
            group: Attributes = (("group", channels),) if callee.attributes else ()
            weights = call.weights(c_older if is_whole else None, c_newer, channels)
            step = steps[key] = _Step(callee.key, group, weights, callee)
        operands = [(older, newer)[index] for index in callee.data]
        older, newer = newer, append(step, *operands)
        c_older, c_newer = c_newer, call.n_outputs * channels
    for step in _tail_steps(c_newer):
        newer = append(step, newer)
    return chain_text(statements, _IMAGE, _OUTPUT)


@lru_cache(maxsize=64)
def _cell_call(nodes: tuple[CellNode, ...], stride: int) -> _CellCall | None:
    """Write a cell; None for one of nothing but zeros or one that hands on an input."""
    writer = _Writer()
    values = ["x", "x1"]
    weighted: dict[int, tuple[str, int] | None] = {}
    if any(source == 1 for _, own in nodes for _, source in own):
        values[1] = writer.append(_pointwise_step(_CHANNELS, _CHANNELS), "x1")
        weighted[N_INPUTS] = None
    for _, edges in nodes:
        operands = []
        for op, source in edges:
            own_stride = stride if source < N_INPUTS else 1
            step = _edge_step(op, own_stride, _CHANNELS)
            if step and step.weights.labels:
                weighted[writer.n_inputs] = (op, own_stride)
            operands.append(writer.append(step, values[source]) if step else values[source])
        sums = _SUMS[min(len(operands), 3)]
        summed = writer.append(sums, *operands) if sums else "".join(operands)
        values.append(summed or _ZEROS)
    outputs = [N_INPUTS + index for index, (is_output, _) in enumerate(nodes) if is_output]
    if _ZEROS in values:
        alive = [values[value] for value in outputs if values[value] != _ZEROS]
        if not alive:
            return None
        constant, product = _zero_steps()
        zeros = writer.append(product, alive[0], writer.append(constant))
        values = [zeros if value == _ZEROS else value for value in values]
    output = values[outputs[0]]
    if len(outputs) > 1:
        output = writer.append(_CONCAT, *[values[value] for value in outputs])
    callee = writer.callee(output) if output != "x" else None
    if callee is None:
        return None
    whole = _whole(callee) if stride == 1 else None
    first_weights = [N_INPUTS + place for place in callee.weights]
    order = [weighted[place] for place in first_weights if place in weighted]
    return _CellCall(callee, tuple(order), len(outputs), whole)


_ZEROS = "zeros"
"""Stands for a node that sums nothing, which the output alone reads."""
_SUMS = (None, None, _Step("Add", (), NO_WEIGHTS, None), _Step("Sum", (), NO_WEIGHTS, None))
"""Sum of so many operands, or more."""
_CONCAT = _Step("Concat", (("axis", 1),), NO_WEIGHTS, None)


def _whole(cell: Callee) -> Callee | None:
    """Write the function that brings the older input to the channels of a cell and calls it."""
    any_cell = _whole_of_any(cell.data, len(cell.weights), has_group=bool(cell.attributes))
    return any_cell and any_cell.calling(cell)


@lru_cache(maxsize=1_024)
def _whole_of_any(data: tuple[int, ...], n_weights: int, *, has_group: bool) -> Callee | None:
    """Write it for a cell of which only the operands are known: they alone order the statements."""
    cell = Callee(f"{CALL}cell", data, weights=(), attributes={})
    writer = _Writer()
    operands = ["x", "x1"]
    if 0 in data:
        operands[0] = writer.append(_pointwise_step(_CHANNELS, _CHANNELS), "x")
    kinds = (ValueType("float", ()),) * n_weights
    attributes = _GROUP_REFERENCE if has_group else ()
    call = _Step(cell.key, attributes, typed_weights(kinds), cell)
    return writer.callee(writer.append(call, *[operands[index] for index in data]))


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


@lru_cache(maxsize=1)
def _zero_steps() -> tuple[_Step, ...]:
    """Return the statements that make zeros: a constant, and its product with a value."""
    return tuple(_steps(_CHANNELS, lambda body: body.zero(body.x)))


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
            typed_weights(tuple([kinds[place] for place in body.weights(node)])),
            body.callees.get(node.op),
        )
        for node in body.function.nodes
    ]
