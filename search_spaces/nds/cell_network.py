"""A cell network for CIFAR-10 as a graph.

Stem (3x3 convolution to three times the width), `depth` cells with those at a third and two thirds
being reductions that double the channels, global average pool, linear classifier. Every cell first
brings its two inputs to its own channels: ReLU and a pointwise convolution, or, for the older input
behind a reduction, the strided ``skip_connect``.

A cell is one function for all channel counts, and so is every kind of operation: ``group``, window,
stride and dilation are attributes that the calls give. In a cell an edge is one line.

Source:
    ``pycls/models/nas/nas.py`` (``NetworkCIFAR``) of https://github.com/facebookresearch/unnas,
    from ``cnn/model.py`` of https://github.com/quark0/darts; without the auxiliary head.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import (
    DOMAIN,
    AttributeValue,
    Function,
    Graph,
    Reference,
    ValueType,
    weight_names,
)
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.nds.canonical_cell import Node as CellNode
from search_spaces.nds.canonical_cell import normal_form
from search_spaces.nds.cell import N_INPUTS, CellNetwork
from search_spaces.nds.operations import OPERATIONS, Kind, Operation

__all__ = [
    "IMAGE_SIZE",
    "N_CLASSES",
    "STEM_MULTIPLIER",
    "build_cell_network",
    "is_reduction_layer",
    "write_operation",
    "write_pointwise",
    "write_strided_skip",
]

IMAGE_SIZE = 32
N_CLASSES = 10
STEM_MULTIPLIER = 3
"""Channels of the stem over the width of the network."""

Attributes = Mapping[str, AttributeValue]


def is_reduction_layer(layer: int, depth: int) -> bool:
    """Tell whether a layer, counted from 0, is a reduction cell."""
    return layer in {depth // 3, 2 * depth // 3}


class Layer(NamedTuple):
    """Where a cell stands.

    Attributes:
        is_reduction: Whether it is the reduction cell.
        is_older_larger: Whether its older input is twice as large as its newer one.
        channels: Of each of its nodes.
        is_whole: Whether the cell itself brings its older input to its channels.
    """

    is_reduction: bool
    is_older_larger: bool
    channels: int
    is_whole: bool


@lru_cache(maxsize=256)
def layers_of(width: int, depth: int) -> tuple[Layer, ...]:
    """List the cells of a network in order."""
    layers = []
    channels, is_older_larger = width, False
    for number in range(depth):
        is_reduction = is_reduction_layer(number, depth)
        channels *= 2 if is_reduction else 1
        is_whole = not is_older_larger and not is_reduction
        layers.append(Layer(is_reduction, is_older_larger, channels, is_whole))
        is_older_larger = is_reduction
    return tuple(layers)


def build_cell_network(network: CellNetwork) -> Graph:
    """Write the network for 32 x 32 images and ten classes."""
    normal = normal_form(network.normal, is_reduction=False)
    reduce = normal_form(network.reduce, is_reduction=True)
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    older = newer = builder.conv(builder.x, STEM_MULTIPLIER * network.width, 3)
    for layer in layers_of(network.width, network.depth):
        if layer.is_older_larger:
            older = builder.call(write_strided_skip, older, channels=layer.channels)
        elif layer.is_reduction:
            older = write_pointwise(builder, older, layer.channels)
        call = _cell_call(
            reduce if layer.is_reduction else normal,
            2 if layer.is_reduction else 1,
            is_whole=layer.is_whole,
        )
        older, newer = newer, call.append(builder, older, newer, layer.channels)
    value = builder.flatten(builder.global_avg_pool(newer))
    return builder.build(builder.gemm(value, N_CLASSES))


class _CellCall(NamedTuple):
    """How to call a cell: traced once, for all shapes.

    Attributes:
        op: Operator of the call.
        has_group: Whether a call gives ``group``.
        functions: The function of the cell and those it calls.
        edges: Operation and stride of every edge with weights, in the order of the weights.
        n_outputs: Number of nodes in the output.
        stride: Stride of the cell.
        is_whole: Whether the cell also brings its older input to its channels.
    """

    op: str
    has_group: bool
    functions: Mapping[str, Function]
    edges: tuple[tuple[str, int], ...]
    n_outputs: int
    stride: int
    is_whole: bool

    def append(self, body: Body, older: Value, newer: Value, channels: int) -> Value:
        """Append a call."""
        types = list(_pointwise_weights(older.channels, channels)) if self.is_whole else []
        types += _pointwise_weights(newer.channels, channels)
        for op, stride in self.edges:
            types += _edge_weights(op, stride, channels)
        body.functions.update(self.functions)
        _, _, height, width = newer.shape
        shape = (1, self.n_outputs * channels, height // self.stride, width // self.stride)
        attributes = (("group", channels),) if self.has_group else ()
        return body.call_known(self.op, (older, newer), types, shape, attributes)


_SAMPLE = Value("x", (1, 4, 8, 8))
_NEWER = _SAMPLE._replace(name="x1")


@lru_cache(maxsize=256)
def _cell_call(nodes: tuple[CellNode, ...], stride: int, *, is_whole: bool) -> _CellCall:
    """Write a cell once, at any shape: its statements are the same at all of them."""
    body = Body()
    output = _cell(body, _SAMPLE, _NEWER, nodes, _SAMPLE.channels, stride)
    name = f"cell{stride}"
    function = _function(body, output)
    functions = {**body.functions, name: function}
    if is_whole:
        outer = Body()
        older = write_pointwise(outer, _SAMPLE, _SAMPLE.channels)
        weights = [outer.weight(*kind.shape) for kind in body.weights]
        attributes = {reference.name: reference for reference in function.references()}
        output = outer.node(
            f"{DOMAIN}.{name}", [older, _NEWER, *weights], output.shape, **attributes
        )
        name = f"whole_{name}"
        function = _function(outer, output)
        functions |= {**outer.functions, name: function}
    edges = [(op, stride if source < N_INPUTS else 1) for _, own in nodes for op, source in own]
    return _CellCall(
        op=f"{DOMAIN}.{name}",
        has_group=bool(function.references()),
        functions=functions,
        edges=tuple([edge for edge in edges if _edge_weights(*edge, _SAMPLE.channels)]),
        n_outputs=sum([is_output for is_output, _ in nodes]),
        stride=stride,
        is_whole=is_whole,
    )


def _function(body: Body, output: Value) -> Function:
    """Make a function of two data inputs of what was written."""
    weights = weight_names(0, len(body.weights))
    return Function((_SAMPLE.name, _NEWER.name, *weights), (output.name,), tuple(body.nodes))


@lru_cache(maxsize=4_096)
def _edge_weights(op: str, stride: int, channels: int) -> tuple[ValueType, ...]:
    """Return the types of the weights of an edge."""
    body = Body()
    write_operation(body, Value("x", (1, channels, 8, 8)), op, stride)
    return tuple(body.weights)


@lru_cache(maxsize=4_096)
def _pointwise_weights(c_in: int, c_out: int) -> tuple[ValueType, ...]:
    """Return the types of the weights of a pointwise convolution."""
    body = Body()
    write_pointwise(body, Value("x", (1, c_in, 8, 8)), c_out)
    return tuple(body.weights)


def _cell(
    body: Body, older: Value, newer: Value, nodes: Sequence[CellNode], channels: int, stride: int
) -> Value:
    """Write a cell.

    Args:
        body: Where to write.
        older: First input, brought to `channels`.
        newer: Second input.
        nodes: The normal form of the cell.
        channels: Channels of every node.
        stride: Stride of the operations on the inputs.
    """
    values = [older, write_pointwise(body, newer, channels)]
    zeros: list[int] = []
    for _, edges in nodes:
        operands = [
            write_operation(body, values[source], op, stride if source < N_INPUTS else 1)
            for op, source in edges
        ]
        if not operands:
            zeros.append(len(values))
        values.append(body.add(*operands) if operands else values[0])
    outputs = [N_INPUTS + index for index, (is_output, _) in enumerate(nodes) if is_output]
    if zeros:
        alive = [value for value in outputs if value not in zeros]
        like = values[alive[0]] if alive else body.max_pool(values[1], 1, stride=stride)
        zero = body.zero(like)
        for value in zeros:
            values[value] = zero
    return body.concat(*[values[value] for value in outputs])


def write_operation(body: Body, x: Value, op: str, stride: int) -> Value:
    """Write the operation of an edge; ``none`` is not among the edges of a normal form."""
    operation = OPERATIONS[op]
    result = x
    if operation.kind is Kind.SKIP:
        if stride > 1:
            result = body.call(write_strided_skip, x, channels=x.channels)
    elif operation.kind is Kind.AVG_POOL:
        result = body.avg_pool(x, operation.kernel, stride=stride)
    elif operation.kind is Kind.MAX_POOL:
        result = body.max_pool(x, operation.kernel, stride=stride)
    else:
        result = body.call(
            _BLOCKS[operation.kind],
            x,
            attributes=_call_attributes(operation, stride),
            channels=x.channels,
            operation=operation,
            stride=stride,
        )
    return result


def write_pointwise(body: Body, x: Value, channels: int) -> Value:
    """Write ReLU and a 1x1 convolution."""
    operation = OPERATIONS["conv_1x1"]
    result: Value = body.call(
        _conv,
        x,
        attributes=_call_attributes(operation, 1),
        channels=channels,
        operation=operation,
        stride=1,
    )
    return result


@lru_cache(maxsize=256)
def _call_attributes(operation: Operation, stride: int) -> Attributes:
    """Return the attributes that a call of a block gives."""
    kernel, dilation = operation.kernel, operation.dilation
    pad = dilation * (kernel - 1) // 2
    if operation.kind is Kind.FACTORED:
        return {
            "kernel_shape": (1, kernel),
            "pads": (0, pad, 0, pad),
            "strides": (1, stride),
            "kernel_shape1": (kernel, 1),
            "pads1": (pad, 0, pad, 0),
            "strides1": (stride, 1),
        }
    return {
        "dilations": (dilation, dilation),
        "group": Reference("group", "int"),
        "kernel_shape": (kernel, kernel),
        "pads": (pad, pad, pad, pad),
        "strides": (stride, stride),
    }


def _references(*names: str, number: str = "") -> Attributes:
    """Refer to attributes of the function under the names of the operator, plus a number."""
    return {name: Reference(name + number, "int" if name == "group" else "ints") for name in names}


_WINDOW = _references("kernel_shape", "pads", "strides")
_SECOND_WINDOW = _references("kernel_shape", "pads", "strides", number="1")
_DEPTHWISE = _references("dilations", "group", "kernel_shape", "pads", "strides")


def _strided(x: Value, channels: int, stride_h: int, stride_w: int) -> tuple[int, ...]:
    """Return the shape of a window operation that keeps the size but for the stride."""
    height, width = x.shape[2:]
    return (1, channels, (height - 1) // stride_h + 1, (width - 1) // stride_w + 1)


def _conv(body: Body, x: Value, channels: int, operation: Operation, stride: int) -> Value:
    """Write ReLU and a convolution."""
    x = body.relu(x)
    weight = body.weight(channels, x.channels, operation.kernel, operation.kernel)
    operands = [x, weight, body.weight(channels)]
    return body.node("Conv", operands, _strided(x, channels, stride, stride), **_WINDOW)


def _factored(body: Body, x: Value, channels: int, operation: Operation, stride: int) -> Value:
    """Write ReLU, a convolution along the rows and one along the columns."""
    x = body.relu(x)
    kernel = operation.kernel
    rows = [x, body.weight(channels, channels, 1, kernel)]
    x = body.node("Conv", rows, _strided(x, channels, 1, stride), **_WINDOW)
    columns = [x, body.weight(channels, channels, kernel, 1), body.weight(channels)]
    return body.node("Conv", columns, _strided(x, channels, stride, 1), **_SECOND_WINDOW)


def _separable(body: Body, x: Value, channels: int, operation: Operation, stride: int) -> Value:
    """Write ReLU, a depthwise and a pointwise convolution."""
    x = body.relu(x)
    operands = [x, body.weight(channels, 1, operation.kernel, operation.kernel)]
    x = body.node("Conv", operands, _strided(x, channels, stride, stride), **_DEPTHWISE)
    return body.conv(x, channels)


def _separable_twice(
    body: Body, x: Value, channels: int, operation: Operation, stride: int
) -> Value:
    """Write two separable convolutions, the first one with the stride."""
    second = {**_DEPTHWISE, "strides": (1, 1)}
    for attributes, step in ((_DEPTHWISE, stride), (second, 1)):
        x = body.call(
            _separable,
            x,
            attributes=attributes,
            channels=channels,
            operation=operation,
            stride=step,
        )
    return x


_Block = Callable[..., Value]
_BLOCKS: dict[Kind, _Block] = {
    Kind.CONV: _conv,
    Kind.FACTORED: _factored,
    Kind.SEPARABLE: _separable,
    Kind.SEPARABLE_TWICE: _separable_twice,
}


def write_strided_skip(body: Body, x: Value, channels: int) -> Value:
    """Halve the image: ReLU, and a pointwise convolution on each of its two diagonals."""
    x = body.relu(x)
    crop = body.constant_ints(0, 0, -1, -1, 0, 0, 0, 0)
    height, width = x.shape[2:]
    shifted = body.node("Pad", [x, crop], (1, x.channels, height - 1, width - 1))
    return body.concat(
        body.conv(x, channels // 2, stride=2), body.conv(shifted, channels // 2, stride=2)
    )
