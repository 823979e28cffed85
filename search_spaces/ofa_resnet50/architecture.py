"""A sub-network of OFA-ResNet50: settings, and the layers that they turn on.

The network is a ResNet-50-D: a stem of three 3x3 convolutions, the second one residual, max pool,
four stages of bottleneck blocks, classifier. A stage has 2, 2, 4, 2 blocks and up to two more. The
hidden channels of a block are a ratio of its output; outputs and the two widths of the stem are
0.65, 0.8 or 1 times those of ResNet-50; all rounded to multiples of 8.

Decisions: ``d[0]`` is 2 where the residual convolution of the stem is there and 0 where it is
skipped, the two values that the authors' sampler draws. Resolutions are the eight of the authors'
OFA-ResNet50 tutorial. At the first of its widths the stem has 24 channels for 0.65 as for 0.8
(half of 40 and of 48, rounded), so these two are one network.

Source:
    arXiv:1908.09791; ``elastic_nn/networks/ofa_resnets.py``, ``networks/resnets.py`` and
    ``tutorial/ofa_resnet50_example.ipynb`` of https://github.com/mit-han-lab/once-for-all.
"""

from dataclasses import dataclass
from typing import NamedTuple

from search_spaces.channel_rounding import make_divisible
from search_spaces.errors import InvalidArchitectureError

__all__ = [
    "BASE_DEPTHS",
    "EXPANSIONS",
    "EXTRA_DEPTHS",
    "HIDDEN_STEM_CHANNELS",
    "MAX_DEPTHS",
    "N_BLOCKS",
    "N_CLASSES",
    "RESOLUTIONS",
    "STAGE_CHANNELS",
    "STEM_CHANNELS",
    "STEM_DEPTHS",
    "WIDTHS",
    "Block",
    "ResNetArchitecture",
    "active_blocks",
]

N_CLASSES = 1000
WIDTHS = (0.65, 0.8, 1.0)
EXPANSIONS = (0.2, 0.25, 0.35)
STEM_DEPTHS = (0, 2)
EXTRA_DEPTHS = (0, 1, 2)
RESOLUTIONS = (128, 144, 160, 176, 192, 224, 240, 256)
BASE_DEPTHS = (2, 2, 4, 2)
MAX_DEPTHS = tuple(base + EXTRA_DEPTHS[-1] for base in BASE_DEPTHS)
"""Blocks of a stage with every block turned on."""
N_BLOCKS = sum(MAX_DEPTHS)
STEM_CHANNELS = tuple(make_divisible(64 * width) for width in WIDTHS)
HIDDEN_STEM_CHANNELS = tuple(make_divisible(channels // 2) for channels in STEM_CHANNELS)
STAGE_CHANNELS = tuple(
    tuple(make_divisible(channels * width) for width in WIDTHS)
    for channels in (256, 512, 1024, 2048)
)


@dataclass(frozen=True, slots=True)
class ResNetArchitecture:
    """One architecture.

    Attributes:
        depths: Of the stem (0 or 2), then blocks beyond the least of each stage (0, 1, 2); ``d``.
        expansions: Bottleneck ratio of each of 18 blocks, turned on or not; ``e``.
        widths: Index in `WIDTHS` for the hidden stem, the stem and each stage; ``w``.
        resolution: Height and width of the image in pixels; ``image_size``.
    """

    depths: tuple[int, ...]
    expansions: tuple[float, ...]
    widths: tuple[int, ...]
    resolution: int

    def __post_init__(self) -> None:
        n_stages = len(BASE_DEPTHS)
        for key, values, n_values in (
            ("d", self.depths, n_stages + 1),
            ("e", self.expansions, N_BLOCKS),
            ("w", self.widths, n_stages + 2),
        ):
            if len(values) != n_values:
                raise InvalidArchitectureError(
                    f"ofa_resnet50 must have {n_values} values of {key!r}, but got {len(values)}."
                )
        _check_choice("d", self.depths[:1], STEM_DEPTHS)
        _check_choice("d", self.depths[1:], EXTRA_DEPTHS)
        _check_choice("e", self.expansions, EXPANSIONS)
        _check_choice("w", self.widths, tuple(range(len(WIDTHS))))
        _check_choice("image_size", (self.resolution,), RESOLUTIONS)


class Block(NamedTuple):
    """A bottleneck block that is turned on: channels and stride."""

    c_in: int
    hidden: int
    c_out: int
    stride: int

    @property
    def has_projection(self) -> bool:
        """Whether the shortcut is a convolution."""
        return self.stride != 1 or self.c_in != self.c_out


def active_blocks(architecture: ResNetArchitecture) -> list[Block]:
    """Return the blocks of an architecture."""
    blocks = []
    c_in = STEM_CHANNELS[architecture.widths[1]]
    start = 0
    for stage, (base, n_most) in enumerate(zip(BASE_DEPTHS, MAX_DEPTHS, strict=True)):
        c_out = STAGE_CHANNELS[stage][architecture.widths[stage + 2]]
        for index in range(base + architecture.depths[stage + 1]):
            hidden = make_divisible(round(c_out * architecture.expansions[start + index]))
            blocks.append(Block(c_in, hidden, c_out, 1 if index or not stage else 2))
            c_in = c_out
        start += n_most
    return blocks


def _check_choice(key: str, values: tuple[float, ...], choices: tuple[float, ...]) -> None:
    """Refuse what is not among the choices."""
    for value in values:
        if type(value) is not type(choices[0]) or value not in choices:
            listed = ", ".join(map(str, choices))
            raise InvalidArchitectureError(
                f"Value of {key!r} must be one of {listed}, but got {value!r:.100}."
            )
