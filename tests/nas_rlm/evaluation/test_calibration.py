"""Calibration: integrals done numerically, samples, and honest spreads."""

import numpy as np
import pytest
import scipy.stats

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.calibration import (
    crps_discrete,
    interval_coverage,
    spread_error_correlation,
)


def crps_by_integration(values: np.ndarray, masses: np.ndarray, truth: float) -> float:
    """Integrate (F - step)^2 over a fine grid."""
    grid = np.linspace(-10, 10, 200_001)
    below = (masses[None, :] * (values[None, :] <= grid[:, None])).sum(axis=1)
    return float(np.square(below - (grid >= truth)).sum() * (grid[1] - grid[0]))


def test_discrete_crps_is_the_integral(rng: np.random.Generator) -> None:
    values = rng.normal(size=(5, 4))
    masses = rng.dirichlet(np.ones(4), size=5)
    truth = rng.normal(size=5)
    expected = [crps_by_integration(values[i], masses[i], truth[i]) for i in range(5)]
    np.testing.assert_allclose(crps_discrete(values, masses, truth), expected, atol=2e-4)


def test_all_mass_in_one_place_gives_the_absolute_error() -> None:
    np.testing.assert_allclose(crps_discrete([[2.0], [5.0]], [[1.0], [1.0]], [3.0, 1.0]), [1, 4])


def test_repeated_values_are_one_value() -> None:
    twice = crps_discrete([[1.0, 1.0, 2.0]], [[0.2, 0.3, 0.5]], [1.7])
    np.testing.assert_allclose(twice, crps_discrete([[2.0, 1.0]], [[0.5, 0.5]], [1.7]))


def crps_of_normal(mean: float, std: float, n_quantiles: int, truth: np.ndarray) -> np.ndarray:
    """Score many equally likely quantiles of a normal distribution."""
    quantiles = scipy.stats.norm.ppf((np.arange(n_quantiles) + 0.5) / n_quantiles)
    values = np.tile(mean + std * quantiles, (len(truth), 1))
    return crps_discrete(values, np.full_like(values, 1 / n_quantiles), truth)


def test_many_quantiles_score_as_the_normal_distribution() -> None:
    """The closed form is equation 5 of doi:10.1198/016214506000001437."""
    normal = scipy.stats.norm
    for mean, std, truth in ((0.0, 1.0, 0.3), (2.0, 0.5, 1.0), (-1.0, 3.0, 4.0)):
        z = (truth - mean) / std
        expected = std * (z * (2 * normal.cdf(z) - 1) + 2 * normal.pdf(z) - 1 / np.sqrt(np.pi))
        found = crps_of_normal(mean, std, 20_000, np.array([truth]))
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_true_distribution_scores_best(rng: np.random.Generator) -> None:
    truth = rng.normal(0, 2, 20_000)
    scores = [crps_of_normal(0.0, std, 50, truth).mean() for std in (1, 2, 4)]
    assert scores[1] == min(scores)


def test_coverage_counts_the_ends() -> None:
    intervals = [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [2.0, 2.0]]
    assert interval_coverage(intervals, [0.0, 1.0, 1.1, 2.0]) == 0.75


def test_calibrated_intervals_cover_their_level(rng: np.random.Generator) -> None:
    mean = rng.normal(size=20_000)
    truth = mean + rng.normal(size=20_000)
    half = scipy.stats.norm.ppf(0.9)
    assert interval_coverage(np.stack([mean - half, mean + half], 1), truth) == pytest.approx(
        0.8, abs=0.01
    )


def test_an_honest_spread_correlates_with_the_error(rng: np.random.Generator) -> None:
    std = rng.uniform(0.1, 3, 5000)
    truth = rng.normal(0, std)
    assert spread_error_correlation(std, np.zeros(5000), truth) > 0.4
    assert abs(spread_error_correlation(rng.permutation(std), np.zeros(5000), truth)) < 0.05
    assert spread_error_correlation(np.ones(5000), np.zeros(5000), truth) == 0.0


@pytest.mark.parametrize(
    ("values", "masses", "truth", "message"),
    [
        ([[1.0, 2.0]], [[0.5, 0.6]], [1.0], r"sums range from 1\.1"),
        ([[1.0, 2.0]], [[-0.5, 1.5]], [1.0], "at least 0"),
        ([[1.0, np.nan]], [[0.5, 0.5]], [1.0], "must be finite"),
        ([[1.0, 2.0]], [[0.5, np.nan]], [1.0], "must be finite"),
        ([[1.0, 2.0]], [[0.5, 0.5]], [np.inf], "must be finite"),
        ([[1.0, 2.0]], [[1.0]], [1.0], r"one shape \(n, k\)"),
        ([[1.0]], [[1.0]], [1.0, 2.0], "n true values"),
        ([[]], [[]], [1.0], r"one shape \(n, k\)"),
        ([1.0], [1.0], [1.0], r"one shape \(n, k\)"),
    ],
)
def test_what_is_no_distribution_is_refused(
    values: object, masses: object, truth: object, message: str
) -> None:
    with pytest.raises(ArrayError, match=message):
        crps_discrete(values, masses, truth)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([[1.0, 0.0]], r"must not be above its high end, but row 0 is \[1\.0, 0\.0\]"),
        ([[0.0, 1.0, 2.0]], r"must have shape \(n, 2\)"),
        ([[0.0, np.inf]], "must be finite"),
        ([[0.0, 1.0], [0.0, 1.0]], "one shape"),
    ],
)
def test_wrong_intervals_are_refused(intervals: object, message: str) -> None:
    with pytest.raises(ArrayError, match=message):
        interval_coverage(intervals, [0.5])  # type: ignore[arg-type]
