"""The rules of an Inception stage: its channels, its block of paths, what a path may hold.

A stage repeats one block two to six times; all but the first stage halve the size and double the
channels in the first of them. A block has one to four paths side by side, which share its channels
(three paths: half, a quarter, a quarter), but have at least 16 each. A path has one to four
operations, at least one of `CONV_OPS`, at most one of `SUPPORT_OPS`; a path with two operations
that can change channels may be half or twice as wide inside.

Source:
    arXiv:2211.17226; ``inception/constants.py``, ``arch_sampler.py`` and ``arch_utils.py`` of
    https://github.com/Ascend-Research/GENNAPE.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

__all__ = [
    "BLOCK_SHAPES",
    "CHANGES",
    "CONV_OPS",
    "MAX_PATHS",
    "MAX_PATH_OPS",
    "N_BLOCKS",
    "STAGE_CHANNELS",
    "SUPPORT_OPS",
    "Branch",
    "Ops",
    "Stage",
    "changing_places",
    "inner_channels",
    "is_path",
    "path_channels",
]

Ops = tuple[str, ...]
"""The operations of a path, in order."""

CONV_OPS = (
    "conv3x3",
    "inception_s3x3",
    "inception_p3x3",
    "depthwise3x3",
    "conv5x5",
    "depthwise5x5",
    "inception_s5x5",
    "inception_p5x5",
)
SUPPORT_OPS = ("conv1x1", "avgpool3x3", "maxpool3x3", "double1x1")
CHANGES = ("no_change", "reduce2", "expand2")
"""Channels inside a path against those at its end."""

N_BLOCKS = (2, 3, 4, 5, 6)
STAGE_CHANNELS = ((32, 32), (32, 64), (64, 128), (128, 256))
"""Channels before and in each stage."""
MAX_PATHS = 4
MAX_PATH_OPS = 4
_MIN_CHANNELS = 16
_MAX_BLOCK_OPS = {1: 3, 2: 4, 3: 8, 4: 10}
_MIN_PATH_OPS = {1: 1, 2: 1, 3: 2, 4: 2}


def _block_shapes() -> tuple[tuple[int, ...], ...]:
    """List the numbers of operations that the paths of a block may have."""
    return tuple(
        [
            shape
            for n_paths, most in _MAX_BLOCK_OPS.items()
            for shape in product(range(_MIN_PATH_OPS[n_paths], most + 1), repeat=n_paths)
            if sum(shape) <= most
        ]
    )


BLOCK_SHAPES = _block_shapes()
"""Number of operations of each path; as many paths as numbers."""


class Branch(NamedTuple):
    """A path of a block.

    Attributes:
        channels: Channels of its result.
        ops: Its operations.
        inner: Channels between its first and its last operation that can change them.
    """

    channels: int
    ops: Ops
    inner: int


class Stage(NamedTuple):
    """A stage.

    Attributes:
        n_blocks: How often its block is repeated.
        branches: The paths of the block.
    """

    n_blocks: int
    branches: tuple[Branch, ...]

    def sorted(self) -> "Stage":
        """Order the paths; their order is no difference between networks."""
        ordered = sorted(self.branches, key=lambda branch: (-branch.channels, branch))
        return self._replace(branches=tuple(ordered))


def path_channels(channels: int, n_paths: int, wide: int) -> tuple[int, ...]:
    """Share out the channels of a block.

    Args:
        channels: Channels of the block.
        n_paths: Number of paths.
        wide: Which of three paths has half of them.

    Example:
        >>> path_channels(128, 3, 1), path_channels(32, 4, 0)
        ((32, 64, 32), (16, 16, 16, 16))
    """
    shares = [channels // n_paths] * n_paths
    if n_paths == 3:
        shares = [channels // 4] * n_paths
        shares[wide] = channels // 2
    return tuple([max(share, _MIN_CHANNELS) for share in shares])


def is_path(ops: Sequence[str]) -> bool:
    """Tell whether known operations make a path."""
    n_support = sum(op in SUPPORT_OPS for op in ops)
    return n_support <= 1 and n_support < len(ops) <= MAX_PATH_OPS


def changing_places(ops: Sequence[str]) -> tuple[int, int]:
    """Return the first and the last place of an operation that can change channels: no pool."""
    places = [place for place, op in enumerate(ops) if "pool" not in op]
    return places[0], places[-1]


def inner_channels(channels: int, ops: Ops, change: str) -> int:
    """Return the channels inside a path; a path with one place to change them has no choice."""
    first, last = changing_places(ops)
    if first == last or change == "no_change":
        return channels
    return channels * 2 if change == "expand2" else max(channels // 2, _MIN_CHANNELS)
