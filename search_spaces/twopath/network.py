"""A Two-Path architecture as a graph, and its counts.

Stem (3x3 convolutions to 32 channels, the second with stride 2), two paths, their concatenation
(2 x 128 channels), a 3x3 convolution to 512 channels, global average pool, classifier, for
32 x 32 images of ten classes. A block that does not reduce adds its input. Operations are
functions, which all channel counts share; blocks are not, since hardly two are alike.
"""

from search_spaces.counts import Counts
from search_spaces.gennape.operations import conv_relu6, inception_s, pool_norm
from search_spaces.gennape.tally import Tally
from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.twopath.architecture import Path
from search_spaces.twopath.operations import CONV_OPS, Ops

__all__ = ["build_network", "count_network"]

IMAGE_SIZE = 32
N_CLASSES = 10
STEM_CHANNELS = 32
POST_CHANNELS = 512

_HIDDEN = {"r2": (1, 2), "r4": (1, 4), "e2": (2, 1)}
"""Hidden channels of a bottleneck: those of its input times the first, over the second."""


def build_network(paths: tuple[Path, Path]) -> Graph:
    """Write the network for CIFAR-10."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    stem = builder.call(_operation, builder.x, op="conv3x3", channels=STEM_CHANNELS, stride=1)
    stem = builder.call(_operation, stem, op="conv3x3", channels=STEM_CHANNELS, stride=2)
    ends = [_path(builder, stem, path) for path in paths]
    value = builder.call(
        _operation, builder.concat(*ends), op="conv3x3", channels=POST_CHANNELS, stride=1
    )
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _path(builder: GraphBuilder, value: Value, path: Path) -> Value:
    """Write a path."""
    for index, ops in enumerate(path.blocks):
        start = value
        reduces = index in path.reductions
        reduction = _reduction_place(ops) if reduces else None
        for place, op in enumerate(ops):
            stride = 2 if place == reduction else 1
            channels = value.channels * stride
            if op.startswith("inception_s"):
                strides = (stride, 1)
                value = inception_s(builder, value, channels, int(op[-1]), strides=strides)
            else:
                value = builder.call(_operation, value, op=op, channels=channels, stride=stride)
        if not reduces:
            value = builder.add(value, start)
    return value


def _reduction_place(ops: Ops) -> int:
    """Return the index of the first convolution."""
    return next(index for index, op in enumerate(ops) if op in CONV_OPS)


def _operation(body: Body, x: Value, op: str, channels: int, stride: int) -> Value:
    """Write an operation that is no ``inception_s``."""
    kernel = int(op[-1])
    if op.startswith("conv"):
        return conv_relu6(body, x, channels, kernel, stride=stride)
    if op.endswith("pool3x3"):
        return pool_norm(body, x, op[:3])
    hidden = conv_relu6(body, x, _hidden_channels(op, x.channels), kernel, stride=stride)
    return conv_relu6(body, hidden, channels, kernel)


def _hidden_channels(op: str, c_in: int) -> int:
    """Return the channels between the two convolutions of a double or a bottleneck."""
    if op.startswith("double"):
        return c_in
    times, over = _HIDDEN[op.split("-")[1]]
    return c_in * times // over


def count_network(paths: tuple[Path, Path]) -> Counts:
    """Count a network as PyTorch does, see `search_spaces.gennape.tally`."""
    tally = Tally()
    tally.conv(3, STEM_CHANNELS, 9, IMAGE_SIZE)
    size = IMAGE_SIZE // 2
    tally.conv(STEM_CHANNELS, STEM_CHANNELS, 9, size)
    total = 0
    for path in paths:
        channels, height = STEM_CHANNELS, size
        for index, ops in enumerate(path.blocks):
            reduction = _reduction_place(ops) if index in path.reductions else None
            for place, op in enumerate(ops):
                stride = 2 if place == reduction else 1
                height //= stride
                _count_operation(tally, op, channels, channels * stride, height)
                channels *= stride
        total += channels
    tally.conv(total, POST_CHANNELS, 9, IMAGE_SIZE // 8)
    tally.linear(POST_CHANNELS, N_CLASSES)
    return tally.counts()


def _count_operation(tally: Tally, op: str, c_in: int, c_out: int, size: int) -> None:
    """Count an operation; `size` is that of its result."""
    kernel = int(op[-1])
    if op.endswith("pool3x3"):
        tally.norm(c_out)
    elif op.startswith("conv"):
        tally.conv(c_in, c_out, kernel**2, size)
    elif op.startswith("inception_s"):
        tally.conv(c_in, c_out, kernel, size)
        tally.conv(c_out, c_out, kernel, size)
    else:
        hidden = _hidden_channels(op, c_in)
        tally.conv(c_in, hidden, kernel**2, size)
        tally.conv(hidden, c_out, kernel**2, size)
