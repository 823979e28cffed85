"""The losses against closed forms."""

import math

import pytest
import torch

from surrogates.rlm.losses import TRAINING_RANGE, expectation, soft_label_loss

LEAVES = torch.tensor([1.0, 2.0, 3.0])


def test_narrow_soft_labels_are_the_plain_cross_entropy() -> None:
    logs = torch.log(torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]))
    loss = soft_label_loss(logs, LEAVES, torch.tensor([2.0, 3.0]), width=1e-3)
    assert float(loss) == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2, rel=1e-5)


def test_soft_labels_are_least_at_the_gaussian_itself() -> None:
    width = 1.0 / TRAINING_RANGE  # one unit between neighbouring leaves
    target = torch.softmax(-0.5 * (LEAVES - 1.5).square(), dim=0)[None]
    scaled = torch.tensor([1.5])
    at_target = soft_label_loss(target.log(), LEAVES, scaled, width)
    entropy = -(target * target.log()).sum()
    assert float(at_target) == pytest.approx(float(entropy), rel=1e-5)
    elsewhere = soft_label_loss(torch.full((1, 3), 1 / 3).log(), LEAVES, scaled, width)
    assert float(elsewhere) > float(at_target) + 0.05


def test_expectation_weighs_leaves() -> None:
    logs = torch.log(torch.tensor([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]]))
    assert expectation(logs, LEAVES).tolist() == pytest.approx([2.0, 2.0, 2.6])
