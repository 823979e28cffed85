"""A residual network for CIFAR-10 as a graph, and its published counts.

Stem (3x3 convolution to 16 channels, ReLU), three stages, global average pool, linear classifier.
A block adds its input to two 3x3 convolutions, or to a bottleneck of 1x1, 3x3 and 1x1 convolutions,
and ends in a ReLU; where its shape changes, a 1x1 convolution brings the input to the new one. The
first 3x3 convolution has the stride.

Counted as PyTorch does: convolutions without bias, two vectors for every BatchNorm, weight and bias
of the classifier; mult-adds of convolutions and the classifier.

Source:
    ``pycls/models/anynet.py`` of https://github.com/facebookresearch/unnas.
"""

from search_spaces.counts import Counts
from search_spaces.graph import Graph, Reference
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.nds.residual import STEM_WIDTH, STRIDES, ResidualNetwork, Stage

__all__ = ["IMAGE_SIZE", "N_CLASSES", "build_residual_network", "published_counts"]

IMAGE_SIZE = 32
N_CLASSES = 10


def build_residual_network(network: ResidualNetwork) -> Graph:
    """Write the network for 32 x 32 images and ten classes."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = builder.relu(builder.conv(builder.x, STEM_WIDTH, 3))
    for stage, stride in zip(network.stages, STRIDES, strict=True):
        for index in range(stage.depth):
            step = stride if index == 0 else 1
            value = builder.call(
                _bottleneck if stage.ratio else _basic,
                value,
                attributes={"group": stage.groups, "strides": (step, step)},
                stage=stage,
                stride=step,
            )
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _basic(body: Body, x: Value, stage: Stage, stride: int) -> Value:
    """Write a basic block."""
    has_projection = _has_projection(x, stage, stride)
    inner = body.relu(_conv3x3(body, x, stage, stride, is_strided=has_projection))
    return _residual(body, x, body.conv(inner, stage.width, 3), has_projection=has_projection)


def _bottleneck(body: Body, x: Value, stage: Stage, stride: int) -> Value:
    """Write a bottleneck block."""
    inner = body.relu(body.conv(x, stage.inner_width))
    has_projection = _has_projection(x, stage, stride)
    inner = body.relu(_conv3x3(body, inner, stage, stride, is_strided=has_projection))
    return _residual(body, x, body.conv(inner, stage.width), has_projection=has_projection)


def _has_projection(x: Value, stage: Stage, stride: int) -> bool:
    """Tell whether the input of a block is brought to another shape."""
    return x.channels != stage.width or stride != 1


def _conv3x3(body: Body, x: Value, stage: Stage, stride: int, *, is_strided: bool) -> Value:
    """Write the convolution that has stride and groups; a call of the block gives both."""
    channels = stage.inner_width
    weights = [body.weight(channels, x.channels // stage.groups, 3, 3), body.weight(channels)]
    shape = (1, channels, x.shape[2] // stride, x.shape[3] // stride)
    attributes = {"group": Reference("group", "int")} if stage.ratio else {}
    if is_strided:
        attributes["strides"] = Reference("strides", "ints")
    return body.node(
        "Conv", [x, *weights], shape, kernel_shape=(3, 3), pads=(1, 1, 1, 1), **attributes
    )


def _residual(body: Body, x: Value, transformed: Value, *, has_projection: bool) -> Value:
    """Write the sum with the input and the ReLU behind it."""
    if has_projection:
        weights = [
            body.weight(transformed.channels, x.channels, 1, 1),
            body.weight(transformed.channels),
        ]
        x = body.node(
            "Conv",
            [x, *weights],
            transformed.shape,
            kernel_shape=(1, 1),
            strides=Reference("strides", "ints"),
        )
    return body.relu(body.add(transformed, x))


def published_counts(network: ResidualNetwork) -> Counts:
    """Count a network as PyTorch does."""
    size = IMAGE_SIZE
    parts = [_count_conv(3, STEM_WIDTH, 3, size)]
    width = STEM_WIDTH
    for stage, stride in zip(network.stages, STRIDES, strict=True):
        for index in range(stage.depth):
            step = stride if index == 0 else 1
            parts += _count_block(width, stage, step, size)
            size //= step
            width = stage.width
    parameters, mult_adds, activations = map(sum, zip(*parts, strict=True))
    return Counts(
        parameters + (width + 1) * N_CLASSES,
        mult_adds + width * N_CLASSES,
        activations + N_CLASSES,
    )


def _count_block(width: int, stage: Stage, stride: int, size: int) -> list[tuple[int, int, int]]:
    """Count a block on `width` channels; `size` is that of its input."""
    inner, small = stage.inner_width, size // stride
    parts = []
    if width != stage.width or stride != 1:
        parts.append(_count_conv(width, stage.width, 1, small))
    if stage.ratio:
        parts.append(_count_conv(width, inner, 1, size))
        parts.append(_count_conv(inner, inner, 3, small, stage.groups))
        parts.append(_count_conv(inner, stage.width, 1, small))
    else:
        parts.append(_count_conv(width, inner, 3, small))
        parts.append(_count_conv(inner, stage.width, 3, small))
    return parts


def _count_conv(
    c_in: int, c_out: int, kernel: int, size: int, groups: int = 1
) -> tuple[int, int, int]:
    """Count a convolution and its BatchNorm: parameters, mult-adds, activations."""
    weights = c_in * c_out * kernel * kernel // groups
    return weights + 2 * c_out, weights * size * size, c_out * size * size
