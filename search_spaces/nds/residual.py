"""Residual networks of three stages, and the network of an NDS file that says one.

The file lists depths ``ds``, widths ``ws``, strides ``ss``, and, for bottlenecks, the ratio of the
inner width ``bot_muls`` and the number of groups ``num_gs``; the first entry of each list is the
stem (one convolution, ratio 0, one group), the other three are the stages.

Source:
    arXiv:1905.13214; ``pycls/models/anynet.py`` of https://github.com/facebookresearch/unnas; an
    example is in the documentation of https://github.com/microsoft/nni.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.errors import InvalidArchitectureError

__all__ = ["STEM_WIDTH", "STRIDES", "ResidualNetwork", "Stage", "read_net", "write_net"]

STEM_WIDTH = 16
STRIDES = (1, 2, 2)
"""Stride of the first block of each stage."""
_MAX_DEPTH = 1_000
_MAX_WIDTH = 8_192
_BASIC, _BOTTLENECK = "res_basic_block", "res_bottleneck_block"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: blocks with the same output shape.

    Attributes:
        depth: Number of blocks.
        width: Channels of the output of a block.
        ratio: Width over the inner width of a bottleneck; 0 for basic blocks.
        groups: Groups of the 3x3 convolution of a bottleneck; 1 for basic blocks.
    """

    depth: int
    width: int
    ratio: int = 0
    groups: int = 1

    def __post_init__(self) -> None:
        for what, value, last in (
            ("Depth", self.depth, _MAX_DEPTH),
            ("Width", self.width, _MAX_WIDTH),
        ):
            if not 1 <= value <= last:
                raise InvalidArchitectureError(
                    f"{what} of a stage must be in 1..{last}, but got {value!r}."
                )
        if self.ratio < 0 or (self.ratio == 0 and self.groups != 1):
            raise InvalidArchitectureError(
                "Basic blocks must have ratio 0 and one group, and bottlenecks a positive ratio, "
                f"but got ratio {self.ratio!r} and {self.groups!r} groups."
            )
        if self.ratio and (
            self.width % self.ratio or self.groups < 1 or self.inner_width % self.groups
        ):
            raise InvalidArchitectureError(
                f"Width of a bottleneck must be a multiple of ratio times groups, but got width "
                f"{self.width!r}, ratio {self.ratio!r} and {self.groups!r} groups."
            )

    @property
    def inner_width(self) -> int:
        """Channels inside a block."""
        return self.width // self.ratio if self.ratio else self.width


@dataclass(frozen=True, slots=True)
class ResidualNetwork:
    """One architecture: three stages, all of basic blocks or all of bottlenecks."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if len(self.stages) != len(STRIDES):
            raise InvalidArchitectureError(
                f"Network must have {len(STRIDES)} stages, but has {len(self.stages)}."
            )
        if len({stage.ratio > 0 for stage in self.stages}) > 1:
            raise InvalidArchitectureError(
                "Stages must have one kind of block, but some are basic and some bottlenecks."
            )

    @property
    def is_bottleneck(self) -> bool:
        """Whether the blocks are bottlenecks."""
        return self.stages[0].ratio > 0


def read_net(net: Mapping[str, Any]) -> ResidualNetwork:
    """Read the ``net`` of a row of an NDS file.

    Raises:
        InvalidArchitectureError: If a key is missing, a value is not of the published form, or the
            blocks are not residual.
    """
    try:
        block = net["block_type"]
        depths, widths, strides = (_integers(net[key]) for key in ("ds", "ws", "ss"))
        is_basic = str(block).startswith("res_basic")
        if not is_basic and not str(block).startswith("res_bottleneck"):
            raise InvalidArchitectureError(
                "Blocks must be 'res_basic_block' or 'res_bottleneck_block', "
                f"but got {str(block)[:80]!r}."
            )
        ratios = [0] * len(depths) if is_basic else [_ratio(mul) for mul in net["bot_muls"]]
        groups = [1] * len(depths) if is_basic else _integers(net["num_gs"])
        stages = tuple(map(Stage, depths[1:], widths[1:], ratios[1:], groups[1:]))
        lengths = {len(values) for values in (depths, widths, strides, ratios, groups)}
        head = (depths[0], widths[0], ratios[0], groups[0])
    except (TypeError, ValueError, KeyError, IndexError, ArithmeticError) as error:
        if isinstance(error, InvalidArchitectureError):
            raise
        raise InvalidArchitectureError(
            "Network must be an object with 'block_type', 'ds', 'ws', 'ss' and, for bottlenecks, "
            f"'bot_muls' and 'num_gs', but got {str(net)[:200]!r}."
        ) from error
    if lengths != {len(STRIDES) + 1} or strides != [1, *STRIDES] or head != (1, STEM_WIDTH, 0, 1):
        raise InvalidArchitectureError(
            f"Network must have a stem of width {STEM_WIDTH} and three stages with strides "
            f"{list(STRIDES)!r}, but got {str(net)[:200]!r}."
        )
    return ResidualNetwork(stages)


def write_net(network: ResidualNetwork) -> dict[str, Any]:
    """Return the ``net`` of an NDS file."""
    stages = network.stages
    net: dict[str, Any] = {
        "block_type": _BOTTLENECK if network.is_bottleneck else _BASIC,
        "ds": [1, *[stage.depth for stage in stages]],
        "ws": [STEM_WIDTH, *[stage.width for stage in stages]],
        "ss": [1, *STRIDES],
        "bot_muls": [],
        "num_gs": [],
    }
    if network.is_bottleneck:
        net["bot_muls"] = [0.0, *[1 / stage.ratio for stage in stages]]
        net["num_gs"] = [1, *[stage.groups for stage in stages]]
    return net


def _integers(values: Any) -> list[int]:
    """Return a list of whole numbers."""
    if not isinstance(values, list) or any(
        not isinstance(value, int) or isinstance(value, bool) for value in values
    ):
        raise TypeError(values)
    return values


def _ratio(multiplier: Any) -> int:
    """Return width over inner width of a multiplier such as 0.25; 0 stays 0."""
    if not isinstance(multiplier, int | float) or isinstance(multiplier, bool):
        raise TypeError(multiplier)
    if not multiplier:
        return 0
    ratio = round(1 / multiplier)
    if abs(ratio * multiplier - 1) > 1e-6:
        raise ValueError(multiplier)
    return ratio
