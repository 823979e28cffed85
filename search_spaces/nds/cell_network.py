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

from collections.abc import Callable, Sequence

from search_spaces.graph import AttributeValue, Graph, Reference
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.nds.canonical_cell import Node, normal_form
from search_spaces.nds.cell import N_INPUTS, CellNetwork
from search_spaces.nds.operations import OPERATIONS, Kind, Operation

__all__ = [
    "IMAGE_SIZE",
    "N_CLASSES",
    "STEM_MULTIPLIER",
    "build_cell_network",
    "is_reduction_layer",
]

IMAGE_SIZE = 32
N_CLASSES = 10
STEM_MULTIPLIER = 3
"""Channels of the stem over the width of the network."""

Attributes = dict[str, AttributeValue]


def is_reduction_layer(layer: int, depth: int) -> bool:
    """Tell whether a layer, counted from 0, is a reduction cell."""
    return layer in {depth // 3, 2 * depth // 3}


def build_cell_network(network: CellNetwork) -> Graph:
    """Write the network for 32 x 32 images and ten classes."""
    normal = normal_form(network.normal, is_reduction=False)
    reduce = normal_form(network.reduce, is_reduction=True)
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    older = newer = builder.conv(builder.x, STEM_MULTIPLIER * network.width, 3)
    channels, stride = network.width, 1
    for layer in range(network.depth):
        is_older_larger = stride == 2
        is_reduction = is_reduction_layer(layer, network.depth)
        stride = 2 if is_reduction else 1
        channels *= stride
        if is_older_larger:
            older = builder.call(_strided_skip, older, channels=channels)
        elif is_reduction:
            older = _pointwise(builder, older, channels)
        block = _cell if is_older_larger or is_reduction else _whole_cell
        output = builder.call(
            block,
            older,
            newer,
            attributes={"group": channels},
            nodes=reduce if is_reduction else normal,
            channels=channels,
            stride=stride,
        )
        older, newer = newer, output
    value = builder.flatten(builder.global_avg_pool(newer))
    return builder.build(builder.gemm(value, N_CLASSES))


def _whole_cell(
    body: Body, older: Value, newer: Value, nodes: Sequence[Node], channels: int, stride: int
) -> Value:
    """Write a cell whose inputs have the same size."""
    result: Value = body.call(
        _cell,
        _pointwise(body, older, channels),
        newer,
        attributes={"group": Reference("group", "int")},
        nodes=nodes,
        channels=channels,
        stride=stride,
    )
    return result


def _cell(
    body: Body, older: Value, newer: Value, nodes: Sequence[Node], channels: int, stride: int
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
    values = [older, _pointwise(body, newer, channels)]
    zeros: list[int] = []
    for _, edges in nodes:
        operands = [
            _operation(body, values[source], op, stride if source < N_INPUTS else 1)
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


def _operation(body: Body, x: Value, op: str, stride: int) -> Value:
    """Write the operation of an edge; ``none`` is not among the edges of a normal form."""
    operation = OPERATIONS[op]
    result = x
    if operation.kind is Kind.SKIP:
        if stride > 1:
            result = body.call(_strided_skip, x, channels=x.channels)
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


def _pointwise(body: Body, x: Value, channels: int) -> Value:
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


def _strided_skip(body: Body, x: Value, channels: int) -> Value:
    """Halve the image: ReLU, and a pointwise convolution on each of its two diagonals."""
    x = body.relu(x)
    crop = body.constant_ints(0, 0, -1, -1, 0, 0, 0, 0)
    height, width = x.shape[2:]
    shifted = body.node("Pad", [x, crop], (1, x.channels, height - 1, width - 1))
    return body.concat(
        body.conv(x, channels // 2, stride=2), body.conv(shifted, channels // 2, stride=2)
    )
