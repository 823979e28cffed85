from itertools import product

import pytest

from search_spaces.twopath.operations import (
    CONV_OPS,
    SUPPORT_OPS,
    Ops,
    all_blocks,
    is_block,
    merge_doubles,
)


def spelt_out(ops: Ops) -> tuple[str, ...]:
    """Write doubles as two convolutions: what a block computes where nothing is reduced."""
    return tuple(
        part for op in ops for part in [op.replace("double", "conv")] * (1 + ("do" in op))
    )


def every_block() -> list[Ops]:
    chains = [c for n in (1, 2, 3) for c in product(CONV_OPS + SUPPORT_OPS, repeat=n)]
    return [chain for chain in chains if is_block(chain)]


def test_the_number_of_blocks_counted_by_hand() -> None:
    """n convolutions, or n - 1 and a support operation in one of n places."""
    assert len(every_block()) == 8 + (64 + 2 * 8 * 5) + (512 + 3 * 64 * 5)


def test_distinct_blocks_are_distinct_when_spelt_out() -> None:
    spellings = {spelt_out(ops) for ops in every_block()}
    assert len(all_blocks(reduces=False)) == len(spellings)
    assert {spelt_out(ops) for ops in all_blocks(reduces=False)} == spellings


def test_a_reducing_block_keeps_its_first_convolution() -> None:
    """Behind the first convolution nothing is reduced, so only the rest is spelt out."""

    def spell(ops: Ops) -> tuple[object, ...]:
        first = 1 + min(index for index, op in enumerate(ops) if op in CONV_OPS)
        return ops[:first], spelt_out(ops[first:])

    spellings = {spell(ops) for ops in every_block()}
    assert len(all_blocks(reduces=True)) == len(spellings)


@pytest.mark.parametrize("reduces", [False, True])
def test_merging_is_idempotent_and_gives_a_block(reduces: bool) -> None:
    for ops in every_block():
        merged = merge_doubles(ops, reduces=reduces)
        assert is_block(merged)
        assert merge_doubles(merged, reduces=reduces) == merged


@pytest.mark.parametrize(
    ("ops", "is_valid"),
    [((), False), (("conv1x1",), False), (("conv3x3",), True), (("conv3x3",) * 4, False)],
)
def test_what_a_block_is(ops: Ops, is_valid: bool) -> None:
    assert is_block(ops) == is_valid
    assert not is_block((*ops, "avgpool3x3", "conv1x1"))
