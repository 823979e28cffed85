"""The fourteen HiAML blocks as tables of steps.

A step takes the sum of its inputs. Steps that reduce have the stride of the block and its output
channels; all others keep size and channels. ``shortcut`` stands for the input of the block, through
a 1x1 convolution of its own (each time it is named) where the block changes size or channels. The
block's output is the ReLU of the sum of its last line.

Source:
    arXiv:2211.17226; ``hiaml_two_path/operations.py`` (classes ``BlockA22`` to ``BlockSrc8``),
    ``constants.py`` and ``networks.py`` of https://github.com/Ascend-Research/GENNAPE.
"""

from dataclasses import dataclass
from typing import NamedTuple

from search_spaces.errors import InvalidArchitectureError

__all__ = ["BLOCKS", "N_STAGES", "BlockSpec", "HiamlArchitecture", "Step"]

N_STAGES = 4


class Step(NamedTuple):
    """One operation of a block.

    Attributes:
        result: Name of the result.
        op: "conv1", "conv3" (BatchNorm only), "conv1_relu6", "conv3_relu6" or "inception_s".
        inputs: Results of earlier steps, "x" (the input of the block) or "shortcut"; summed.
        reduces: Whether it has stride and output channels of the block.
    """

    result: str
    op: str
    inputs: tuple[str, ...]
    reduces: bool = False


class BlockSpec(NamedTuple):
    """A block: its steps, and the summands of its output."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


def _first(op: str, result: str = "a") -> Step:
    """Write the step that reduces the input."""
    return Step(result, op, ("x",), reduces=True)


BLOCKS = {
    "hiaml_z": BlockSpec((_first("conv3_relu6"), Step("b", "inception_s", ("a",))), ("a", "b")),
    "hiaml_a22": BlockSpec(
        (_first("conv3_relu6"), Step("b", "conv1_relu6", ("a",)), Step("c", "conv1", ("b",))),
        ("a", "c"),
    ),
    "hiaml_b23": BlockSpec(
        (_first("inception_s"), Step("b", "inception_s", ("a",))), ("shortcut", "b")
    ),
    "hiaml_j30": BlockSpec(
        (_first("conv3_relu6"), Step("b", "inception_s", ("a",))), ("shortcut", "b")
    ),
    "hiaml_g30": BlockSpec(
        (
            _first("inception_s"),
            Step("b", "inception_s", ("shortcut", "a")),
            Step("c", "conv1", ("b",)),
        ),
        ("a", "c"),
    ),
    "hiaml_r30": BlockSpec(
        (
            _first("inception_s"),
            Step("b", "conv1", ("shortcut", "a")),
            Step("c", "inception_s", ("a",)),
        ),
        ("shortcut", "b", "c"),
    ),
    "hiaml_l20": BlockSpec((_first("conv3_relu6"), Step("b", "conv1", ("a",))), ("b",)),
    "hiaml_t20": BlockSpec((_first("conv1"), _first("inception_s", "b")), ("a", "b")),
    "hiaml_t31": BlockSpec(
        (
            _first("inception_s"),
            Step("b", "conv1_relu6", ("a",)),
            Step("c", "inception_s", ("shortcut", "b")),
        ),
        ("shortcut", "b", "c"),
    ),
    "hiaml_src0": BlockSpec(
        (_first("conv1_relu6"), Step("b", "conv3_relu6", ("a",)), Step("c", "conv3", ("b",))),
        ("a", "c"),
    ),
    "hiaml_src1": BlockSpec(
        (
            _first("conv1_relu6"),
            Step("b", "conv3_relu6", ("x",)),
            Step("c", "conv3", ("b",), reduces=True),
        ),
        ("a", "c"),
    ),
    "hiaml_src3": BlockSpec(
        (
            _first("conv1"),
            Step("b", "conv1_relu6", ("x",)),
            Step("c", "conv3_relu6", ("b",), reduces=True),
            Step("d", "conv1", ("c",)),
        ),
        ("a", "d"),
    ),
    "hiaml_src7": BlockSpec(
        (
            _first("conv1"),
            Step("b", "inception_s", ("a",)),
            Step("c", "inception_s", ("b",)),
        ),
        ("a", "c"),
    ),
    "hiaml_src8": BlockSpec(
        (_first("conv1"), Step("b", "inception_s", ("a",)), Step("c", "conv1", ("b",))),
        ("a", "c"),
    ),
}
"""Blocks by their published names, in the order of the authors' code."""


@dataclass(frozen=True, slots=True)
class HiamlArchitecture:
    """One architecture.

    Attributes:
        blocks: Name of the block of each of four stages.
    """

    blocks: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.blocks) != N_STAGES:
            raise InvalidArchitectureError(
                f"HiAML architecture must have {N_STAGES} blocks, one per stage, but got "
                f"{len(self.blocks)}."
            )
        for block in self.blocks:
            if block not in BLOCKS:
                raise InvalidArchitectureError(
                    f"HiAML block must be one of {', '.join(BLOCKS)}, but got {block[:100]!r}."
                )

    @classmethod
    def parse(cls, string: str) -> "HiamlArchitecture":
        """Read four block names, separated by commas; brackets and quotes are allowed.

        Raises:
            InvalidArchitectureError: If a name is unknown or there are not four.
        """
        names = [name.strip(" '\"") for name in string.strip(" []()").split(",")]
        return cls(tuple(names))

    def __str__(self) -> str:
        """Return the names as the list of the authors' files, ``["hiaml_z", ...]``."""
        return "[" + ", ".join(f'"{block}"' for block in self.blocks) + "]"
