"""Parameters and mult-adds of NAS-Bench-Macro as they are published.

Parameters of the PyTorch model: convolutions without bias, two vectors for every BatchNorm, a
classifier with bias. What the benchmark calls ``flops`` are mult-adds: products of convolutions and
the classifier, nothing else. Both agree with all 6,561 rows.

Source:
    ``count_FLOPs`` and ``count_parameters_in_MB`` in ``train/utils.py`` of
    https://github.com/xiusu/NAS-Bench-Macro.
"""

from functools import lru_cache

from search_spaces.counts import Counts
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

__all__ = ["layer_counts", "published_counts"]


def published_counts(architecture: MacroArchitecture) -> Counts:
    """Count an architecture."""
    size = IMAGE_SIZE
    parts = [_conv(3, STEM_CHANNELS, 3, 1, size)]
    for op, layer in zip(architecture.ops, LAYERS, strict=True):
        size //= layer.stride
        parts.append(layer_counts(op, layer, size))
    parts.append(_conv(LAYERS[-1].c_out, HEAD_CHANNELS, 1, 1, size))
    parts.append(((HEAD_CHANNELS + 1) * N_CLASSES, HEAD_CHANNELS * N_CLASSES, N_CLASSES))
    parameters, mult_adds, activations = map(sum, zip(*parts, strict=True))
    return Counts(parameters, mult_adds, activations)


@lru_cache(maxsize=256)
def layer_counts(op: str, layer: Layer, size: int) -> tuple[int, int, int]:
    """Count one layer.

    Args:
        op: Operation.
        layer: Channels and stride.
        size: Height and width of the result.

    Returns:
        Parameters, mult-adds and elements of the results of convolutions.
    """
    if op == "id":
        return (0, 0, 0) if layer.keeps_shape else _conv(layer.c_in, layer.c_out, 1, 1, size)
    kernel, expansion = BLOCKS[op]
    hidden = layer.c_in * expansion
    parts = (
        _conv(layer.c_in, hidden, 1, 1, size * layer.stride),
        _conv(hidden, hidden, kernel, hidden, size),
        _conv(hidden, layer.c_out, 1, 1, size),
    )
    parameters, mult_adds, activations = map(sum, zip(*parts, strict=True))
    return parameters, mult_adds, activations


def _conv(c_in: int, c_out: int, kernel: int, groups: int, size: int) -> tuple[int, int, int]:
    """Count a convolution and its BatchNorm; `size` is that of the result."""
    weights = c_in * c_out * kernel * kernel // groups
    return weights + 2 * c_out, weights * size * size, c_out * size * size
