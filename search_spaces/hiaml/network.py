"""A HiAML architecture as a graph, and its counts.

Stem (3x3 convolution to 64 channels, stride 2, ReLU), four stages of two equal blocks, global
average pool, classifier, for 32 x 32 images of ten classes. The first block of the second and the
fourth stage halves the size and doubles the channels.
"""

from search_spaces.counts import Counts
from search_spaces.gennape.operations import conv_relu6, inception_s
from search_spaces.gennape.tally import Tally
from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.hiaml.blocks import BLOCKS, HiamlArchitecture

__all__ = ["build_network", "count_network"]

IMAGE_SIZE = 32
N_CLASSES = 10
STEM_CHANNELS = 64
BLOCKS_PER_STAGE = 2
REDUCTION_STAGES = (1, 3)

_AREAS = {"conv1": 1, "conv3": 9, "conv1_relu6": 1, "conv3_relu6": 9}


def build_network(architecture: HiamlArchitecture) -> Graph:
    """Write the network for CIFAR-10."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = builder.relu(builder.conv(builder.x, STEM_CHANNELS, 3, stride=2))
    for stage, block in enumerate(architecture.blocks):
        for index in range(BLOCKS_PER_STAGE):
            reduces = stage in REDUCTION_STAGES and index == 0
            value = builder.call(_block, value, name=block, stride=2 if reduces else 1)
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


def _block(body: Body, x: Value, name: str, stride: int) -> Value:
    """Write a block; one that has stride 2 doubles the channels."""
    spec = BLOCKS[name]
    results = {"x": x}

    def total(names: tuple[str, ...]) -> Value:
        summands = [_shortcut(body, x, stride) if n == "shortcut" else results[n] for n in names]
        return body.add(*summands)

    for step in spec.steps:
        value = total(step.inputs)
        own_stride = stride if step.reduces else 1
        results[step.result] = _operation(body, value, step.op, own_stride)
    return body.relu(total(spec.outputs))


def _shortcut(body: Body, x: Value, stride: int) -> Value:
    """Write the input of a block as a summand."""
    return x if stride == 1 else body.conv(x, x.channels * stride, stride=stride)


def _operation(body: Body, x: Value, op: str, stride: int) -> Value:
    """Write one step."""
    channels = x.channels * stride
    if op == "inception_s":
        return inception_s(body, x, channels, 3, strides=(stride, 1))
    kernel = int(op[4])
    if op.endswith("relu6"):
        return conv_relu6(body, x, channels, kernel, stride=stride)
    return body.conv(x, channels, kernel, stride=stride)


def count_network(architecture: HiamlArchitecture) -> Counts:
    """Count a network as PyTorch does, see `search_spaces.gennape.tally`."""
    tally = Tally()
    size, channels = IMAGE_SIZE // 2, STEM_CHANNELS
    tally.conv(3, channels, 9, size)
    for stage, block in enumerate(architecture.blocks):
        for index in range(BLOCKS_PER_STAGE):
            stride = 2 if stage in REDUCTION_STAGES and index == 0 else 1
            _count_block(tally, block, channels, size, stride)
            channels, size = channels * stride, size // stride
    tally.linear(channels, N_CLASSES)
    return tally.counts()


def _count_block(tally: Tally, name: str, c_in: int, size: int, stride: int) -> None:
    """Count a block on images of `size` pixels."""
    spec = BLOCKS[name]
    c_out, result = c_in * stride, size // stride
    shapes = {"x": (c_in, size), "shortcut": (c_out, result)}
    n_shortcuts = spec.outputs.count("shortcut")
    for step in spec.steps:
        n_shortcuts += step.inputs.count("shortcut")
        channels, _ = shape = shapes[step.inputs[0]]
        shapes[step.result] = own, height = (c_out, result) if step.reduces else shape
        if step.op == "inception_s":
            tally.conv(channels, own, 3, height)
            tally.conv(own, own, 3, height)
        else:
            tally.conv(channels, own, _AREAS[step.op], height)
    if stride != 1:
        for _ in range(n_shortcuts):
            tally.conv(c_in, c_out, 1, result)
