"""A head that learns an order only: a score a metric, trained on pairs.

A score has no unit. To predict a number, a line from score to label is fitted on the training rows
once the network is trained.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from surrogates.networks.ranking_loss import ranking_loss
from surrogates.rlm.heads.scores import GaussianHead
from surrogates.rlm.losses import TRAINING_RANGE
from surrogates.rlm.settings import RlmSettings


class PairwiseHead(GaussianHead):
    """The ranking loss of the RLM, without digits."""

    name: ClassVar[str] = "pairwise"

    @classmethod
    def scale_kind(cls, settings: RlmSettings) -> str:  # noqa: ARG003 - the order has no scale
        """Return the scale of the line, which is not trained on."""
        return "normalised"

    def metric_loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the logistic loss over all pairs whose labels differ."""
        return ranking_loss(scores, targets, self._settings.ranking_temperature * TRAINING_RANGE)

    def line_and_deviation(
        self,
        held: tuple[NDArray[np.float64], NDArray[np.float64]],
        all_rows: tuple[NDArray[np.float64], NDArray[np.float64]],
        typical: float,
    ) -> tuple[float, float, float]:
        """Return the line of the scores that the network ended with, and the held-out deviation.

        The deviation is that from a line of the held-out rows' own: scores grow while training
        goes on.
        """
        scores, targets = held
        if not len(scores):
            return *fitted_line(*all_rows), typical
        offset, slope = fitted_line(scores, targets)
        deviation = float((targets - offset - slope * scores).std())
        return *fitted_line(*all_rows), deviation


def fitted_line(scores: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, float]:
    """Return offset and slope of the least-squares line, of slope 0 if that were negative.

    Args:
        scores: Shape ``(n,)``, n at least 1.
        targets: Shape ``(n,)``.
    """
    centred = scores - scores.mean()
    variance = float(np.mean(centred**2))
    slope = float(np.mean(centred * targets)) / variance if variance > 1e-12 else 0.0
    slope = max(slope, 0.0)
    return float(targets.mean() - slope * scores.mean()), slope
