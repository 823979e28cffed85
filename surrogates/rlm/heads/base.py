"""What every head of the RLM is: labels in, a loss to train on, distributions out.

A head is fitted to the labels once and shared by all members; it is kept as JSON. It creates the
networks, which hold an encoder and whatever the head itself must learn.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.base import PredictiveDistribution
from surrogates.rlm.encoders.base import Batch, EncoderNetwork, PreparedTexts, TextReader

if TYPE_CHECKING:
    from surrogates.rlm.settings import RlmSettings

Calibration = list[list[float]]
"""Per metric, the numbers that a head chose for one trained network on held-out rows."""

Evidence = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Per metric, what a network says of rows that it was not trained on, and their targets."""


_AT_ONCE = 150


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of several rows or networks as one, metric by metric."""
    return [
        (np.concatenate([said for said, _ in pairs]), np.concatenate([true for _, true in pairs]))
        for pairs in zip(*parts, strict=True)
    ]


class HeadNetwork(nn.Module):
    """A network that a head created: an encoder and the head's own layers."""

    encoder: EncoderNetwork
    learned: Sequence[int] | None = None
    """Numbers of the metrics that it learns; None: of all."""
    of_metrics: ClassVar[tuple[str, ...]] = ()
    """Weights with one row a metric."""
    of_labels: ClassVar[tuple[str, ...]] = ()
    """How weights begin whose shapes depend on training labels; they are never taken over."""

    @property
    def parts(self) -> Sequence[HeadNetwork]:
        """The networks of which it is made, which are trained one by one; itself if it is one."""
        return (self,)

    def learns(self, metric: int) -> bool:
        """Whether it learns a metric."""
        return self.learned is None or metric in self.learned

    @property
    def knows_counts(self) -> bool:
        """Whether it reads what was counted in a text beside the text."""
        return self.encoder.knows_counts

    def start_from(self, other: HeadNetwork, origins: Sequence[Sequence[int]]) -> None:
        """Take over the weights of a trained network of the same shape, each a single part.

        Args:
            other: Created by the same kind of head; may know other metrics.
            origins: For each metric of this network, the metrics of the other one whose weights
                are averaged, at least one.
        """
        taken = other.state_dict()
        of_rows: dict[str, Sequence[Sequence[int]]] = dict.fromkeys(self.of_metrics, origins)
        if self.encoder.summaries:
            read: list[list[int]] = [[] for _ in range(1 + max(self.encoder.summaries))]
            for metric, chosen in enumerate(origins):
                if self.learns(metric):
                    summary = self.encoder.summaries[metric]
                    read[summary] += [other.encoder.summaries[known] for known in chosen]
            of_rows |= {f"encoder.{name}": read for name in self.encoder.of_summaries}
        for name, all_chosen in of_rows.items():
            rows = [taken[name][list(chosen)].mean(dim=0) for chosen in all_chosen]
            taken[name] = torch.stack(rows)
        own = self.state_dict()
        self.load_state_dict(
            {n: own[n] if n.startswith(self.of_labels) else taken[n] for n in own}
        )

    def freeze_what_metrics_share(self) -> None:
        """Leave only weights of single metrics to be trained."""
        for name, weight in self.named_parameters():
            is_own = name in self.of_metrics or name.startswith(self.of_labels)
            weight.requires_grad_(is_own)


def start_from(network: HeadNetwork, begun: HeadNetwork, origins: Sequence[Sequence[int]]) -> None:
    """Let each part of a network start from the part of a trained one that learned most of its origins.

    Args:
        network: Of any parts.
        begun: Likewise, created by the same kind of head.
        origins: For each metric of `network` the metrics of `begun` that it starts from.
    """
    for part in network.parts:
        wanted = [
            k for metric, chosen in enumerate(origins) if part.learns(metric) for k in chosen
        ]
        teacher = max(begun.parts, key=lambda known: sum(map(known.learns, wanted)))
        taught = [[k for k in chosen if teacher.learns(k)] or chosen for chosen in origins]
        part.start_from(teacher, taught)


class Member(NamedTuple):
    """One trained network and its calibration."""

    network: HeadNetwork
    calibration: Calibration


class Table(NamedTuple):
    """Distributions of one metric for ``n`` texts, in the metric's unit.

    Attributes:
        values: Shape ``(k,)`` if all texts share them, else ``(n, k)``; ascending.
        probabilities: Shape ``(n, k)``, each row sums to 1.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def assembled(
    batches: Sequence[NDArray[np.int64]], tables: Sequence[Table], rows_of: NDArray[np.int64]
) -> PredictiveDistribution:
    """Return the rows of all batches in the order of the texts.

    Args:
        batches: Numbers of the rows of each batch.
        tables: Of each batch.
        rows_of: Shape ``(n,)``, the row of each text.
    """
    if not tables:
        return PredictiveDistribution(np.zeros((0, 1)), np.zeros((0, 1)))
    order = np.argsort(np.concatenate(batches))[rows_of]
    probabilities = np.concatenate([table.probabilities for table in tables])[order]
    values = tables[0].values
    if values.ndim == 1:
        return PredictiveDistribution(np.broadcast_to(values, probabilities.shape), probabilities)
    values = np.concatenate([table.values for table in tables])[order]
    return PredictiveDistribution(values, probabilities)


@dataclass(frozen=True)
class LabelRows:
    """Labels of training rows as a head learns them; a head may add fields.

    Attributes:
        targets: Shape ``(n, m)``; NaN where a row lacks the metric, and nowhere else.
    """

    targets: NDArray[np.float64]


class Head(ABC):
    """How labels are learned and predicted."""

    name: ClassVar[str]
    _settings: RlmSettings
    n_calibration: ClassVar[int] = 0
    """Numbers that calibrate a metric."""

    @classmethod
    @abstractmethod
    def fit(cls, raw: NDArray[np.float64], settings: RlmSettings) -> Self:
        """Learn the scales of the metrics.

        Args:
            raw: Shape ``(n, m)``; labels in their units, NaN where a row lacks the metric; every
                column has one.
            settings: Of the RLM.

        Raises:
            LabelError: If the head cannot learn a label.
        """

    @classmethod
    @abstractmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore a head from :meth:`to_json` and the settings that it was fitted under."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what was fitted, as values that JSON can hold."""

    @abstractmethod
    def rows(self, raw: NDArray[np.float64]) -> LabelRows:
        """Turn labels, shape ``(n, m)``, into what :meth:`loss` learns."""

    def specialties(
        self,
        metrics: Sequence[str],
        groups: Sequence[int],  # noqa: ARG002
    ) -> tuple[int, ...]:
        """Say which network of a member learns each metric, numbered from 0.

        Args:
            metrics: Names.
            groups: Of every metric, see :func:`surrogates.rlm.row_streams.metric_groups`.
        """
        return (0,) * len(metrics)

    def network_of(
        self,
        reader: TextReader,
        groups: Sequence[int],  # noqa: ARG002
        specialties: Sequence[int],  # noqa: ARG002
        *,
        knows_counts: bool,
    ) -> HeadNetwork:
        """Create the network of a member, encoder included, with random weights.

        Args:
            reader: Of the texts.
            groups: Of every metric.
            specialties: Of every metric.
            knows_counts: As for :meth:`TextReader.new_network`.
        """
        return self.new_network(reader.new_network(knows_counts=knows_counts))

    @abstractmethod
    def new_network(self, encoder: EncoderNetwork) -> HeadNetwork:
        """Put what the head learns behind a new encoder."""

    def under(self, settings: RlmSettings) -> Self:
        """Return the same head, which learns by other settings of the training."""
        other = copy.copy(self)
        other._settings = settings
        return other

    @abstractmethod
    def loss(
        self,
        network: HeadNetwork,
        batch: Batch,
        rows: Any,
        index: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Tensor:
        """Return the training loss of a batch, shape ``()``.

        Args:
            network: In training mode.
            batch: Collated rows ``index``.
            rows: From :meth:`rows`.
            index: Row numbers of the batch.
            rng: For whatever is left to chance.
        """

    @abstractmethod
    def evidence(
        self, network: HeadNetwork, batch: Batch, rows: Any, held: NDArray[np.int64]
    ) -> Evidence:
        """Return what a network says of rows that it was not trained on.

        Args:
            network: In evaluation mode.
            batch: Collated rows ``held``.
            rows: From :meth:`rows`.
            held: Row numbers of the batch.
        """

    def all_evidence(
        self,
        network: HeadNetwork,
        inputs: PreparedTexts,
        rows: Any,
        held: NDArray[np.int64],
    ) -> Evidence:
        """Return :meth:`evidence` of any number of rows, asked some at a time.

        Args:
            network: In evaluation mode.
            inputs: Prepared texts of all rows.
            rows: From :meth:`rows`.
            held: Row numbers.
        """
        chunks = [held[start : start + _AT_ONCE] for start in range(0, len(held), _AT_ONCE)]
        return joined([self.evidence(network, inputs.collate(own), rows, own) for own in chunks])

    def estimates(self, evidence: Evidence) -> Evidence:
        """Return one number for each held-out row, which orders them, and their targets.

        Args:
            evidence: Of one network.

        Returns:
            Per metric, two arrays of shape ``(n,)``; nothing where the evidence is nothing.
        """
        return evidence

    @abstractmethod
    def calibrate(
        self,
        networks: Sequence[HeadNetwork],
        evidence: Sequence[Evidence],
        inputs: PreparedTexts,
        rows: Any,
    ) -> list[Calibration]:
        """Choose the calibration of every member once all are trained.

        Args:
            networks: In evaluation mode, trained to the end.
            evidence: Of each of them; empty for one from which no rows were held out.
            inputs: All training rows.
            rows: From :meth:`rows`.
        """

    @abstractmethod
    def distributions(
        self, members: Sequence[Member], batch: Batch, metrics: Sequence[int]
    ) -> list[Table]:
        """Predict: the mixture of the members, one table for each metric number."""
