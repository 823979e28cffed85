"""Parameters and mult-adds of mobile once-for-all networks by the authors' convention.

Parameters of the PyTorch model: convolutions without bias (those of squeeze-and-excitation have
one), two vectors for every BatchNorm, a classifier with bias. Mult-adds: products of convolutions
(squeeze-and-excitation included) and of the classifier, nothing else. A stride of 2 rounds sizes up.

Source:
    ``ofa/utils/flops_counter.py`` and ``count_parameters`` of
    https://github.com/mit-han-lab/once-for-all. Equal to every row of the public accuracy and
    latency tables of OFA-MobileNetV3 (DyNAS-T, HELP).
"""

from functools import lru_cache

from search_spaces.counts import Counts
from search_spaces.ofa_mobile.architecture import MobileArchitecture
from search_spaces.ofa_mobile.skeleton import N_CLASSES, Layer, Skeleton, active_layers

__all__ = ["layer_counts", "published_counts"]

Part = tuple[int, int, int]
"""Parameters, mult-adds, elements of the results of convolutions."""


def published_counts(skeleton: Skeleton, architecture: MobileArchitecture) -> Counts:
    """Count an architecture."""
    size = _halve(architecture.resolution)
    total = _first_counts(skeleton, size)
    parameters, mult_adds, activations = total
    for layer in active_layers(skeleton, architecture):
        part = layer_counts(layer, size)
        parameters += part[0]
        mult_adds += part[1]
        activations += part[2]
        if layer.stride == 2:
            size = _halve(size)
    last = _head_counts(skeleton, size)
    return Counts(parameters + last[0], mult_adds + last[1], activations + last[2])


@lru_cache(maxsize=65_536)
def layer_counts(layer: Layer, size: int) -> Part:
    """Count one layer.

    Args:
        layer: Channels, kernel, stride, squeeze.
        size: Height and width of its input.

    Returns:
        Parameters, mult-adds and elements of the results of convolutions.
    """
    result = size if layer.stride == 1 else _halve(size)
    squeeze, hidden = layer.squeeze, layer.hidden
    excite = (
        2 * hidden * squeeze + hidden + squeeze,
        2 * hidden * squeeze,
        hidden + squeeze,
    )
    return _sum(
        _conv(layer.c_in * hidden, hidden, size),
        _conv(hidden * layer.kernel**2, hidden, result),
        excite if squeeze else (0, 0, 0),
        _conv(hidden * layer.c_out, layer.c_out, result),
    )


@lru_cache(maxsize=256)
def _first_counts(skeleton: Skeleton, size: int) -> Part:
    """Count stem and first block."""
    stem, first = skeleton.stem_channels, skeleton.first_channels
    return _sum(
        _conv(27 * stem, stem, size), _conv(9 * stem, stem, size), _conv(stem * first, first, size)
    )


@lru_cache(maxsize=256)
def _head_counts(skeleton: Skeleton, size: int) -> Part:
    """Count head and classifier."""
    parts = []
    c_in = skeleton.stages[-1].channels
    for channels, is_pooled in skeleton.head:
        if is_pooled:
            parts.append((c_in * channels, c_in * channels, channels))
        else:
            parts.append(_conv(c_in * channels, channels, size))
        c_in = channels
    return _sum(*parts, ((c_in + 1) * N_CLASSES, c_in * N_CLASSES, N_CLASSES))


def _halve(size: int) -> int:
    """Return the size behind a stride of 2."""
    return (size + 1) // 2


def _conv(weights: int, channels: int, size: int) -> Part:
    """Count a convolution and its BatchNorm; `size` is that of the result."""
    pixels = size * size
    return weights + 2 * channels, weights * pixels, channels * pixels


def _sum(*parts: Part) -> Part:
    """Add parts."""
    return sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)
