"""A NAS-Bench-101 cell in its skeleton, as a graph.

Stem (3x3 convolution to 128 channels), three stacks of three cells with a 2x2 max pool of stride 2
and twice the channels between them, global average pool, linear classifier. Every convolution has
a BatchNorm (folded) and a ReLU behind it.

The output of a cell is the concatenation of the vertices that lead to it, so they share its
channels; where these do not divide evenly, the first ones, in vertex order, get one more. Any
other vertex has as many channels as the widest vertex that it feeds. A vertex adds its inputs;
one that is a channel too wide loses its last channel. What comes from the cell's input goes through
a 1x1 convolution to the channels of its target, the output included, where it is added.

Decision: vertex order decides who gets the extra channel, so isomorphic cells can be networks that
differ by a channel. The benchmark calls them one cell and has trained its representative, and so
do we: `build_network` expects `search_spaces.nasbench101.isomorphism.representative`.

Source:
    arXiv:1902.09635 section 2; ``lib/model_builder.py`` and ``lib/base_ops.py`` of
    https://github.com/google-research/nasbench.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import Graph, ValueType
from search_spaces.graph_builder import Body, GraphBuilder, Value, float_type
from search_spaces.nasbench101.cell import Cell

__all__ = [
    "CELLS_PER_STACK",
    "IMAGE_SIZE",
    "N_CLASSES",
    "STACK_CHANNELS",
    "Convolution",
    "build_network",
    "cell_convolutions",
    "vertex_channels",
    "write_cell",
]

IMAGE_SIZE = 32
N_CLASSES = 10
STACK_CHANNELS = (128, 256, 512)
CELLS_PER_STACK = 3

_KERNELS = {"conv3x3-bn-relu": 3, "conv1x1-bn-relu": 1}


class Convolution(NamedTuple):
    """Channels in and out and kernel size of a convolution."""

    c_in: int
    c_out: int
    kernel: int


def build_network(cell: Cell) -> Graph:
    """Write the network of a cell for CIFAR-10.

    A cell's statements depend on its channels only by which values lose a channel, so a cell is
    traced once for every remainder of the division and called with other weights after that.
    """
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = _conv(builder, builder.x, STACK_CHANNELS[0], 3)
    n_last = max(sum(row[-1] for row in cell.matrix[1:-1]), 1)
    traced: dict[int, str] = {}
    for stack, channels in enumerate(STACK_CHANNELS):
        if stack:
            value = builder.max_pool(value, 2, stride=2, padding=0)
        for _ in range(CELLS_PER_STACK):
            op = traced.get(channels % n_last)
            if op is None:
                value = builder.call(write_cell, value, cell=cell, channels=channels)
                traced[channels % n_last] = builder.nodes[-1].op
            else:
                value = _call_again(builder, op, value, cell, channels)
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _call_again(builder: GraphBuilder, op: str, x: Value, cell: Cell, channels: int) -> Value:
    """Call a cell that is written already, for other channels."""
    weights: list[ValueType] = []
    for c_in, c_out, kernel in cell_convolutions(cell, x.channels, channels):
        weights += (float_type((c_out, c_in, kernel, kernel)), float_type((c_out,)))
    return builder.call_known(op, [x], weights, (x.shape[0], channels, *x.shape[2:]))


@lru_cache(maxsize=1_024)
def cell_convolutions(cell: Cell, c_in: int, channels: int) -> tuple[Convolution, ...]:
    """List the convolutions of one cell in the order in which they are written.

    Args:
        cell: The architecture.
        c_in: Channels of the cell's input.
        channels: Channels of its output.
    """
    found = []
    from_input = cell.matrix[0]
    widths = vertex_channels(cell, channels)
    for vertex, op in enumerate(cell.ops, start=1):
        if from_input[vertex]:
            found.append(Convolution(c_in, widths[vertex], 1))
        if op in _KERNELS:
            found.append(Convolution(widths[vertex], widths[vertex], _KERNELS[op]))
    if from_input[-1]:
        found.append(Convolution(c_in, channels, 1))
    return tuple(found)


def vertex_channels(cell: Cell, channels: int) -> Sequence[int]:
    """Return the channels of every interior vertex (index 1 is the first).

    Args:
        cell: The architecture.
        channels: Channels of the cell's output.
    """
    output = len(cell.matrix) - 1
    found = [0] * (output + 1)
    last = [vertex for vertex in range(1, output) if cell.matrix[vertex][output]]
    for index, vertex in enumerate(last):
        found[vertex] = channels // len(last) + (index < channels % len(last))
    for vertex in range(output - 1, 0, -1):
        if not cell.matrix[vertex][output]:
            row = cell.matrix[vertex]
            found[vertex] = max(found[t] for t in range(vertex + 1, output) if row[t])
    return found


def write_cell(body: Body, x: Value, cell: Cell, channels: int) -> Value:
    """Write one cell."""
    matrix, output = cell.matrix, len(cell.matrix) - 1
    widths = vertex_channels(cell, channels)
    values = {0: x}
    for vertex in range(1, output):
        operands = [
            _first_channels(body, values[source], widths[vertex])
            for source in range(1, vertex)
            if matrix[source][vertex]
        ]
        if matrix[0][vertex]:
            operands.append(_conv(body, x, widths[vertex], 1))
        values[vertex] = _operation(body, body.add(*operands), cell.ops[vertex - 1])
    last = [values[vertex] for vertex in range(1, output) if matrix[vertex][output]]
    operands = [body.concat(*last)] if last else []
    if matrix[0][output]:
        operands.append(_conv(body, x, channels, 1))
    return body.add(*operands)


def _operation(body: Body, x: Value, op: str) -> Value:
    """Write the operation of a vertex; it keeps the channels."""
    if op in _KERNELS:
        return _conv(body, x, x.channels, _KERNELS[op])
    return body.max_pool(x, 3)


def _conv(body: Body, x: Value, channels: int, kernel: int) -> Value:
    """Write convolution, BatchNorm (folded) and ReLU."""
    return body.relu(body.conv(x, channels, kernel))


def _first_channels(body: Body, x: Value, channels: int) -> Value:
    """Drop the last channel where there is one too many, in a form that suits all widths."""
    if x.channels == channels:
        return x
    first, end, axis = (body.constant_ints(number) for number in (0, -1, 1))
    shape = (x.shape[0], channels, *x.shape[2:])
    return body.node("Slice", [x, first, end, axis], shape)
