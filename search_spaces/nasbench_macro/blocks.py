"""The three blocks of NAS-Bench-Macro, the layer table, and the published string.

``ir_3x3_t3`` and ``ir_5x5_t6`` are inverted residual blocks: a 1x1 convolution to 3 or 6 times the
channels, a depthwise convolution with the stride of the layer, a linear 1x1 convolution; ReLU after
the first two; the input is added where stride is 1 and channels stay. ``id`` hands on its input
there, and is a 1x1 convolution at the stride of the layer, without ReLU, in the first layer of a
stage. Every convolution has a BatchNorm.

Source:
    "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021, arXiv:2103.11922;
    https://github.com/xiusu/NAS-Bench-Macro (``train/model.py``).
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
    "Layer",
    "MacroArchitecture",
]

OPS = ("id", "ir_3x3_t3", "ir_5x5_t6")
"""Operations in the order of the published digits 0, 1, 2."""
IMAGE_SIZE = 32
N_CLASSES = 10
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280

_LAYERS_PER_STAGE = (2, 3, 3)
"""Each stage starts with stride 2 and twice the channels."""


class BlockSpec(NamedTuple):
    """Kernel size and expansion of a block."""

    kernel: int
    expansion: int


class Layer(NamedTuple):
    """Channels in and out and stride of a layer."""

    c_in: int
    c_out: int
    stride: int

    @property
    def keeps_shape(self) -> bool:
        """Whether the result has the shape of the input, so that it may be added or handed on."""
        return self.c_in == self.c_out and self.stride == 1


BLOCKS = {"ir_3x3_t3": BlockSpec(3, 3), "ir_5x5_t6": BlockSpec(5, 6)}
"""Every operation but ``id``."""


def _layers() -> tuple[Layer, ...]:
    """Write the stages layer by layer."""
    layers = []
    channels = STEM_CHANNELS
    for n_layers in _LAYERS_PER_STAGE:
        layers.append(Layer(channels, 2 * channels, 2))
        channels *= 2
        layers += [Layer(channels, channels, 1)] * (n_layers - 1)
    return tuple(layers)


LAYERS = _layers()
"""The eight layers."""


@dataclass(frozen=True, slots=True)
class MacroArchitecture:
    """One architecture.

    Attributes:
        ops: Eight operation names, one for each of `LAYERS`.
    """

    ops: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.ops) != len(LAYERS):
            raise InvalidArchitectureError(
                f"NAS-Bench-Macro architecture must have {len(LAYERS)} ops, one per layer, but "
                f"got {len(self.ops)}."
            )
        for op in self.ops:
            if op not in OPS:
                raise InvalidArchitectureError(
                    f"NAS-Bench-Macro op must be one of {', '.join(OPS)}, but got {op!r}."
                )

    @classmethod
    def parse(cls, string: str) -> "MacroArchitecture":
        """Read eight digits, one per layer: 0 ``id``, 1 ``ir_3x3_t3``, 2 ``ir_5x5_t6``.

        Raises:
            InvalidArchitectureError: If the string has another form.
        """
        digits = string.strip()
        if len(digits) != len(LAYERS) or not set(digits) <= {"0", "1", "2"}:
            raise InvalidArchitectureError(
                f"NAS-Bench-Macro string must be {len(LAYERS)} digits of 0, 1 and 2, such as "
                f"'02012100', but got {string[:200]!r}."
            )
        return cls(tuple(OPS[int(digit)] for digit in digits))

    def __str__(self) -> str:
        """Return the eight digits."""
        return "".join(str(OPS.index(op)) for op in self.ops)
