"""The nine FBNet blocks, the layer table, and the published form of an architecture.

A block is a 1x1 convolution to ``expansion`` times the channels, a depthwise k x k convolution
with the stride of the layer, and a linear 1x1 convolution; ReLU after the first two; the input is
added where shape and stride allow. ``g2`` makes both 1x1 convolutions grouped, with a channel
shuffle after the first. All convolutions have a BatchNorm.

Decision on ``skip``: it hands on its input where stride is 1 and channels stay; elsewhere it is a
1x1 convolution with BatchNorm and ReLU at the stride of the layer. So do both the authors' code
(``Identity`` in ``fbnet_builder.py``) and HW-NAS-Bench, whose latencies are public (``Skip``).
Head: 1,984 channels, as both have it for ImageNet (the paper's table prints 1,504).

Source:
    "FBNet", CVPR 2019, arXiv:1812.03443, tables 1 and 2;
    https://github.com/facebookresearch/mobile-vision (``fbnet_builder.py``,
    ``fbnet_modeldef.py``); HW-NAS-Bench, ICLR 2021, https://github.com/GATECH-EIC/HW-NAS-Bench
    (``fbnet_models.py``), whose operation order is used here.
"""

from dataclasses import dataclass
from typing import NamedTuple

from search_spaces.errors import InvalidArchitectureError

__all__ = [
    "BLOCKS",
    "HEAD_CHANNELS",
    "IMAGE_SIZE",
    "LAYERS",
    "N_CLASSES",
    "OPS",
    "STEM_CHANNELS",
    "BlockSpec",
    "FBNetArchitecture",
    "Layer",
]

OPS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
"""Operations in the order of HW-NAS-Bench."""
IMAGE_SIZE = 224
N_CLASSES = 1000
STEM_CHANNELS = 16
HEAD_CHANNELS = 1984

_STAGES = ((16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""(channels, layers, stride of the first layer) of each stage."""


class BlockSpec(NamedTuple):
    """Kernel size, expansion and groups of a block."""

    kernel: int
    expansion: int
    groups: int


class Layer(NamedTuple):
    """Channels in and out and stride of a searchable layer."""

    c_in: int
    c_out: int
    stride: int


BLOCKS = {
    f"k{kernel}_e{expansion}{'_g2' if groups == 2 else ''}": BlockSpec(kernel, expansion, groups)
    for kernel in (3, 5)
    for expansion, groups in ((1, 1), (1, 2), (3, 1), (6, 1))
}
"""Every operation but ``skip``."""


def _layers() -> tuple[Layer, ...]:
    """Write the stages layer by layer."""
    layers = []
    c_in = STEM_CHANNELS
    for channels, n_layers, stride in _STAGES:
        for index in range(n_layers):
            layers.append(Layer(c_in, channels, 1 if index else stride))
            c_in = channels
    return tuple(layers)


LAYERS = _layers()
"""The 22 searchable layers."""


@dataclass(frozen=True, slots=True)
class FBNetArchitecture:
    """One architecture.

    Attributes:
        ops: 22 operation names, one for each of `LAYERS`.
    """

    ops: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.ops) != len(LAYERS):
            raise InvalidArchitectureError(
                f"FBNet architecture must have {len(LAYERS)} ops, one per layer, but got "
                f"{len(self.ops)}. Write an absent layer as 'skip'."
            )
        for op in self.ops:
            if op not in OPS:
                raise InvalidArchitectureError(
                    f"FBNet op must be one of {', '.join(OPS)}, but got {op!r}."
                )

    @classmethod
    def parse(cls, string: str) -> "FBNetArchitecture":
        """Read 22 operation indices or names, separated by commas, brackets allowed.

        Raises:
            InvalidArchitectureError: If an operation is unknown or the length is wrong.
        """
        parts = [part.strip(" '\"") for part in string.strip(" []()").split(",")]
        ops = [
            OPS[int(part)] if part.isascii() and part.isdigit() and int(part) < len(OPS) else part
            for part in parts
        ]
        return cls(tuple(ops))

    def __str__(self) -> str:
        """Return the operation indices of HW-NAS-Bench, ``0,8,3,...``."""
        return ",".join(str(OPS.index(op)) for op in self.ops)
