"""Parameters and mult-adds of NAS-Bench-101 as they are published.

Parameters: the trainable variables of the TensorFlow model. Convolutions have no bias, every
BatchNorm has two vectors, the classifier has a bias. The benchmark publishes no mult-adds; here
they are the products of convolutions and the classifier.
"""

from search_spaces.counts import Counts
from search_spaces.nasbench101.cell import Cell
from search_spaces.nasbench101.network import (
    CELLS_PER_STACK,
    IMAGE_SIZE,
    N_CLASSES,
    STACK_CHANNELS,
    Convolution,
    cell_convolutions,
)

__all__ = ["published_counts"]


def published_counts(cell: Cell) -> Counts:
    """Count a cell in its skeleton; vertex order matters, see `search_spaces.nasbench101.network`.

    Returns:
        Parameters as published; mult-adds and activations of convolutions and the classifier.
    """
    features = STACK_CHANNELS[-1]
    size = IMAGE_SIZE
    parts = [((features + 1) * N_CLASSES, features * N_CLASSES, N_CLASSES)]
    parts.append(_count(Convolution(3, STACK_CHANNELS[0], 3), size))
    c_in = STACK_CHANNELS[0]
    for stack, channels in enumerate(STACK_CHANNELS):
        if stack:
            size //= 2
        for _ in range(CELLS_PER_STACK):
            parts += [_count(conv, size) for conv in cell_convolutions(cell, c_in, channels)]
            c_in = channels
    parameters, mult_adds, activations = map(sum, zip(*parts, strict=True))
    return Counts(parameters, mult_adds, activations)


def _count(conv: Convolution, size: int) -> tuple[int, int, int]:
    """Count parameters, mult-adds and results of a convolution and its BatchNorm."""
    weights = conv.c_in * conv.c_out * conv.kernel * conv.kernel
    return weights + 2 * conv.c_out, weights * size * size, conv.c_out * size * size
