"""A head that sorts into bins: one score a metric, compared with learned, ordered thresholds.

Training labels are cut into bins of about equal size; the probability of lying above a cut is a
logistic function of score minus threshold. A bin stands for the mean of its training labels, and
the distribution over bins is the prediction; there is nothing to calibrate.

Source:
    "Rank consistent ordinal regression for neural networks" (CORAL), arXiv:1901.07884.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from surrogates.rlm.encoders.base import Batch, EncoderNetwork, PreparedTexts
from surrogates.rlm.heads.base import (
    Calibration,
    Evidence,
    Head,
    HeadNetwork,
    LabelRows,
    Member,
    Table,
)
from surrogates.rlm.heads.scores import ScoreNetwork, labelled_columns
from surrogates.rlm.settings import RlmSettings

N_BINS = 24
"""Most bins of a metric; equal labels share one."""


class OrdinalNetwork(ScoreNetwork):
    """A score a metric, and its ordered thresholds."""

    of_labels = ("first", "gaps.")

    def __init__(self, encoder: EncoderNetwork, width: int, n_cuts: Sequence[int]) -> None:
        """Create the layers.

        Args:
            encoder: Its vectors are ``width`` long.
            width: Length of a vector.
            n_cuts: Per metric, one less than its bins.
        """
        super().__init__(encoder, width, len(n_cuts))
        self.first = nn.Parameter(torch.full((len(n_cuts),), -2.0))
        self.gaps = nn.ParameterList(
            nn.Parameter(torch.full((max(n - 1, 0),), np.log(np.expm1(4.0 / max(n - 1, 1)))))
            for n in n_cuts
        )
        self._n_cuts = tuple(n_cuts)

    def thresholds(self, metric: int) -> Tensor:
        """Return the ascending thresholds of a metric, shape ``(cuts,)``."""
        steps = functional.softplus(self.gaps[metric])
        above_first = torch.cat([torch.zeros(1), steps.cumsum(dim=0)])
        return (above_first + self.first[metric])[: self._n_cuts[metric]]


class OrdinalHead(Head):
    """Ordered bins of labels.

    A metric's ``bins`` are its bin values, ascending, and its ``cuts`` the labels between them.
    """

    name: ClassVar[str] = "ordinal"

    def __init__(
        self,
        bins: Sequence[NDArray[np.float64]],
        cuts: Sequence[NDArray[np.float64]],
        settings: RlmSettings,
    ) -> None:
        """Keep fitted bins; use :meth:`fit` or :meth:`from_json`."""
        self._bins = list(bins)
        self._cuts = list(cuts)
        self._settings = settings

    @classmethod
    def fit(cls, raw: NDArray[np.float64], settings: RlmSettings) -> Self:
        """Cut the labels of each metric into bins; see the base class."""
        pairs = [binned(column[~np.isnan(column)]) for column in raw.T]
        return cls([bins for bins, _ in pairs], [cuts for _, cuts in pairs], settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the bins; see the base class."""
        bins, cuts = (
            [np.array(values, dtype=np.float64) for values in state[key]]
            for key in ("bins", "cuts")
        )
        if not bins or [len(values) for values in bins] != [len(values) + 1 for values in cuts]:
            raise ValueError("every metric must have one bin more than it has cuts")
        return cls(bins, cuts, settings)

    def to_json(self) -> dict[str, Any]:
        """Return the bins; see the base class."""
        return {
            "bins": [values.tolist() for values in self._bins],
            "cuts": [values.tolist() for values in self._cuts],
        }

    def rows(self, raw: NDArray[np.float64]) -> LabelRows:
        """Number the bin of each label; see the base class."""
        numbers = [
            np.where(np.isnan(raw[:, k]), np.nan, np.searchsorted(cuts, raw[:, k], "right"))
            for k, cuts in enumerate(self._cuts)
        ]
        return LabelRows(np.column_stack(numbers))

    def new_network(self, encoder: EncoderNetwork) -> OrdinalNetwork:
        """Put scores and thresholds behind an encoder; see the base class."""
        n_cuts = [len(cuts) for cuts in self._cuts]
        return OrdinalNetwork(encoder, self._settings.width, n_cuts)

    def loss(
        self,
        network: HeadNetwork,
        batch: Batch,
        rows: LabelRows,
        index: NDArray[np.int64],
        rng: np.random.Generator,  # noqa: ARG002 - nothing is left to chance
    ) -> Tensor:
        """Sum over metrics of the mean cross-entropy of all comparisons; see the base class."""
        network = cast("OrdinalNetwork", network)
        scores = network(batch)
        total: Tensor = 0.0 * scores.sum()  # a metric of one bin has nothing to learn
        for metric, score, number in labelled_columns(scores, rows.targets[index]):
            thresholds = network.thresholds(metric)
            if len(thresholds):
                is_above = (number[:, None] > torch.arange(len(thresholds))).float()
                total = total + functional.binary_cross_entropy_with_logits(
                    score[:, None] - thresholds, is_above
                )
        return total

    def evidence(
        self,
        network: HeadNetwork,  # noqa: ARG002 - the probabilities are trained as such
        batch: Batch,  # noqa: ARG002
        rows: LabelRows,  # noqa: ARG002
        held: NDArray[np.int64],  # noqa: ARG002
    ) -> Evidence:
        """Return nothing; see the base class."""
        return []

    def calibrate(
        self,
        networks: Sequence[HeadNetwork],
        evidence: Sequence[Evidence],  # noqa: ARG002 - as above
        inputs: PreparedTexts,  # noqa: ARG002
        rows: LabelRows,  # noqa: ARG002
    ) -> list[Calibration]:
        """Return no number for any metric; see the base class."""
        return [[[] for _ in self._bins] for _ in networks]

    def distributions(
        self, members: Sequence[Member], batch: Batch, metrics: Sequence[int]
    ) -> list[Table]:
        """Average the bin probabilities of the members; see the base class."""
        sums: list[Any] = [0.0] * len(metrics)
        with torch.inference_mode():
            for member in members:
                network = cast("OrdinalNetwork", member.network)
                scores = network(batch)
                for place, metric in enumerate(metrics):
                    thresholds = network.thresholds(metric)
                    above = torch.sigmoid((scores[:, metric, None] - thresholds).double())
                    padded = functional.pad(functional.pad(above, (1, 0), value=1.0), (0, 1))
                    share = (padded[:, :-1] - padded[:, 1:]).clamp(min=0.0).numpy()
                    sums[place] = sums[place] + share
        return [
            Table(self._bins[metric], total / total.sum(axis=1, keepdims=True))
            for metric, total in zip(metrics, sums, strict=True)
        ]


def binned(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut labels into bins of about equal size.

    Args:
        values: Shape ``(n,)``, finite, n at least 1.

    Returns:
        The mean label of each bin, shape ``(b,)``, strictly ascending, b at most ``N_BINS``; and
        the cuts between bins, shape ``(b - 1,)``: a label at a cut belongs above it.
    """
    distinct = np.unique(values)
    ranks = np.linspace(0.0, 1.0, N_BINS + 1)[1:-1]
    places = np.searchsorted(distinct, np.quantile(values, ranks), "left")
    places = np.unique(places[places > 0])
    cuts = 0.5 * (distinct[places - 1] + distinct[places])
    number = np.searchsorted(cuts, values, "right")
    return np.array([values[number == k].mean() for k in range(len(cuts) + 1)]), cuts
