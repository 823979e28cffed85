"""A NAS-Bench-Macro architecture as a graph.

The depthwise convolution of a block stands in the main graph, between two functions that all blocks
share whatever their channels: *expand* (1x1 convolution, ReLU) before it and *project* (ReLU, 1x1
convolution, residual sum) behind it. The stem is a 3x3 convolution with ReLU, the head an *expand*
to 1,280 channels, global average pool and linear classifier.
"""

from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.nasbench_macro.blocks import (
    BLOCKS,
    HEAD_CHANNELS,
    IMAGE_SIZE,
    LAYERS,
    N_CLASSES,
    STEM_CHANNELS,
    Layer,
    MacroArchitecture,
)

__all__ = ["build_network"]


def build_network(architecture: MacroArchitecture) -> Graph:
    """Write the network for CIFAR-10."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = builder.relu(builder.conv(builder.x, STEM_CHANNELS, 3))
    for op, layer in zip(architecture.ops, LAYERS, strict=True):
        if op != "id":
            value = _block(builder, value, op, layer)
        elif not layer.keeps_shape:
            value = builder.conv(value, layer.c_out, 1, stride=layer.stride)
    value = builder.call(_expand, value, channels=HEAD_CHANNELS)
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _block(builder: GraphBuilder, x: Value, op: str, layer: Layer) -> Value:
    """Write an inverted residual block."""
    kernel, expansion = BLOCKS[op]
    hidden = builder.call(_expand, x, channels=layer.c_in * expansion)
    hidden = builder.depthwise(hidden, kernel, stride=layer.stride)
    inputs = (hidden, x) if layer.keeps_shape else (hidden,)
    result: Value = builder.call(_project, *inputs, channels=layer.c_out)
    return result


def _expand(body: Body, x: Value, channels: int) -> Value:
    """Write 1x1 convolution and ReLU."""
    return body.relu(body.conv(x, channels, 1))


def _project(body: Body, hidden: Value, residual: Value | None = None, *, channels: int) -> Value:
    """Write ReLU, linear 1x1 convolution and the residual sum."""
    projected = body.conv(body.relu(hidden), channels, 1)
    return projected if residual is None else body.add(projected, residual)
