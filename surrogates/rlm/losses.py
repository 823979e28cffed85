"""Losses on the exact distribution over numerals, so that training goes *through the digits*.

Both read the log probabilities of all numerals of a metric, shape ``(n, l)``, and the labels on
the numeral scale, where the training range has length ``HIGH - LOW``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from surrogates.metric_scale import HIGH, LOW

TRAINING_RANGE = HIGH - LOW


def soft_label_loss(
    log_probabilities: Tensor, leaves: Tensor, scaled: Tensor, width: float
) -> Tensor:
    """Cross-entropy against a Gaussian over the numerals around each label.

    Args:
        log_probabilities: Shape ``(n, l)``.
        leaves: Shape ``(l,)``, the number of each numeral.
        scaled: Shape ``(n,)``, labels on the numeral scale.
        width: Standard deviation as a share of the training range.

    Returns:
        Shape ``()``.
    """
    distance = (leaves - scaled[:, None]) / (width * TRAINING_RANGE)
    target = torch.softmax(-0.5 * distance.square(), dim=1)
    return -(target * log_probabilities).sum(dim=1).mean()


def expectation(log_probabilities: Tensor, leaves: Tensor) -> Tensor:
    """Expected number of each distribution, shape ``(n,)``."""
    return log_probabilities.exp() @ leaves
