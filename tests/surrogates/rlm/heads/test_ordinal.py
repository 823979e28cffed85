"""The ordinal head: bins, ordered thresholds, exact bin probabilities."""

import numpy as np
import pytest
import torch

from surrogates.rlm.heads.base import Member
from surrogates.rlm.heads.ordinal import N_BINS, OrdinalHead, OrdinalNetwork, binned
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.settings import RlmSettings
from tests.surrogates.rlm.heads.test_scores import Passing

SETTINGS = RlmSettings(width=8, head="ordinal")


def test_bins_are_of_about_equal_size_and_ascend() -> None:
    values = np.random.default_rng(0).exponential(size=24 * 50)
    bins, cuts = binned(values)
    assert (len(bins), len(cuts)) == (N_BINS, N_BINS - 1)
    assert (np.diff(bins) > 0).all()
    sizes = np.bincount(np.searchsorted(cuts, values, "right"))
    assert np.abs(sizes - 50).max() <= 2


@pytest.mark.parametrize(
    ("values", "bins", "cuts"),
    [
        ([5.0], [5.0], []),
        ([5.0, 5.0], [5.0], []),
        ([1.0, 3.0, 3.0], [1.0, 3.0], [2.0]),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], [1.5, 3.0]),
    ],
)
def test_few_labels_have_a_bin_each(
    values: list[float], bins: list[float], cuts: list[float]
) -> None:
    found = binned(np.array(values))
    assert (found[0].tolist(), found[1].tolist()) == (bins, cuts)


def test_thresholds_ascend_whatever_was_learned() -> None:
    torch.manual_seed(0)
    network = OrdinalNetwork(Passing(), 8, [5, 1, 0])
    with torch.no_grad():
        network.gaps[0].normal_(std=5.0)
        network.first.normal_()
    assert [len(network.thresholds(k)) for k in range(3)] == [5, 1, 0]
    assert (network.thresholds(0).diff() > 0).all()


def test_probabilities_are_differences_of_the_logistic_function() -> None:
    torch.manual_seed(0)
    head = OrdinalHead.fit(np.array([[1.0], [2.0], [4.0]]), SETTINGS)
    network, texts = head.new_network(Passing()), torch.randn(2, 1, 8)
    values, probabilities = head.distributions([Member(network, [[]])], texts, [0])[0]
    low, high = network.thresholds(0).detach().numpy()
    scores = network(texts)[:, 0].detach().numpy()
    above_low, above_high = (1.0 / (1.0 + np.exp(cut - scores)) for cut in (low, high))
    expected = np.stack([1.0 - above_low, above_low - above_high, above_high], axis=1)
    assert values.tolist() == [1.0, 2.0, 4.0]
    assert probabilities == pytest.approx(expected, abs=1e-6)


def test_the_loss_is_the_cross_entropy_of_all_comparisons() -> None:
    torch.manual_seed(0)
    raw = np.array([[1.0], [np.nan], [4.0], [2.0]])
    head = OrdinalHead.fit(raw, SETTINGS)
    network, texts = head.new_network(Passing()), torch.randn(4, 1, 8)
    known = [0, 2, 3]
    probabilities = head.distributions([Member(network, [[]])], texts[known], [0])[0].probabilities
    above = 1.0 - probabilities.cumsum(axis=1)[:, :-1]
    is_above = np.array([[False, False], [True, True], [True, False]])
    expected = -np.log(np.where(is_above, above, 1.0 - above)).mean()
    index = np.arange(4)
    found = head.loss(network, texts, head.rows(raw), index, np.random.default_rng(0))
    assert float(found.detach()) == pytest.approx(expected, rel=1e-4)


def test_it_learns_what_a_text_says(small_texts: list[str]) -> None:
    truth = np.array([80.0 + n + kernel for n in range(1, 5) for kernel in (1, 3, 5)])
    labels = [{"a": float(value)} for value in truth]
    quick = {"width": 16, "n_layers": 1, "n_steps": 150, "batch_size": 12, "n_members": 1}
    fitted = RlmRegressor(**quick, head="ordinal").fit(small_texts, labels)
    assert np.corrcoef(fitted.predict(small_texts)["a"].mean, truth)[0, 1] > 0.95
