"""Seeding: streams repeat, differ by name and leave global state alone."""

import numpy as np
import pytest
import scipy.stats

from nas_rlm.errors import ConfigError
from nas_rlm.seeding import MAX_SEED, derived_seed, generator


def test_a_stream_repeats() -> None:
    first, second = generator(3, "split"), generator(3, "split")
    np.testing.assert_array_equal(first.random(100), second.random(100))


@pytest.mark.parametrize(
    "other",
    [(4, "split"), (3, "train"), (3, "split", 0), (3, "split", "0"), (3, "spli", "t")],
)
def test_another_seed_or_name_is_another_stream(other: tuple[int, str]) -> None:
    assert not np.array_equal(generator(*other).random(8), generator(3, "split").random(8))


def test_a_number_and_its_spelling_are_different_items() -> None:
    assert derived_seed(0, "a", 1) != derived_seed(0, "a", "1")


def test_streams_are_not_correlated() -> None:
    streams = np.array([generator(0, "item", item).random(2000) for item in range(20)])
    correlations = np.corrcoef(streams)[np.triu_indices(20, 1)]
    assert np.abs(correlations).max() < 0.1


def test_derived_seeds_are_spread_over_their_range() -> None:
    seeds = np.array([derived_seed(0, "item", item) for item in range(2000)])
    assert len(set(seeds.tolist())) == 2000
    assert scipy.stats.kstest(seeds / 2**32, "uniform").pvalue > 1e-3


def test_derived_seed_is_pinned() -> None:
    """A stored run must resume under a later version: these numbers never change."""
    assert derived_seed(0, "surrogate") == 274075178
    assert generator(1, "evolution").integers(0, 2**32) == 598281025


def test_global_state_is_untouched() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr]  # noqa: NPY002
    generator(0, "x").random(3)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 1.0, True, "1"])
def test_a_bad_seed_is_refused(seed: object) -> None:
    with pytest.raises(ConfigError, match="`seed` must be an integer from 0"):
        generator(seed, "x")  # type: ignore[arg-type]


def test_a_stream_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs the name of its component"):
        generator(0)
