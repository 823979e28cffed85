"""The ranking head: the line from score to label, and that it learns an order."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from surrogates.rlm.heads.pairwise import fitted_line
from surrogates.rlm.regressor import RlmRegressor

METRIC = "accuracy_percent/cifar10"


def test_the_line_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=50)
    targets = 3.0 + 0.5 * scores + 0.1 * rng.normal(size=50)
    slope, offset = np.polyfit(scores, targets, 1)
    assert fitted_line(scores, targets) == pytest.approx((offset, slope))


@pytest.mark.parametrize("scores", [np.array([2.0, 1.0]), np.array([4.0, 4.0]), np.array([4.0])])
def test_a_line_never_falls(scores: np.ndarray) -> None:
    targets = np.arange(1.0, len(scores) + 1)
    assert fitted_line(scores, targets) == (pytest.approx(targets.mean()), 0.0)


def test_it_learns_the_order_and_the_line_gives_it_a_unit(small_texts: list[str]) -> None:
    truth = np.array([80.0 + n + 3.0 * kernel for n in range(1, 5) for kernel in (1, 3, 5)])
    labels = [{METRIC: float(value)} for value in truth]
    quick = {"width": 16, "n_layers": 1, "n_steps": 120, "batch_size": 12, "n_members": 1}
    fitted = RlmRegressor(**quick, head="pairwise").fit(small_texts, labels)
    means = fitted.predict(small_texts)[METRIC].mean
    assert kendalltau(means, truth).statistic > 0.9
    assert means.mean() == pytest.approx(truth.mean(), abs=0.1)
    assert means.std() > 0.5 * truth.std()


def test_held_out_rows_give_the_deviation(small_texts: list[str]) -> None:
    texts = small_texts * 6  # enough rows to hold some out
    truth = np.array([80.0 + n + 3.0 * kernel for n in range(1, 5) for kernel in (1, 3, 5)] * 6)
    labels = [{METRIC: float(value)} for value in truth]
    quick = {"width": 16, "n_layers": 1, "n_steps": 60, "batch_size": 24, "n_members": 1}
    fitted = RlmRegressor(**quick, head="pairwise").fit(texts, labels)
    ((_, slope, deviation),) = fitted._fitted().members[0].calibration
    assert slope > 0.0
    assert deviation < 0.8  # of the training labels; 1 where nothing is held out
    assert fitted.predict(small_texts)[METRIC].std == pytest.approx(
        np.full(12, deviation * truth.std()), rel=1e-6
    )
