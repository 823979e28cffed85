"""The fixed part of a mobile once-for-all network, and the layers that an architecture turns on.

A stem (3x3 convolution, stride 2), a first block without expansion, stages of inverted residual
blocks, a head. A block is a 1x1 convolution to ``expansion`` times the channels, a depthwise
k x k convolution with the stride of the layer, squeeze-and-excitation where the stage has it, and
a linear 1x1 convolution; the input is added where stride is 1 and channels stay. Widths, hidden
channels and a quarter of them (the squeeze) are rounded to multiples of 8.

Source:
    ``ofa_mbv3.py``, ``ofa_proxyless.py``, ``dynamic_layers.py`` (``active_middle_channel``) and
    ``SEModule`` of https://github.com/mit-han-lab/once-for-all.
"""

from functools import lru_cache
from typing import NamedTuple

from search_spaces.channel_rounding import make_divisible
from search_spaces.ofa_mobile.architecture import MAX_DEPTH, MIN_DEPTH, MobileArchitecture

__all__ = ["N_CLASSES", "Head", "Layer", "Skeleton", "Stage", "active_layers"]

N_CLASSES = 1000


class Stage(NamedTuple):
    """A stage of layers with the same width.

    Attributes:
        channels: Width.
        stride: Stride of the first layer.
        activation: "relu", "relu6" or "hard_swish".
        has_se: Whether its layers have squeeze-and-excitation.
        max_depth: Most layers; 1 for a stage whose depth is fixed.
    """

    channels: int
    stride: int
    activation: str
    has_se: bool
    max_depth: int = MAX_DEPTH

    @property
    def depths(self) -> tuple[int, ...]:
        """Numbers of layers that it may have."""
        return tuple(range(min(MIN_DEPTH, self.max_depth), self.max_depth + 1))


class Head(NamedTuple):
    """A 1x1 convolution behind the stages, with activation.

    Attributes:
        channels: Width.
        is_pooled: Whether it stands behind the global pool; it then has neither BatchNorm nor bias.
    """

    channels: int
    is_pooled: bool


class Skeleton(NamedTuple):
    """The fixed part.

    Attributes:
        stem_channels: Width of the stem.
        first_channels: Width of the first block.
        outer_activation: Activation of stem and head.
        first_activation: Activation of the first block.
        stages: The elastic stages, and one of fixed depth where there is one.
        head: Convolutions before the classifier.
    """

    stem_channels: int
    first_channels: int
    outer_activation: str
    first_activation: str
    stages: tuple[Stage, ...]
    head: tuple[Head, ...]

    @property
    def n_layers(self) -> int:
        """Number of layers with a kernel and an expansion, at full depth."""
        return sum(stage.max_depth for stage in self.stages)


class Layer(NamedTuple):
    """A layer that is turned on.

    Attributes:
        c_in: Channels of its input.
        hidden: Channels between its 1x1 convolutions.
        c_out: Channels of its output.
        kernel: Size of the depthwise convolution.
        stride: Its stride.
        activation: As in `Stage`.
        squeeze: Channels of the squeeze; 0 for none.
    """

    c_in: int
    hidden: int
    c_out: int
    kernel: int
    stride: int
    activation: str
    squeeze: int

    @property
    def has_residual(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.c_in == self.c_out


def active_layers(skeleton: Skeleton, architecture: MobileArchitecture) -> list[Layer]:
    """Return the layers of an architecture behind the first block."""
    layers = []
    c_in = skeleton.first_channels
    start = 0
    for stage, depth in zip(skeleton.stages, architecture.depths, strict=True):
        for index in range(start, start + depth):
            stride = stage.stride if index == start else 1
            kernel, expansion = architecture.kernels[index], architecture.expansions[index]
            layers.append(_layer(stage, c_in, stride, kernel, expansion))
            c_in = stage.channels
        start += stage.max_depth
    return layers


@lru_cache(maxsize=1_024)
def _layer(stage: Stage, c_in: int, stride: int, kernel: int, expansion: int) -> Layer:
    """Write one layer."""
    hidden = make_divisible(c_in * expansion)
    squeeze = make_divisible(hidden // 4) if stage.has_se else 0
    return Layer(c_in, hidden, stage.channels, kernel, stride, stage.activation, squeeze)
