"""Paired bootstrap: finds what is there, calls noise a tie, holds its level."""

import numpy as np
import pytest
import scipy.stats

from nas_rlm.comparison.significance import advantage
from nas_rlm.errors import ArrayError


def table(values: np.ndarray) -> dict[int, list[float | None]]:
    return {seed: list(row) for seed, row in enumerate(values.tolist())}


def made(rng: np.random.Generator, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Two methods on 5 seeds and 20 blocks that share what is hard about a seed and a block."""
    shared = 0.8 + 0.05 * rng.normal(size=(5, 1)) + 0.05 * rng.normal(size=(1, 20))
    own = rng.normal(size=(2, 5, 1)) * 0.005 + rng.normal(size=(2, 5, 20)) * 0.01
    return shared + own[0] + gap, shared + own[1]


def test_a_small_paired_gap_is_found(rng: np.random.Generator) -> None:
    first, second = made(rng, 0.02)
    assert first.std() > 0.04  # twice the gap, but nearly the same for both
    found = advantage("kendall_tau", table(first), table(second))
    assert not found.is_tie
    assert found.interval.value == pytest.approx((first - second).mean())
    assert found.interval.low < found.interval.value < found.interval.high
    assert (found.n_seeds, found.n_blocks) == (5, 20)


def test_no_gap_is_seldom_called_one(rng: np.random.Generator) -> None:
    wrong = 0
    for _ in range(100):
        first, second = made(rng, 0.0)
        wrong += not advantage("kendall_tau", table(first), table(second)).is_tie
    assert wrong <= 10  # 5 expected at the level of 95 %, and the method errs towards ties


@pytest.mark.parametrize("n_seeds", [3, 5, 30])
def test_seeds_alone_give_the_paired_t_test(rng: np.random.Generator, n_seeds: int) -> None:
    first, second = rng.normal(0.8, 0.01, size=(2, n_seeds, 1))
    expected = scipy.stats.ttest_rel(first[:, 0], second[:, 0]).confidence_interval(0.95)
    found = advantage("kendall_tau", table(first), table(second)).interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)


def test_five_seeds_of_one_sign_are_not_enough_when_they_spread() -> None:
    first = {seed: [0.5 + gap] for seed, gap in enumerate((0.001, 0.002, 0.001, 0.002, 0.05))}
    second = {seed: [0.5] for seed in range(5)}
    assert advantage("kendall_tau", first, second).is_tie


def test_better_is_what_the_score_says(rng: np.random.Generator) -> None:
    small, large = made(rng, -0.1)
    assert advantage("crps", table(small), table(large)).interval.low > 0
    assert advantage("kendall_tau", table(small), table(large)).interval.high < 0
    # .70 is nearer to .80 than .60 is, and .85 nearer than .70
    level = np.full((4, 3), 0.7) + 0.001 * rng.normal(size=(4, 3))
    assert advantage("coverage_80", table(level), table(level - 0.1)).interval.low > 0
    assert advantage("coverage_80", table(level), table(level + 0.15)).interval.high < 0


def test_blocks_without_a_score_are_left_out_of_both() -> None:
    first = {seed: [0.5, None, 0.7] for seed in range(3)}
    second = {seed: [0.4, 0.0, 0.6] for seed in range(3)}
    found = advantage("kendall_tau", first, second)
    assert found.n_blocks == 2
    assert found.interval.value == pytest.approx(0.1)


def test_seeds_that_one_lacks_are_left_out() -> None:
    first = {0: [0.5], 1: [0.6], 2: [0.7], 3: [0.0]}
    second = {0: [0.4], 1: [0.5], 2: [0.6], 7: [9.0]}
    assert advantage("kendall_tau", first, second).interval.value == pytest.approx(0.1)


def test_too_little_is_refused() -> None:
    with pytest.raises(ArrayError, match="at least 3 common seeds, but got 2"):
        advantage("kendall_tau", {0: [0.1], 1: [0.2]}, {0: [0.1], 1: [0.2]})
    empty = {seed: [None] for seed in range(3)}
    with pytest.raises(ArrayError, match="block of test rows"):
        advantage("kendall_tau", empty, empty)
