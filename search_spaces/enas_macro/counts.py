"""Parameters and mult-adds of an ENAS macro architecture.

None are published. Parameters as ENAS counts those of a network, its trainable variables: no
convolution and no classifier bias, two vectors for every BatchNorm, here of what is alive in the
child: reductions that no layer reads do not count. Mult-adds are the products of convolutions and
the classifier; the exported graph gives the same number, counted statement by statement.
"""

from search_spaces.counts import Counts
from search_spaces.enas_macro.architecture import EnasArchitecture
from search_spaces.enas_macro.network import (
    CHANNELS,
    IMAGE_SIZE,
    N_CLASSES,
    live_reductions,
    stage_of_layer,
)

__all__ = ["published_counts"]

_NORM = 2 * CHANNELS
_PLAIN_AREAS = {"conv_3x3": 9, "conv_5x5": 25}
_SEPARABLE_AREAS = {"sep_conv_3x3": 9, "sep_conv_5x5": 25}


def published_counts(architecture: EnasArchitecture) -> Counts:
    """Count an architecture."""
    stem_weights = 3 * CHANNELS * 9
    pixels = IMAGE_SIZE * IMAGE_SIZE
    parts = [
        (stem_weights + _NORM, stem_weights * pixels, CHANNELS * pixels),
        (CHANNELS * N_CLASSES, CHANNELS * N_CLASSES, N_CLASSES),
    ]
    for layer, op in enumerate(architecture.ops):
        parts.append(_operation(op, pixels >> 2 * stage_of_layer(layer)))
        if layer:
            parts.append((_NORM, 0, 0))
    square = CHANNELS * CHANNELS
    for _, stage in live_reductions(architecture):
        smaller = pixels >> 2 * stage
        parts.append((square + _NORM, square * smaller, CHANNELS * smaller))
    parameters, mult_adds, activations = map(sum, zip(*parts, strict=True))
    return Counts(parameters, mult_adds, activations)


def _operation(op: str, pixels: int) -> tuple[int, int, int]:
    """Count parameters, mult-adds and convolution results of one operation."""
    square = CHANNELS * CHANNELS
    weights = [square]
    n_norms = 1
    if op in _PLAIN_AREAS:
        weights.append(square * _PLAIN_AREAS[op])
        n_norms = 2
    elif op in _SEPARABLE_AREAS:
        weights += [CHANNELS * _SEPARABLE_AREAS[op], square]
        n_norms = 2
    total = sum(weights)
    return total + n_norms * _NORM, total * pixels, len(weights) * CHANNELS * pixels
