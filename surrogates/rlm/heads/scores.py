"""What the heads without digits share: one score a metric from the summary of a text.

They exist for the comparison with the digits: the same encoder, the same rows, another head. The
distribution of a predicted number is a Gaussian around it, discretised into equally likely values;
its deviation is that of the residuals on held-out rows, or, where training rows are too few to hold
any out, that of the training labels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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
from surrogates.rlm.heads.label_scale import LabelScale
from surrogates.rlm.settings import RlmSettings

N_VALUES = 41
"""Equally likely values of a discretised Gaussian; odd, so that the median is its centre."""


class ScoreNetwork(HeadNetwork):
    """An encoder, and two layers from the summary of a text to one score a metric."""

    of_metrics = ("readout.3.weight", "readout.3.bias")

    def __init__(self, encoder: EncoderNetwork, width: int, n_scores: int) -> None:
        """Create the layers with random weights.

        Args:
            encoder: Its vectors are ``width`` long.
            width: Length of a vector.
            n_scores: Metrics m.
        """
        super().__init__()
        self.encoder = encoder
        self.readout = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, n_scores),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return scores, shape ``(n, m)``; 32-bit, also under autocast."""
        encoded = self.encoder(batch)
        with torch.autocast("cpu", enabled=False):
            scores: Tensor = self.readout(encoded.vectors[:, 0].float())
        return scores


def labelled_columns(
    scores: Tensor, targets: NDArray[np.float64]
) -> list[tuple[int, Tensor, Tensor]]:
    """Return, per metric with a label, its number, scores and targets of the labelled rows.

    Args:
        scores: Shape ``(n, m)``.
        targets: Shape ``(n, m)``, NaN where missing.
    """
    found = []
    for metric in range(targets.shape[1]):
        known = ~np.isnan(targets[:, metric])
        if known.any():
            target = torch.from_numpy(targets[known, metric]).float()
            found.append((metric, scores[torch.from_numpy(known), metric], target))
    return found


def labelled_pairs(scores: NDArray[np.float64], targets: NDArray[np.float64]) -> Evidence:
    """Return, per metric, scores and targets of its labelled rows.

    Args:
        scores: Shape ``(n, m)``.
        targets: Shape ``(n, m)``, NaN where missing.
    """
    known = ~np.isnan(targets)
    return [(scores[known[:, k], k], targets[known[:, k], k]) for k in range(targets.shape[1])]


class GaussianHead(Head):
    """A head that predicts one number a metric, with a Gaussian around it.

    The calibration of a metric is offset, slope and deviation: on the learned scale, the label is
    about ``offset + slope * score``, give or take the deviation.
    """

    n_calibration: ClassVar[int] = 3

    def __init__(self, scales: Sequence[LabelScale], settings: RlmSettings) -> None:
        """Keep fitted scales; use :meth:`fit` or :meth:`from_json`."""
        self._scales = list(scales)
        self._settings = settings

    @classmethod
    @abstractmethod
    def scale_kind(cls, settings: RlmSettings) -> str:
        """Return which of ``LABEL_SCALES`` the head learns on."""

    @abstractmethod
    def metric_loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of one metric, shape ``()``; scores and targets have shape ``(n,)``."""

    @classmethod
    def fit(cls, raw: NDArray[np.float64], settings: RlmSettings) -> Self:
        """Learn the scales of the metrics; see the base class."""
        kind = cls.scale_kind(settings)
        columns = (column[~np.isnan(column)] for column in raw.T)
        return cls([LabelScale.fit(column, kind) for column in columns], settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the scales; see the base class."""
        kind = cls.scale_kind(settings)
        scales = [LabelScale(kind, float(mean), float(d)) for mean, d in state["scales"]]
        is_usable = all(np.isfinite(scale.mean) and scale.deviation > 0 for scale in scales)
        if not scales or not is_usable:
            raise ValueError(f"scales must be finite and wide, but are {state['scales']!r}")
        return cls(scales, settings)

    def to_json(self) -> dict[str, Any]:
        """Return the scales; see the base class."""
        return {"scales": [[scale.mean, scale.deviation] for scale in self._scales]}

    def rows(self, raw: NDArray[np.float64]) -> LabelRows:
        """Scale labels; see the base class."""
        columns = [scale.to_target(raw[:, k]) for k, scale in enumerate(self._scales)]
        return LabelRows(np.column_stack(columns))

    def new_network(self, encoder: EncoderNetwork) -> ScoreNetwork:
        """Put a readout behind an encoder; see the base class."""
        return ScoreNetwork(encoder, self._settings.width, len(self._scales))

    def loss(
        self,
        network: HeadNetwork,
        batch: Batch,
        rows: LabelRows,
        index: NDArray[np.int64],
        rng: np.random.Generator,  # noqa: ARG002 - nothing is left to chance
    ) -> Tensor:
        """Sum the losses of the metrics; see the base class."""
        total = torch.zeros(())
        for _, scores, targets in labelled_columns(network(batch), rows.targets[index]):
            total = total + self.metric_loss(scores, targets)
        return total

    @abstractmethod
    def line_and_deviation(
        self,
        held: tuple[NDArray[np.float64], NDArray[np.float64]],
        all_rows: tuple[NDArray[np.float64], NDArray[np.float64]],
        typical: float,
    ) -> tuple[float, float, float]:
        """Return offset, slope and deviation of one metric and member, as the head fits them.

        Args:
            held: Scores and targets of rows that the network had not seen; 0 or more of them.
            all_rows: Scores and targets of all training rows once it is trained to the end.
            typical: Deviation of the training labels, for want of held-out rows.
        """

    def evidence(
        self, network: HeadNetwork, batch: Batch, rows: LabelRows, held: NDArray[np.int64]
    ) -> Evidence:
        """Return scores and targets of each metric; see the base class."""
        with torch.inference_mode():
            scores = network(batch).double().numpy()
        return labelled_pairs(scores, rows.targets[held])

    def calibrate(
        self,
        networks: Sequence[HeadNetwork],
        evidence: Sequence[Evidence],
        inputs: PreparedTexts,
        rows: LabelRows,
    ) -> list[Calibration]:
        """Fit offset, slope and deviation of each member and metric; see the base class."""
        nothing = [(np.empty(0), np.empty(0)) for _ in self._scales]
        found = []
        for network, seen in zip(networks, evidence, strict=True):
            ends = self._of_all_rows(network, inputs, rows)
            found.append(
                [
                    list(self.line_and_deviation(held, end, scale.typical))
                    for held, end, scale in zip(seen or nothing, ends, self._scales, strict=True)
                ]
            )
        return found

    def _of_all_rows(
        self, network: HeadNetwork, inputs: PreparedTexts, rows: LabelRows
    ) -> Evidence:
        """Scores and targets of all training rows."""
        scores = np.zeros(rows.targets.shape)
        with torch.inference_mode():
            for index in inputs.batches():
                scores[index] = network(inputs.collate(index)).double().numpy()
        return labelled_pairs(scores, rows.targets)

    def distributions(
        self, members: Sequence[Member], batch: Batch, metrics: Sequence[int]
    ) -> list[Table]:
        """Mix the discretised Gaussians of the members; see the base class."""
        with torch.inference_mode():
            scores = [member.network(batch).double().numpy() for member in members]
        steps = standard_values()
        tables = []
        for metric in metrics:
            values = []
            for found, member in zip(scores, members, strict=True):
                offset, slope, deviation = member.calibration[metric]
                centre = offset + slope * found[:, metric]
                values.append(self._scales[metric].to_raw(centre[:, None] + deviation * steps))
            mixed = np.sort(np.concatenate(values, axis=1), axis=1)
            tables.append(Table(mixed, np.full(mixed.shape, 1.0 / mixed.shape[1])))
        return tables


def standard_values() -> NDArray[np.float64]:
    """Return the equally likely values of a standard Gaussian, shape ``(N_VALUES,)``.

    Each is the quantile in the middle of its share; together they are scaled to deviation 1.
    """
    shares = (np.arange(N_VALUES) + 0.5) / N_VALUES
    values = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()])
    values = 0.5 * (values - values[::-1])
    return np.asarray(values / values.std())
