"""An FBNet architecture as a graph.

A block would tie a function to its channel count, since the depthwise convolution says it as
``group``. So the depthwise convolution stands in the main graph, between two functions that all
blocks share whatever their channels: *expand* (1x1 convolution, ReLU, shuffle) before it and
*project* (ReLU, 1x1 convolution, residual sum) behind it.
"""

from search_spaces.fbnet.blocks import (
    BLOCKS,
    HEAD_CHANNELS,
    IMAGE_SIZE,
    LAYERS,
    N_CLASSES,
    STEM_CHANNELS,
    FBNetArchitecture,
    Layer,
)
from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value

__all__ = ["build_network"]


def build_network(architecture: FBNetArchitecture) -> Graph:
    """Write the network for ImageNet."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = builder.relu(builder.conv(builder.x, STEM_CHANNELS, 3, stride=2))
    for op, layer in zip(architecture.ops, LAYERS, strict=True):
        value = _skip(builder, value, layer) if op == "skip" else _block(builder, value, op, layer)
    value = builder.call(_expand, value, channels=HEAD_CHANNELS)
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _skip(builder: GraphBuilder, x: Value, layer: Layer) -> Value:
    """Write a skip layer."""
    if layer.stride == 1 and layer.c_in == layer.c_out:
        return x
    result: Value = builder.call(_expand, x, channels=layer.c_out, stride=layer.stride)
    return result


def _block(builder: GraphBuilder, x: Value, op: str, layer: Layer) -> Value:
    """Write a block."""
    kernel, expansion, groups = BLOCKS[op]
    hidden = builder.call(_expand, x, channels=layer.c_in * expansion, groups=groups)
    hidden = builder.depthwise(hidden, kernel, stride=layer.stride)
    has_residual = layer.stride == 1 and layer.c_in == layer.c_out
    inputs = (hidden, x) if has_residual else (hidden,)
    result: Value = builder.call(_project, *inputs, channels=layer.c_out, groups=groups)
    return result


def _expand(body: Body, x: Value, channels: int, stride: int = 1, groups: int = 1) -> Value:
    """Write 1x1 convolution, ReLU and, for groups, the shuffle."""
    hidden = body.relu(body.conv(x, channels, 1, stride=stride, groups=groups))
    return hidden if groups == 1 else body.channel_shuffle(hidden, groups)


def _project(
    body: Body, hidden: Value, residual: Value | None = None, *, channels: int, groups: int
) -> Value:
    """Write ReLU, linear 1x1 convolution and the residual sum."""
    projected = body.conv(body.relu(hidden), channels, 1, groups=groups)
    return projected if residual is None else body.add(projected, residual)
