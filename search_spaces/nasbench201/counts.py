"""Parameters and mult-adds of NAS-Bench-201 as they are published.

Parameters: those of the PyTorch model. Convolutions have no bias, every BatchNorm has two vectors,
and a dead edge counts as any other. Agrees with all 15,625 rows of the benchmark for CIFAR-10,
CIFAR-100 and ImageNet16-120.

Mult-adds: the convention of the table ``7.943872 + 4.36224 n1x1 + 35.81952 n3x3 + 1.29024 navg``
(millions, CIFAR-10, n = edges of the cell with that operation, dead ones included). It decomposes
exactly into products of convolutions and the classifier, 2 per element of a BatchNorm, 1 per
element of a ReLU, k*k per result of a k x k average pool, and (h + 1)(w + 1) per channel of the
global pool. `search_spaces.count` gives the pure products of what is alive: 7.78304 million for the
empty cell, which with the classifier's 10 bias additions is the 7.78305 of the benchmark's API.
"""

from collections.abc import Sequence

from search_spaces.counts import Counts
from search_spaces.nasbench201.network import CELLS_PER_STAGE, CHANNELS

__all__ = ["published_counts"]

_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
_POOL_AREA = 9


def published_counts(ops: Sequence[str], image_size: int, n_classes: int) -> Counts:
    """Count a cell in its skeleton.

    Args:
        ops: The six operations.
        image_size: Height and width of the image in pixels.
        n_classes: Number of classes.

    Returns:
        Parameters and mult-adds as published; activations by the same bookkeeping (elements of
        the results of convolutions and the classifier).
    """
    stem = CHANNELS[0]
    total = _conv(3, stem, 3, image_size, has_relu=False)
    size = image_size
    for stage, channels in enumerate(CHANNELS):
        if stage:
            size //= 2
            total = _add(total, _reduction(CHANNELS[stage - 1], channels, size))
        for op in ops:
            total = _add(total, _operation(op, channels, size), CELLS_PER_STAGE)
    last = CHANNELS[-1]
    norm_and_relu = (2 * last, 3 * last * size * size, 0)
    global_pool = (0, last * (size + 1) ** 2, 0)
    classifier = ((last + 1) * n_classes, last * n_classes, n_classes)
    for part in (norm_and_relu, global_pool, classifier):
        total = _add(total, part)
    return Counts(*total)


_Part = tuple[int, int, int]
"""Parameters, mult-adds, activations."""


def _add(total: _Part, part: _Part, times: int = 1) -> _Part:
    """Add a part several times."""
    return (
        total[0] + times * part[0],
        total[1] + times * part[1],
        total[2] + times * part[2],
    )


def _conv(
    c_in: int, c_out: int, kernel: int, size: int, *, has_relu: bool = True, stride: int = 1
) -> _Part:
    """Count ReLU, convolution and BatchNorm; `size` is that of the result."""
    weights = c_in * c_out * kernel * kernel
    pixels = size * size
    relu = c_in * pixels * stride * stride if has_relu else 0
    return weights + 2 * c_out, weights * pixels + 2 * c_out * pixels + relu, c_out * pixels


def _operation(op: str, channels: int, size: int) -> _Part:
    """Count one edge of a cell."""
    if op in _KERNELS:
        return _conv(channels, channels, _KERNELS[op], size)
    if op == "avg_pool_3x3":
        return 0, channels * size * size * _POOL_AREA, 0
    return 0, 0, 0


def _reduction(c_in: int, c_out: int, size: int) -> _Part:
    """Count the residual block of stride 2."""
    total = _conv(c_in, c_out, 3, size, stride=2)
    total = _add(total, _conv(c_out, c_out, 3, size))
    pixels = size * size
    shortcut = (c_in * c_out, c_in * c_out * pixels + 4 * c_in * pixels, c_out * pixels)
    return _add(total, shortcut)
