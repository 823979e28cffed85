"""An ENAS macro architecture as a graph: the child network that D-VAE scored.

Stem (3x3 convolution, no ReLU), six layers of 36 channels, global average pool, linear classifier
without bias. An operation starts with a 1x1 convolution; behind it stand a ReLU and a k x k
convolution, plain or depthwise with pointwise, with ReLU, or a 3x3 pool. Every convolution has a
BatchNorm (folded), but only one for a depthwise and pointwise pair. From layer 1 on, the chosen
earlier values are added to the result, and a BatchNorm follows, also where nothing is added. It
stays a statement, since no convolution stands before it.

Behind layers 1 and 3 every value so far, the stem included, is halved in size by a factorized
reduction of its own: two 1x1 convolutions of stride 2 to half the channels, the second one shifted
by a pixel, side by side. Reductions that no later layer reads are dead and not written.

Decision: two networks share these strings. The published accuracies are of the child with shared
weights (``_enas_layer``: sums, 36 channels throughout), which is the one here. The network that is
trained from scratch afterwards (``_fixed_layer``: ReLU before convolutions, skips concatenated
and projected, channels doubled at reductions) has no accuracies in that data and is not written.
An average pool of size 1 with stride 2 before a 1x1 convolution is the stride of the convolution.
Whichever operation an architecture names, ``_enas_layer`` runs the last one, since its branches are
functions bound late; here every layer has the operation that is named, and `nas_rlm.data_files` reads
the accuracies as those of what ran.

Source:
    ``src/cifar10/general_child.py`` of https://github.com/melodyguan/enas; ``evaluation.py`` and
    ``eval_child.py`` in ``software/enas/src/cifar10`` of https://github.com/muhanzhang/D-VAE.
"""

from search_spaces.enas_macro.architecture import N_LAYERS, EnasArchitecture
from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value

__all__ = [
    "CHANNELS",
    "IMAGE_SIZE",
    "N_CLASSES",
    "N_STAGES",
    "build_network",
    "live_reductions",
    "stage_of_layer",
    "write_reduction",
]

CHANNELS = 36
IMAGE_SIZE = 32
N_CLASSES = 10
N_STAGES = 3

_LAYERS_PER_STAGE = N_LAYERS // N_STAGES
_TO_THE_END = (1 << 63) - 1
"""End of a slice that has no end."""


def stage_of_layer(layer: int) -> int:
    """Return how often the image is halved before a layer."""
    return layer // _LAYERS_PER_STAGE


def live_reductions(architecture: EnasArchitecture) -> set[tuple[int, int]]:
    """Return (value, stage) of the reductions that are read: value 0 is the stem, j layer j - 1.

    The reduction gives the value at this stage from the value at the stage before.
    """
    found = set()
    for layer, bits in enumerate(architecture.skips):
        values = [layer, *[value for value, bit in enumerate(bits) if bit]]
        for value in values:
            first = _stage_of_value(value)
            found |= {(value, stage) for stage in range(first + 1, stage_of_layer(layer) + 1)}
    return found


def build_network(architecture: EnasArchitecture) -> Graph:
    """Write the network for CIFAR-10."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    at = {(0, 0): builder.conv(builder.x, CHANNELS, 3)}
    reductions = live_reductions(architecture)
    for layer, (op, bits) in enumerate(zip(architecture.ops, architecture.skips, strict=True)):
        stage = stage_of_layer(layer)
        for value in range(layer + 1):
            if (value, stage) in reductions and (value, stage) not in at:
                at[value, stage] = builder.call(write_reduction, at[value, stage - 1])
        result: Value = builder.call(_BRANCHES[op], at[layer, stage])
        if layer:
            skips = [at[value, stage] for value, bit in enumerate(bits) if bit]
            result = builder.batch_norm(builder.add(*skips, result))
        at[layer + 1, stage] = result
    features = builder.flatten(builder.global_avg_pool(at[N_LAYERS, N_STAGES - 1]))
    return builder.build(builder.gemm(features, N_CLASSES, bias=False))


def _stage_of_value(value: int) -> int:
    """Return the stage in which a value is computed."""
    return stage_of_layer(value - 1) if value else 0


def _conv_3x3(body: Body, x: Value) -> Value:
    """Write operation 0."""
    return _conv(body, _conv(body, x, 1), 3)


def _conv_5x5(body: Body, x: Value) -> Value:
    """Write operation 2."""
    return _conv(body, _conv(body, x, 1), 5)


def _sep_conv_3x3(body: Body, x: Value) -> Value:
    """Write operation 1."""
    return _conv(body, _depthwise(body, _conv(body, x, 1), 3), 1)


def _sep_conv_5x5(body: Body, x: Value) -> Value:
    """Write operation 3."""
    return _conv(body, _depthwise(body, _conv(body, x, 1), 5), 1)


def _avg_pool_3x3(body: Body, x: Value) -> Value:
    """Write operation 4; padding is not averaged."""
    return body.avg_pool(_conv(body, x, 1), 3)


def _max_pool_3x3(body: Body, x: Value) -> Value:
    """Write operation 5."""
    return body.max_pool(_conv(body, x, 1), 3)


_BRANCHES = {
    "conv_3x3": _conv_3x3,
    "sep_conv_3x3": _sep_conv_3x3,
    "conv_5x5": _conv_5x5,
    "sep_conv_5x5": _sep_conv_5x5,
    "avg_pool_3x3": _avg_pool_3x3,
    "max_pool_3x3": _max_pool_3x3,
}


def _conv(body: Body, x: Value, kernel: int) -> Value:
    """Write convolution, BatchNorm (folded) and ReLU."""
    return body.relu(body.conv(x, CHANNELS, kernel))


def _depthwise(body: Body, x: Value, kernel: int) -> Value:
    """Write a depthwise convolution; the BatchNorm of the pair follows the pointwise one."""
    return body.conv(x, CHANNELS, kernel, groups=CHANNELS, bias=False)


def write_reduction(body: Body, x: Value) -> Value:
    """Write a factorized reduction: even pixels to one half of the channels, odd to the other."""
    _, c, h, w = x.shape
    bounds = [
        body.constant_ints(*numbers) for numbers in ((1, 1), (_TO_THE_END, _TO_THE_END), (2, 3))
    ]
    shifted = body.node("Slice", [x, *bounds], (1, c, h - 1, w - 1))
    halves = [body.conv(half, CHANNELS // 2, 1, stride=2, padding=0) for half in (x, shifted)]
    return body.concat(*halves)
