"""The operations of Two-Path, and when two chains of them are one network.

A block has one to three operations: at least one of `CONV_OPS`, at most one of `SUPPORT_OPS`. In a
block that reduces, the first convolution has stride 2 and doubles the channels.

``double3x3`` is two ``conv3x3``, so wherever nothing is reduced the two spellings are one network;
`merge_doubles` writes such a run with as many doubles as it can. The first convolution of a block
that reduces stays as it is: a double halves the size in its first half, at the old width.

Source:
    arXiv:2211.17226; ``hiaml_two_path/constants.py``, ``arch_samplers.py``, ``operations.py`` and
    ``blocks.py`` of https://github.com/Ascend-Research/GENNAPE.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

__all__ = [
    "CONV_OPS",
    "MAX_OPS",
    "SUPPORT_OPS",
    "Ops",
    "all_blocks",
    "is_block",
    "merge_doubles",
]

Ops = tuple[str, ...]
"""The operations of a block, in order."""

MAX_OPS = 3
CONV_OPS = (
    "conv3x3",
    "double3x3",
    "conv5x5",
    "bottleneck-r2-k3",
    "bottleneck-r4-k3",
    "bottleneck-e2-k3",
    "inception_s3x3",
    "inception_s5x5",
)
SUPPORT_OPS = ("conv1x1", "bottleneck-r2-k1", "bottleneck-e2-k1", "avgpool3x3", "maxpool3x3")

_LENGTHS = {"conv3x3": 1, "double3x3": 2}


def is_block(ops: Sequence[str]) -> bool:
    """Tell whether known operations make a block."""
    n_support = sum(op in SUPPORT_OPS for op in ops)
    return n_support <= 1 and n_support < len(ops) <= MAX_OPS


def merge_doubles(ops: Ops, *, reduces: bool) -> Ops:
    """Return the one spelling of a block among those that are the same network.

    Args:
        ops: A block.
        reduces: Whether the block has stride 2.

    Example:
        >>> merge_doubles(("conv3x3", "conv3x3", "conv3x3"), reduces=False)
        ('double3x3', 'conv3x3')
        >>> merge_doubles(("conv3x3", "conv3x3", "conv3x3"), reduces=True)
        ('conv3x3', 'double3x3')
    """
    start = 0
    if reduces:
        start = 1 + next(index for index, op in enumerate(ops) if op in CONV_OPS)
    merged = list(ops[:start])
    run = 0
    for op in (*ops[start:], ""):
        if op in _LENGTHS:
            run += _LENGTHS[op]
            continue
        merged += ["double3x3"] * (run // 2) + ["conv3x3"] * (run % 2)
        run = 0
        merged.append(op)
    return tuple(merged[:-1])


@lru_cache(maxsize=2)
def all_blocks(*, reduces: bool) -> tuple[Ops, ...]:
    """Return every block that is its own spelling: the distinct blocks."""
    chains = [
        chain
        for n_ops in range(1, MAX_OPS + 1)
        for chain in product(CONV_OPS + SUPPORT_OPS, repeat=n_ops)
        if is_block(chain)
    ]
    return tuple([chain for chain in chains if merge_doubles(chain, reduces=reduces) == chain])
