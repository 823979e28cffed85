"""The squared-error head: its loss, its deviation, and that it learns."""

import numpy as np
import pytest
import torch

from surrogates.errors import LabelError
from surrogates.rlm.heads.label_scale import LABEL_SCALES
from surrogates.rlm.heads.mse import MseHead
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.settings import RlmSettings
from tests.surrogates.rlm.heads.test_scores import Passing, Vectors

RAW = np.array([[1.0, np.nan], [3.0, 10.0], [np.nan, 20.0], [5.0, 40.0]])
METRIC = "accuracy_percent/cifar10"


@pytest.mark.parametrize("kind", LABEL_SCALES)
def test_the_loss_is_the_mean_square_on_the_chosen_scale(kind: str) -> None:
    torch.manual_seed(0)
    head = MseHead.fit(RAW, RlmSettings(width=8, head="mse", label_scale=kind))
    network, texts, index = head.new_network(Passing()), torch.randn(4, 1, 8), np.arange(4)
    rows = head.rows(RAW)
    scores = network(texts).detach().numpy()
    expected = np.nanmean((scores - rows.targets) ** 2, axis=0).sum()
    found = head.loss(network, texts, rows, index, np.random.default_rng(0))
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5)


def test_the_deviation_is_that_of_held_out_residuals() -> None:
    torch.manual_seed(0)
    head = MseHead.fit(RAW, RlmSettings(width=8, head="mse"))
    network, texts = head.new_network(Passing()), torch.randn(2, 1, 8)
    rows, held = head.rows(RAW), np.array([1, 3])
    residuals = rows.targets[held] - network(texts).detach().numpy()
    expected = [[0.0, 1.0, value] for value in np.sqrt((residuals**2).mean(axis=0))]
    evidence = head.evidence(network, texts, rows, held)
    inputs = Vectors(torch.randn(4, 1, 8))
    first, second = head.calibrate([network, network], [evidence, []], inputs, rows)
    assert first == [pytest.approx(values, rel=1e-5) for values in expected]
    assert second == [[0.0, 1.0, 1.0]] * 2


@pytest.mark.parametrize("kind", ["normalised", "log"])
def test_it_learns_what_a_text_says(kind: str, small_texts: list[str]) -> None:
    truth = np.array([80.0 + n + kernel for n in range(1, 5) for kernel in (1, 3, 5)])
    labels = [{METRIC: float(value)} for value in truth]
    quick = {"width": 16, "n_layers": 1, "n_steps": 120, "batch_size": 12, "n_members": 1}
    fitted = RlmRegressor(**quick, head="mse", label_scale=kind).fit(small_texts, labels)
    error = np.abs(fitted.predict(small_texts)[METRIC].mean - truth)
    assert error.max() < 1.5  # the labels span eight


def test_labels_without_a_logarithm_are_refused(small_texts: list[str]) -> None:
    model = RlmRegressor(head="mse", label_scale="log", n_steps=1)
    with pytest.raises(LabelError, match="above 0"):
        model.fit(small_texts[:2], [{"params": 0.0}, {"params": 1.0}])
