"""The ranking loss is the logistic loss of every pair of different labels."""

import math

import numpy as np
import pytest
import torch

from surrogates.networks.ranking_loss import ranking_loss


def test_ranking_loss_of_two_is_the_logistic_loss() -> None:
    loss = ranking_loss(torch.tensor([0.5, 0.1]), torch.tensor([2.0, 1.0]), 0.2)
    assert float(loss) == pytest.approx(math.log1p(math.exp(-2.0)))


def test_ranking_loss_equals_a_loop_over_pairs() -> None:
    torch.manual_seed(0)
    predicted, targets = torch.randn(7), torch.randint(0, 4, (7,)).float()
    losses = [
        math.log1p(math.exp(-float(predicted[i] - predicted[j]) / 0.3))
        for i in range(7)
        for j in range(7)
        if targets[i] > targets[j]
    ]
    assert float(ranking_loss(predicted, targets, 0.3)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_ranking_loss_without_pairs_is_zero() -> None:
    assert float(ranking_loss(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0]), 0.3)) == 0.0
    assert float(ranking_loss(torch.tensor([1.0]), torch.tensor([3.0]), 0.3)) == 0.0
