"""The operations on the edges of a cell, by their published names.

Every convolution is followed by a BatchNorm; where two convolutions have none between them
(depthwise and pointwise, 1 x n and n x 1) only the second one is.

- ``conv_KxK``: ReLU, K x K convolution.
- ``conv_Kx1_1xK``: ReLU, 1 x K convolution, K x 1 convolution.
- ``sep_conv_KxK``: twice ReLU, depthwise K x K, pointwise; the first one has the stride.
- ``dil_conv_KxK``: ReLU, depthwise K x K of dilation 2, pointwise.
- ``dil_sep_conv_KxK``: ``dil_conv_KxK`` twice, the first one has the stride.
- ``skip_connect``: the identity; at stride 2, ReLU and two pointwise convolutions of stride 2 on
  the image and on the image shifted by one pixel, half of the channels each.
- ``none``: zeros.

Source:
    ``pycls/models/nas/operations.py`` of https://github.com/facebookresearch/unnas, from
    ``cnn/operations.py`` of https://github.com/quark0/darts.
"""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["OPERATIONS", "Kind", "Operation"]


class Kind(StrEnum):
    """What an operation is made of."""

    NONE = "none"
    SKIP = "skip"
    AVG_POOL = "avg_pool"
    MAX_POOL = "max_pool"
    CONV = "conv"
    FACTORED = "factored"
    SEPARABLE = "separable"
    SEPARABLE_TWICE = "separable_twice"


class Operation(NamedTuple):
    """An operation: kind, window size and dilation."""

    kind: Kind
    kernel: int = 1
    dilation: int = 1

    @property
    def has_weights(self) -> bool:
        """Whether two edges with this operation on one value differ."""
        return self.kind not in {Kind.NONE, Kind.SKIP, Kind.AVG_POOL, Kind.MAX_POOL}


OPERATIONS: dict[str, Operation] = {
    "none": Operation(Kind.NONE),
    "skip_connect": Operation(Kind.SKIP),
    "avg_pool_3x3": Operation(Kind.AVG_POOL, 3),
    "max_pool_3x3": Operation(Kind.MAX_POOL, 3),
    "max_pool_5x5": Operation(Kind.MAX_POOL, 5),
    "max_pool_7x7": Operation(Kind.MAX_POOL, 7),
    "conv_1x1": Operation(Kind.CONV, 1),
    "conv_3x3": Operation(Kind.CONV, 3),
    "conv_3x1_1x3": Operation(Kind.FACTORED, 3),
    "conv_7x1_1x7": Operation(Kind.FACTORED, 7),
    "sep_conv_3x3": Operation(Kind.SEPARABLE_TWICE, 3),
    "sep_conv_5x5": Operation(Kind.SEPARABLE_TWICE, 5),
    "sep_conv_7x7": Operation(Kind.SEPARABLE_TWICE, 7),
    "dil_conv_3x3": Operation(Kind.SEPARABLE, 3, 2),
    "dil_conv_5x5": Operation(Kind.SEPARABLE, 5, 2),
    "dil_sep_conv_3x3": Operation(Kind.SEPARABLE_TWICE, 3, 2),
}
"""Every operation of the five cell spaces."""
