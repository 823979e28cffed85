"""A head that regresses one number a metric by squared error."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from surrogates.rlm.encoders.base import Batch
from surrogates.rlm.heads.base import Calibration, HeadNetwork, LabelRows
from surrogates.rlm.heads.scores import GaussianHead
from surrogates.rlm.settings import RlmSettings


class MseHead(GaussianHead):
    """Squared error on labels that are raw, normalised or logarithms (``label_scale``)."""

    name: ClassVar[str] = "mse"

    @classmethod
    def scale_kind(cls, settings: RlmSettings) -> str:
        """Return the setting."""
        return settings.label_scale

    def metric_loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error."""
        return functional.mse_loss(scores, targets)

    def calibrate(
        self, network: HeadNetwork, batch: Batch, rows: LabelRows, held: NDArray[np.int64]
    ) -> Calibration:
        """Measure the deviation of the residuals; see the base class."""
        chosen = self.uncalibrated()
        for metric, scores, targets in self._columns(network, batch, rows.targets[held]):
            chosen[metric][2] = float(np.sqrt(np.mean((targets - scores) ** 2)))
        return chosen
