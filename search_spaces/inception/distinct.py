"""How many distinct blocks a stage can have, and a uniform draw among them.

Paths of a block are a multiset: their order is no difference, and neither is a change of channels
that comes to nothing. Blocks are grouped by the (channels, number of operations) of their paths;
within a group the paths are drawn independently.
"""

from collections import Counter
from functools import lru_cache
from itertools import product
from math import comb, prod

import numpy as np

from search_spaces.inception.stage import (
    BLOCK_SHAPES,
    CHANGES,
    CONV_OPS,
    SUPPORT_OPS,
    Branch,
    Ops,
    changing_places,
    inner_channels,
    is_path,
    path_channels,
)

__all__ = ["count_blocks", "distinct_paths", "sample_block"]

_Groups = tuple[tuple[tuple[int, int], int], ...]
"""((channels, number of operations), number of such paths), ..."""


@lru_cache(maxsize=8)
def _chains(n_ops: int) -> tuple[Ops, ...]:
    """List the operations that paths of this length may have."""
    chains = product(CONV_OPS + SUPPORT_OPS, repeat=n_ops)
    return tuple([chain for chain in chains if is_path(chain)])


@lru_cache(maxsize=64)
def distinct_paths(channels: int, n_ops: int) -> tuple[tuple[Ops, int], ...]:
    """List the distinct paths of this width and length: operations and inner channels.

    Plain tuples, because there are 150,000 of them: the garbage collector leaves these alone.
    """
    inner = sorted({inner_channels(channels, ("conv3x3",) * 2, change) for change in CHANGES})
    paths = []
    for ops in _chains(n_ops):
        first, last = changing_places(ops)
        paths += [(ops, c) for c in (inner if first != last else (channels,))]
    return tuple(paths)


@lru_cache(maxsize=8)
def _groups(channels: int) -> tuple[tuple[_Groups, ...], tuple[int, ...]]:
    """List the groups of blocks of a stage, and the number of distinct blocks in each."""
    found: dict[_Groups, int] = {}
    for shape in BLOCK_SHAPES:
        for wide in range(len(shape)):
            widths = path_channels(channels, len(shape), wide)
            groups = tuple(sorted(Counter(zip(widths, shape, strict=True)).items()))
            found[groups] = prod(
                comb(len(distinct_paths(*kind)) + times - 1, times) for kind, times in groups
            )
    return tuple(found), tuple(found.values())


def count_blocks(channels: int) -> int:
    """Count the distinct blocks of a stage with these channels."""
    return sum(_groups(channels)[1])


def sample_block(channels: int, rng: np.random.Generator) -> tuple[Branch, ...]:
    """Draw a block, uniform over distinct ones."""
    groups, sizes = _groups(channels)
    weights = np.array(sizes, dtype=float)
    chosen = groups[rng.choice(len(groups), p=weights / weights.sum())]
    branches: list[Branch] = []
    for kind, times in chosen:
        paths = distinct_paths(*kind)
        draws = rng.choice(len(paths) + times - 1, size=times, replace=False)
        chosen_paths = [paths[int(draw) - i] for i, draw in enumerate(np.sort(draws))]
        branches += [Branch(kind[0], ops, inner) for ops, inner in chosen_paths]
    return tuple(branches)
