"""A mobile once-for-all architecture as a graph.

A depthwise convolution says its channel count as ``group``, so it stands in the main graph,
between two functions that layers of all widths share: *expand* (1x1 convolution, activation)
before it and *project* (activation, squeeze-and-excitation, linear 1x1 convolution, residual sum)
behind it.
"""

from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.ofa_mobile.architecture import MobileArchitecture
from search_spaces.ofa_mobile.skeleton import N_CLASSES, Layer, Skeleton, active_layers

__all__ = ["build_network"]


def build_network(skeleton: Skeleton, architecture: MobileArchitecture) -> Graph:
    """Write the network for ImageNet."""
    size = architecture.resolution
    builder = GraphBuilder((1, 3, size, size))
    outer = skeleton.outer_activation
    value: Value = builder.call(
        _expand, builder.x, channels=skeleton.stem_channels, kernel=3, stride=2, activation=outer
    )
    value = _first_block(builder, value, skeleton)
    for layer in active_layers(skeleton, architecture):
        value = _layer(builder, value, layer)
    is_pooled = False
    for head in skeleton.head:
        if head.is_pooled and not is_pooled:
            value = builder.global_avg_pool(value)
            is_pooled = True
        value = builder.call(
            _expand,
            value,
            channels=head.channels,
            activation=outer,
            bias=not head.is_pooled,
        )
    if not is_pooled:
        value = builder.global_avg_pool(value)
    return builder.build(builder.gemm(builder.flatten(value), N_CLASSES))


def _first_block(builder: GraphBuilder, x: Value, skeleton: Skeleton) -> Value:
    """Write the block without expansion."""
    channels = skeleton.first_channels
    hidden = builder.depthwise(x, 3)
    inputs = (hidden, x) if x.channels == channels else (hidden,)
    result: Value = builder.call(
        _project, *inputs, channels=channels, activation=skeleton.first_activation, squeeze=0
    )
    return result


def _layer(builder: GraphBuilder, x: Value, layer: Layer) -> Value:
    """Write one layer."""
    hidden = builder.call(_expand, x, channels=layer.hidden, activation=layer.activation)
    hidden = builder.depthwise(hidden, layer.kernel, stride=layer.stride)
    inputs = (hidden, x) if layer.has_residual else (hidden,)
    result: Value = builder.call(
        _project,
        *inputs,
        channels=layer.c_out,
        activation=layer.activation,
        squeeze=layer.squeeze,
    )
    return result


def _expand(
    body: Body,
    x: Value,
    channels: int,
    activation: str,
    kernel: int = 1,
    stride: int = 1,
    bias: bool = True,  # noqa: FBT001, FBT002 (settings of a block are keywords by construction)
) -> Value:
    """Write convolution and activation."""
    return _activate(body, body.conv(x, channels, kernel, stride=stride, bias=bias), activation)


def _project(
    body: Body,
    hidden: Value,
    residual: Value | None = None,
    *,
    channels: int,
    activation: str,
    squeeze: int,
) -> Value:
    """Write activation, squeeze-and-excitation, linear 1x1 convolution and residual sum."""
    hidden = _activate(body, hidden, activation)
    if squeeze:
        hidden = body.call(_squeeze_excite, hidden, channels=squeeze)
    projected = body.conv(hidden, channels)
    return projected if residual is None else body.add(projected, residual)


def _squeeze_excite(body: Body, x: Value, channels: int) -> Value:
    """Write squeeze-and-excitation; `channels` is the width of the squeeze."""
    squeezed = body.relu(body.conv(body.global_avg_pool(x), channels))
    return body.mul(x, body.hard_sigmoid(body.conv(squeezed, x.channels)))


def _activate(body: Body, x: Value, activation: str) -> Value:
    """Write an activation."""
    if activation == "relu":
        return body.relu(x)
    return body.relu6(x) if activation == "relu6" else body.hard_swish(x)
