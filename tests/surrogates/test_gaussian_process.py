"""Gaussian processes: the posterior of scikit-learn, kernels that fit, columns that come back."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from surrogates.gaussian_process import (
    CountColumns,
    Kernel,
    Posterior,
    choose_kernel,
    distances_between,
)


@pytest.mark.parametrize("linear", [0.0, 0.6])
def test_the_posterior_is_that_of_scikit_learn(rng: np.random.Generator, linear: float) -> None:
    """With the same numbers as logarithms and as counts, scikit-learn has this kernel too."""
    rows, unseen = rng.normal(size=(40, 3)), rng.normal(size=(15, 3))
    labels = np.sin(rows.sum(axis=1))
    kernel = ConstantKernel(1.7) * Matern(0.9, nu=2.5) + WhiteKernel(0.05)
    if linear:
        kernel += ConstantKernel(linear / 3) * DotProduct(1e-6)
    reference = GaussianProcessRegressor(kernel, optimizer=None).fit(rows, labels)
    expected_mean, expected_std = reference.predict(unseen, return_std=True)
    posterior = Posterior.of(Kernel(1.7, 0.9, 0.05, linear), np.hstack([rows, rows]), labels)
    mean, std = posterior.predict(np.hstack([unseen, unseen]))
    assert mean == pytest.approx(expected_mean, abs=1e-8)
    assert std == pytest.approx(expected_std, abs=1e-8)


def test_distances_are_euclidean_and_those_of_equal_rows_near_zero(
    rng: np.random.Generator,
) -> None:
    a, b = 6.0 * rng.normal(size=(40, 300)), 6.0 * rng.normal(size=(30, 300))
    expected = np.linalg.norm(a[:, None] - b[None], axis=2)
    assert distances_between(a, b) == pytest.approx(expected, rel=1e-12)
    same = distances_between(a, a)
    assert np.diag(same) == pytest.approx(np.zeros(40), abs=1e-5)
    assert np.isfinite(same).all()


def test_the_kernel_finds_the_noise(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(150, 4))
    clean = np.sin(2.0 * rows[:, 0])
    assert choose_kernel(rows, clean).noise < 0.01
    noisy = choose_kernel(rows, clean + rng.normal(scale=0.5, size=150))
    assert noisy.noise == pytest.approx(0.25, rel=0.4)


def test_many_rows_that_add_up_are_told_by_the_linear_part(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(120, 8))
    added = rows[:, 4:] @ np.array([1.0, -0.5, 0.3, 0.2])
    kernel = choose_kernel(rows, (added - added.mean()) / added.std())
    assert kernel.linear > 2.0 * np.exp(-3.0)
    beyond = rng.normal(size=(50, 8)) * 3.0
    mean, _ = Posterior.of(kernel, rows, added).predict(beyond)
    assert np.corrcoef(mean, beyond[:, 4:] @ np.array([1.0, -0.5, 0.3, 0.2]))[0, 1] > 0.99


def test_few_rows_leave_the_linear_part_at_its_prior(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(6, 8))
    kernel = choose_kernel(rows, rng.normal(size=6))
    assert kernel.linear == pytest.approx(np.exp(-3.0), rel=0.3)


def test_no_neighbour_is_likelier(rng: np.random.Generator) -> None:
    """Where the optimiser stops, its own gradient being right, every small step is worse."""
    rows = rng.normal(size=(60, 8))
    labels = np.sin(rows[:, 0]) + rows[:, 5] + rng.normal(scale=0.3, size=60)
    labels = (labels - labels.mean()) / labels.std()

    def log_posterior(kernel: Kernel) -> float:
        covariance = kernel.between(rows, rows) + kernel.noise * np.eye(60)
        _, log_determinant = np.linalg.slogdet(covariance)
        fit = labels @ np.linalg.solve(covariance, labels)
        return float(-0.5 * (fit + log_determinant + ((np.log(kernel.linear) + 3.0) / 0.5) ** 2))

    best = choose_kernel(rows, labels)
    numbers = np.array([best.variance, best.length, best.noise, best.linear])
    for place in range(4):
        for factor in (0.9, 1.1):
            moved = numbers.copy()
            moved[place] *= factor
            assert log_posterior(Kernel(*moved)) < log_posterior(best)


def test_equal_labels_have_a_kernel_too(rng: np.random.Generator) -> None:
    kernel = choose_kernel(rng.normal(size=(5, 8)), np.zeros(5))
    assert kernel == Kernel(1.0, 2.0, 1e-4, pytest.approx(np.exp(-3.0)))


def test_columns_are_logarithms_and_counts_of_deviation_1(small_texts: list[str]) -> None:
    columns = CountColumns.fit(small_texts)
    rows = columns.rows(small_texts)
    assert rows.shape == (len(small_texts), len(columns))
    middle = len(columns) // 2
    assert rows.mean(axis=0) == pytest.approx(np.zeros(len(columns)), abs=1e-9)
    assert set(rows.std(axis=0).round(9).tolist()) == {0.0, 1.0}
    assert np.abs(rows[:, :middle] - rows[:, middle:]).max() > 0.1
    assert columns.rows([]).shape == (0, len(columns))


def test_the_state_gives_the_columns_back(small_texts: list[str]) -> None:
    columns = CountColumns.fit(small_texts)
    assert CountColumns.from_state(columns.to_state()) == columns
    with pytest.raises(ValueError, match="differ in number"):
        CountColumns.from_state(columns.to_state() | {"means": [0.0]})
    with pytest.raises(ValueError, match="deviations above 0"):
        CountColumns.from_state(columns.to_state() | {"stds": [0.0] * (len(columns) // 2)})


def test_a_count_that_was_always_the_same_is_measured_by_its_own_size(
    small_texts: list[str],
) -> None:
    columns = CountColumns.fit(small_texts[:1] * 5)
    assert {"params", "macs"} <= set(columns.table.names)
    rows = columns.rows(small_texts)
    assert rows[0] == pytest.approx(np.zeros(len(columns)))
    assert 0.5 < np.abs(rows).max() < 100.0  # times as much, not as many more
