from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from search_spaces.inception.distinct import count_blocks, distinct_paths, sample_block
from search_spaces.inception.stage import (
    BLOCK_SHAPES,
    CONV_OPS,
    SUPPORT_OPS,
    is_path,
    path_channels,
)


def test_shapes_of_a_block_counted_by_hand() -> None:
    """1 to 3; pairs up to 4 in all; then two each and up to two more, over three or four paths."""
    assert [sum(len(shape) == n for shape in BLOCK_SHAPES) for n in (1, 2, 3, 4)] == [3, 6, 10, 15]


def test_paths_of_two_operations_counted_by_hand() -> None:
    """Only a pool leaves one place to change channels; 16 channels cannot be halved."""
    n_pooled, n_plain = 2 * 8 * 2, 64 + 2 * 8 * 2
    assert len(distinct_paths(32, 2)) == n_pooled + 3 * n_plain
    assert len(distinct_paths(16, 2)) == n_pooled + 2 * n_plain
    assert len(distinct_paths(32, 1)) == 8


@pytest.mark.parametrize("n_ops", [1, 2, 3])
def test_every_chain_of_operations_is_there(n_ops: int) -> None:
    chains = {c for c in product(CONV_OPS + SUPPORT_OPS, repeat=n_ops) if is_path(c)}
    assert {ops for ops, _ in distinct_paths(64, n_ops)} == chains


def test_blocks_of_two_paths_by_brute_force() -> None:
    """All multisets of two paths, against the part of the count that is theirs."""
    lengths = [len(distinct_paths(32, n)) for n in (1, 2, 3)]
    paths = [
        (n, index) for n, size in zip((1, 2, 3), lengths, strict=True) for index in range(size)
    ]
    brute = sum(a[0] + b[0] <= 4 for a, b in combinations_with_replacement(paths, 2))
    one, two, three = lengths
    assert brute == one * (one + 1) // 2 + one * two + one * three + two * (two + 1) // 2
    single = sum(len(distinct_paths(64, n)) for n in (1, 2, 3))
    assert count_blocks(64) > brute + single


def test_shares_of_the_channels() -> None:
    assert path_channels(32, 3, 2) == (16, 16, 16)
    assert path_channels(64, 3, 2) == (16, 16, 32)
    assert path_channels(256, 2, 0) == (128, 128)


def test_draws_are_valid_and_uniform_over_multisets(rng: np.random.Generator) -> None:
    """Nearly all blocks have four paths, and (2, 2, 3, 3) is the commonest of their shapes."""
    shapes = []
    for _ in range(200):
        block = sample_block(128, rng)
        lengths = tuple(len(branch.ops) for branch in block)
        assert lengths in BLOCK_SHAPES
        assert all(
            (branch.ops, branch.inner) in distinct_paths(branch.channels, len(branch.ops))
            for branch in block
        )
        shapes.append(tuple(sorted(lengths)))
    two, three, four = (len(distinct_paths(32, n)) for n in (2, 3, 4))
    balanced = (three * (three + 1) // 2) * (two * (two + 1) // 2)
    lopsided = four * (two * (two + 1) * (two + 2) // 6)
    ratio = balanced / (balanced + lopsided)
    n_four = shapes.count((2, 2, 3, 3)) + shapes.count((2, 2, 2, 4))
    assert n_four > 170
    assert abs(shapes.count((2, 2, 3, 3)) - ratio * n_four) < 5 * (n_four * ratio) ** 0.5
