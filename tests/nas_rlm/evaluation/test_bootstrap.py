"""Intervals and tests: how often they are right, and what they refuse."""

import numpy as np
import pytest
import scipy.stats

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.bootstrap import (
    compare_means,
    compare_predictions,
    is_tie_by_spread,
    mean_interval,
    wilcoxon_p_value,
)
from nas_rlm.evaluation.error_metrics import mean_absolute_error
from nas_rlm.evaluation.rank_metrics import kendall_tau


def test_an_interval_holds_the_mean_as_often_as_it_says(rng: np.random.Generator) -> None:
    hits = 0
    for _ in range(300):
        interval = mean_interval(rng.normal(5, 2, 60), rng, level=0.8, n_resamples=300)
        assert interval.low <= interval.value <= interval.high
        hits += interval.low <= 5 <= interval.high
    assert hits / 300 == pytest.approx(0.8, abs=0.07)


def test_the_interval_is_that_of_scipy(rng: np.random.Generator) -> None:
    values = rng.normal(size=40)
    ours = mean_interval(values, rng, n_resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=rng
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_same_generator_gives_the_same_interval() -> None:
    values = [1.0, 2.0, 4.0]
    first, second = (mean_interval(values, np.random.default_rng(0)) for _ in range(2))
    assert first == second


def test_a_clear_difference_is_seen_in_pairs(rng: np.random.Generator) -> None:
    seeds = rng.normal(0, 1, 12)
    comparison = compare_means(seeds + 0.1 + rng.normal(0, 0.02, 12), seeds, rng)
    assert comparison.difference.value == pytest.approx(0.1, abs=0.03)
    assert not comparison.is_tie
    assert comparison.p_value < 0.01
    assert is_tie_by_spread(seeds + 0.1, seeds)


def test_no_difference_is_a_tie(rng: np.random.Generator) -> None:
    seeds = rng.normal(0, 1, 12)
    comparison = compare_means(seeds, seeds, rng)
    assert comparison.is_tie
    assert comparison.p_value == 1.0


def test_wilcoxon_is_that_of_scipy(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=10), rng.normal(size=10)
    assert wilcoxon_p_value(first, second) == scipy.stats.wilcoxon(first, second).pvalue
    assert wilcoxon_p_value([2.0, 3.0, 4.0, 5.0, 6.0], [1.0] * 5) == pytest.approx(0.0625)


def test_equal_pairs_are_left_out() -> None:
    first = np.array([1.0, 2.0, 3.0, 4.0, 0.0, 0.0])
    second = np.array([0.5, 1.0, 1.5, 2.0, 0.0, 0.0])
    assert wilcoxon_p_value(first, second) == wilcoxon_p_value(first[:4], second[:4])


def test_a_better_predictor_is_seen_on_the_same_rows(rng: np.random.Generator) -> None:
    true = rng.normal(size=300)
    good, bad = true + rng.normal(0, 0.3, 300), true + rng.normal(0, 1, 300)
    comparison = compare_predictions(good, bad, true, kendall_tau, rng, n_resamples=200)
    assert comparison.difference.value == kendall_tau(good, true) - kendall_tau(bad, true)
    assert comparison.difference.low > 0.1
    assert comparison.p_value == 1 / 200
    back = compare_predictions(bad, good, true, kendall_tau, rng, n_resamples=200)
    assert back.difference.high < -0.1


def test_equal_predictors_are_tied(rng: np.random.Generator) -> None:
    true = rng.normal(size=50)
    comparison = compare_predictions(true, true, true, kendall_tau, rng, n_resamples=50)
    assert comparison.is_tie
    assert comparison.p_value == 1.0


def test_p_values_are_not_too_small_without_a_difference(rng: np.random.Generator) -> None:
    p_values = []
    for _ in range(60):
        true = rng.normal(size=80)
        first, second = (true + rng.normal(0, 1, 80) for _ in range(2))
        comparison = compare_predictions(
            first, second, true, mean_absolute_error, rng, n_resamples=100
        )
        p_values.append(comparison.p_value)
    assert np.mean(np.array(p_values) <= 0.1) < 0.25


def test_a_tie_by_spread_needs_a_difference_below_the_spread() -> None:
    assert is_tie_by_spread([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    assert not is_tie_by_spread([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"level": 0.0}, {"n_resamples": 0}])
def test_wrong_settings_are_refused(rng: np.random.Generator, settings: dict[str, float]) -> None:
    with pytest.raises(ArrayError, match="`level` must be between 0 and 1"):
        mean_interval([1.0, 2.0], rng, **settings)  # type: ignore[arg-type]


def test_one_value_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ArrayError, match="n of at least 2"):
        mean_interval([1.0], rng)
    with pytest.raises(ArrayError, match="one shape"):
        compare_means([1.0, 2.0], [1.0, 2.0, 3.0], rng)
