"""A sub-network of OFA-ResNet50 as a graph.

The shortcut of a first block is an average pool at the stride of the block (rounding up where the
size is odd, over the pixels that are there) and a 1x1 convolution.
"""

from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.ofa_resnet50.architecture import (
    HIDDEN_STEM_CHANNELS,
    N_CLASSES,
    STEM_CHANNELS,
    ResNetArchitecture,
    active_blocks,
)

__all__ = ["build_network"]


def build_network(architecture: ResNetArchitecture) -> Graph:
    """Write the network for ImageNet."""
    size = architecture.resolution
    builder = GraphBuilder((1, 3, size, size))
    hidden = HIDDEN_STEM_CHANNELS[architecture.widths[0]]
    value = builder.relu(builder.conv(builder.x, hidden, 3, stride=2))
    if architecture.depths[0]:
        value = builder.add(builder.relu(builder.conv(value, hidden, 3)), value)
    channels = STEM_CHANNELS[architecture.widths[1]]
    value = builder.relu(builder.conv(value, channels, 3))
    value = builder.max_pool(value, 3, stride=2)
    for block in active_blocks(architecture):
        value = builder.call(
            _bottleneck,
            value,
            hidden=block.hidden,
            channels=block.c_out,
            stride=block.stride,
            has_projection=block.has_projection,
        )
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _bottleneck(
    body: Body, x: Value, *, hidden: int, channels: int, stride: int, has_projection: bool
) -> Value:
    """Write a bottleneck block."""
    value = body.relu(body.conv(x, hidden))
    value = body.relu(body.conv(value, hidden, 3, stride=stride))
    value = body.conv(value, channels)
    shortcut = x
    if has_projection:
        shortcut = body.conv(x if stride == 1 else _halve(body, x), channels)
    return body.relu(body.add(value, shortcut))


def _halve(body: Body, x: Value) -> Value:
    """Write an average pool that rounds the size up."""
    _, channels, height, width = x.shape
    shape = (1, channels, (height + 1) // 2, (width + 1) // 2)
    return body.node("AveragePool", [x], shape, ceil_mode=1, kernel_shape=(2, 2), strides=(2, 2))
