"""Label normalisation of the heads that predict a plain number: raw, normalised or log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import LabelError

LABEL_SCALES = ("raw", "normalised", "log")

_FARTHEST = 20.0


@dataclass(frozen=True)
class LabelScale:
    """From a metric's unit to what a head learns, and back.

    Attributes:
        kind: ``"raw"``: the label itself; ``"normalised"``: mean 0 and deviation 1 on the training
            rows; ``"log"``: its natural logarithm, normalised.
        mean: Of the training labels (their logarithms), 0 for raw.
        deviation: Of the same, above 0; for raw, what counts as a typical difference.
    """

    kind: str
    mean: float
    deviation: float

    @classmethod
    def fit(cls, values: NDArray[np.float64], kind: str) -> LabelScale:
        """Fit on training labels.

        Args:
            values: Shape ``(n,)``, finite, n at least 1.
            kind: One of ``LABEL_SCALES``.

        Raises:
            LabelError: If a label has no logarithm and needs one.
        """
        if kind == "log":
            if values.min() <= 0.0:
                raise LabelError(
                    f"A label must be above 0 for `label_scale` 'log', but got {values.min()}. "
                    "Use 'normalised'."
                )
            values = np.log(values)
        deviation = float(values.std())
        if deviation <= 1e-9 * max(1.0, abs(float(values.mean()))):
            deviation = 1.0
        return cls(kind, 0.0 if kind == "raw" else float(values.mean()), deviation)

    @property
    def typical(self) -> float:
        """The deviation of training labels on the learned scale."""
        return self.deviation if self.kind == "raw" else 1.0

    def to_target(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map labels, any shape, to what a head learns; NaN stays NaN."""
        if self.kind == "raw":
            return values
        if self.kind == "log":
            values = np.log(values)
        return (values - self.mean) / self.deviation

    def to_raw(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map predictions back to the metric's unit, any shape.

        A predicted logarithm farther than 20 deviations from all labels is taken as 20, so that a
        network that runs off predicts something absurd and not infinity.
        """
        if self.kind == "raw":
            return targets
        if self.kind == "log":
            targets = np.clip(targets, -_FARTHEST, _FARTHEST)
            return np.asarray(np.exp(self.mean + self.deviation * targets))
        return self.mean + self.deviation * targets
