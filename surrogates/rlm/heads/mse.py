"""A head that regresses one number a metric by squared error."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

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

    def line_and_deviation(
        self,
        held: tuple[NDArray[np.float64], NDArray[np.float64]],
        all_rows: tuple[NDArray[np.float64], NDArray[np.float64]],
        typical: float,
    ) -> tuple[float, float, float]:
        """Return scores as they are, with the deviation of held-out residuals or of all labels."""
        del all_rows  # residuals of rows that were trained on say nothing
        scores, targets = held
        if not len(scores):
            return 0.0, 1.0, typical
        return 0.0, 1.0, float(np.sqrt(np.mean((targets - scores) ** 2)))
