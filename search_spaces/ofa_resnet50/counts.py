"""Parameters and mult-adds of OFA-ResNet50 by the authors' convention.

Parameters of the PyTorch model: convolutions without bias, two vectors for every BatchNorm, a
classifier with bias. Mult-adds: products of convolutions and the classifier, nothing else.

The settings of the eight published sub-networks (``resnet50D_MAC@4.1B_top1@79.8`` and so on) are
no longer to be had. So these counts are proven against the authors' PyTorch model, counted there at
six points with the largest and the smallest network among them; on the point of the space that is
ResNet-50-D itself, whose 25,576,264 parameters, 4.35 billion operations and 11.9 million
activations are published with timm's ``resnet50d``; and against the graph.

Source:
    ``ResNet50LatencyTable.count_flops_given_config`` of
    https://github.com/mit-han-lab/once-for-all.
"""

from functools import lru_cache

from search_spaces.counts import Counts
from search_spaces.ofa_resnet50.architecture import (
    HIDDEN_STEM_CHANNELS,
    N_CLASSES,
    STEM_CHANNELS,
    Block,
    ResNetArchitecture,
    active_blocks,
)

__all__ = ["block_counts", "published_counts"]

Part = tuple[int, int, int]
"""Parameters, mult-adds, elements of the results of convolutions."""


def published_counts(architecture: ResNetArchitecture) -> Counts:
    """Count an architecture."""
    size = _halve(architecture.resolution)
    hidden = HIDDEN_STEM_CHANNELS[architecture.widths[0]]
    channels = STEM_CHANNELS[architecture.widths[1]]
    parts = [_conv(3, hidden, 3, size), _conv(hidden, channels, 3, size)]
    if architecture.depths[0]:
        parts.append(_conv(hidden, hidden, 3, size))
    size = _halve(size)
    for block in active_blocks(architecture):
        parts.append(block_counts(block, size))
        channels = block.c_out
        if block.stride == 2:
            size = _halve(size)
    parts.append(((channels + 1) * N_CLASSES, channels * N_CLASSES, N_CLASSES))
    return Counts(*_sum(parts))


@lru_cache(maxsize=65_536)
def block_counts(block: Block, size: int) -> Part:
    """Count one bottleneck block.

    Args:
        block: Channels and stride.
        size: Height and width of its input.

    Returns:
        Parameters, mult-adds and elements of the results of convolutions.
    """
    result = size if block.stride == 1 else _halve(size)
    parts = [
        _conv(block.c_in, block.hidden, 1, size),
        _conv(block.hidden, block.hidden, 3, result),
        _conv(block.hidden, block.c_out, 1, result),
    ]
    if block.has_projection:
        parts.append(_conv(block.c_in, block.c_out, 1, result))
    return _sum(parts)


def _halve(size: int) -> int:
    """Return the size behind a stride of 2."""
    return (size + 1) // 2


def _conv(c_in: int, c_out: int, kernel: int, size: int) -> Part:
    """Count a convolution and its BatchNorm; `size` is that of the result."""
    weights = c_in * c_out * kernel * kernel
    return weights + 2 * c_out, weights * size * size, c_out * size * size


def _sum(parts: list[Part]) -> Part:
    """Add parts."""
    return sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)
