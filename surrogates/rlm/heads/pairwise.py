"""A head that learns an order only: a score a metric, trained on pairs.

A score has no unit. To predict a number, a line from score to label is fitted on the training rows
once the network is trained.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.rlm.encoders.base import Batch, PreparedTexts
from surrogates.rlm.heads.base import Calibration, HeadNetwork, LabelRows
from surrogates.rlm.heads.scores import GaussianHead
from surrogates.rlm.losses import ranking_loss
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
        return ranking_loss(scores, targets, self._settings.ranking_temperature)

    def calibrate(
        self, network: HeadNetwork, batch: Batch, rows: LabelRows, held: NDArray[np.int64]
    ) -> Calibration:
        """Fit a line and measure the deviation from it; see the base class."""
        chosen = self.uncalibrated()
        for metric, scores, targets in self._columns(network, batch, rows.targets[held]):
            offset, slope = fitted_line(scores, targets)
            residuals = targets - offset - slope * scores
            chosen[metric] = [offset, slope, float(residuals.std())]
        return chosen

    def finish(
        self,
        network: HeadNetwork,
        inputs: PreparedTexts,
        rows: LabelRows,
        calibration: Calibration,
    ) -> Calibration:
        """Fit the line again, to the scores that the network ended with; see the base class."""
        scores, targets = [], []
        for batch_rows in inputs.batches():
            batch = inputs.collate(batch_rows)
            with torch.inference_mode():
                scores.append(network(batch).double().numpy())
            targets.append(rows.targets[batch_rows])
        every_score, every_target = np.concatenate(scores), np.concatenate(targets)
        finished = []
        for metric, (_, _, deviation) in enumerate(calibration):
            known = ~np.isnan(every_target[:, metric])
            line = fitted_line(every_score[known, metric], every_target[known, metric])
            finished.append([*line, deviation])
        return finished


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
