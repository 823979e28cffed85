"""The head of a Regression Language Model: numbers spelled digit by digit, exactly distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.errors import LabelError
from surrogates.metric_scale import MetricScale
from surrogates.networks.ranking_loss import ranking_loss
from surrogates.rlm.calibration import UNCALIBRATED, MetricCalibration, fit_calibration, growth
from surrogates.rlm.digit_trie import digit_trie, full_branches
from surrogates.rlm.encoders.base import Batch, EncoderNetwork, PreparedTexts, TextReader
from surrogates.rlm.heads.base import (
    Calibration,
    Evidence,
    Head,
    HeadNetwork,
    LabelRows,
    Member,
    Table,
    joined,
)
from surrogates.rlm.losses import TRAINING_RANGE, expectation, soft_label_loss
from surrogates.rlm.model import (
    Context,
    DigitsNetwork,
    RlmNetwork,
    TrieTensors,
    leaf_log_probabilities,
)
from surrogates.rlm.number_tokens import NumeralGrammar
from surrogates.rlm.prediction import (
    Opinion,
    chain_distributions,
    exact_distribution,
    sample_numerals,
)
from surrogates.rlm.row_streams import drawn_metrics, metrics_of, own_summaries, specialties
from surrogates.rlm.settings import MOST_NUMBERS, RlmSettings
from surrogates.rlm.specialists import Specialists

_CHAIN_SEQUENCES = 16

Branches = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class NumeralRows(LabelRows):
    """Labels as numerals; ``targets`` are on the numeral scale.

    Attributes:
        tokens: Shape ``(n, m, length)``; numerals, anything where a label is missing.
    """

    tokens: NDArray[np.int64]


class DigitsHead(Head):
    """Metric token, sign, exponent, digits; see :mod:`surrogates.rlm.decoder`.

    Attributes:
        grammar: The legal numerals.
        scales: From each metric's unit to the range that numerals spell.
        branches: Signs and exponents that each metric may have.
    """

    name: ClassVar[str] = "digits"
    n_calibration: ClassVar[int] = len(MetricCalibration._fields)

    def __init__(
        self, scales: Sequence[MetricScale], branches: Sequence[Branches], settings: RlmSettings
    ) -> None:
        """Keep fitted scales; use :meth:`fit` or :meth:`from_json`."""
        self.scales = list(scales)
        self.branches = list(branches)
        self.grammar = NumeralGrammar(settings.n_digits)
        self._settings = settings
        self._tries: dict[Branches, TrieTensors] = {}

    @classmethod
    def fit(cls, raw: NDArray[np.float64], settings: RlmSettings) -> Self:
        """Learn numeral scales; see the base class."""
        present = ~np.isnan(raw)
        scales = [
            MetricScale.fit(raw[present[:, k], k], rank_share=settings.rank_share)
            for k in range(raw.shape[1])
        ]
        tokens = cls(scales, [], settings).rows(raw).tokens
        branches = [
            tuple(sorted({(int(s), int(e)) for s, e in tokens[present[:, k], k, :2]}))
            for k in range(raw.shape[1])
        ]
        return cls(scales, branches, settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore scales and branches; see the base class."""
        scales = [MetricScale.from_json(scale) for scale in state["scales"]]
        branches = [tuple((s, e) for s, e in pairs) for pairs in state["branches"]]
        head = cls(scales, branches, settings)
        legal = set(full_branches(head.grammar))
        is_legal = all(pairs and legal.issuperset(pairs) for pairs in branches)
        if not scales or len(branches) != len(scales) or not is_legal:
            raise ValueError("every metric must have a scale and legal branches")
        return head

    def to_json(self) -> dict[str, Any]:
        """Return scales and branches; see the base class."""
        scales = [{"raw": scale.raw, "scaled": scale.scaled} for scale in self.scales]
        return {"scales": scales, "branches": self.branches}

    def rows(self, raw: NDArray[np.float64]) -> NumeralRows:
        """Spell labels; see the base class."""
        scaled = np.column_stack(
            [scale.to_scaled(raw[:, k]) for k, scale in enumerate(self.scales)]
        )
        tokens = np.zeros((*scaled.shape, self.grammar.length), dtype=np.int64)
        for row, k in np.argwhere(~np.isnan(raw)):
            tokens[row, k] = self.grammar.encode(float(scaled[row, k]))
        return NumeralRows(scaled, tokens)

    def specialties(self, metrics: Sequence[str], groups: Sequence[int]) -> tuple[int, ...]:
        """Give quantities that share rows networks of their own; see the base class."""
        return specialties(metrics, groups)

    def network_of(
        self,
        reader: TextReader,
        groups: Sequence[int],
        specialties: Sequence[int],
        *,
        knows_counts: bool,
    ) -> RlmNetwork | Specialists:
        """Create one network, or one for each specialty; see the base class."""
        parts = []
        for learned in metrics_of(specialties):
            summaries = own_summaries(groups, learned)
            encoder = reader.new_network(knows_counts=knows_counts, summaries=summaries)
            parts.append(self.new_network(encoder))
            parts[-1].learned = learned
        return Specialists(parts) if len(parts) > 1 else parts[0]

    def new_network(self, encoder: EncoderNetwork) -> RlmNetwork:
        """Put a numeral decoder behind an encoder; see the base class."""
        return RlmNetwork(encoder, self._settings, self.grammar, len(self.scales))

    def trie(self, metric: int) -> TrieTensors:
        """Return the legal numerals of a metric."""
        branches = self.branches[metric]
        if branches not in self._tries:
            self._tries[branches] = TrieTensors.of(digit_trie(self.grammar, branches))
        return self._tries[branches]

    def loss(
        self,
        network: HeadNetwork,
        batch: Batch,
        rows: NumeralRows,
        index: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Tensor:
        """Sum over metrics of the soft-label and ranking losses; see the base class."""
        network = cast("DigitsNetwork", network)
        settings = self._settings
        scaled, tokens = rows.targets[index], rows.tokens[index]
        total = torch.zeros(())
        metrics = np.flatnonzero((~np.isnan(scaled)).any(axis=0))
        own = metrics[[network.learns(metric) for metric in metrics.tolist()]]
        learned = drawn_metrics(own, settings.metrics_per_step or len(own), rng)
        memory = network.encode(batch, learned)
        for metric in learned.tolist():
            labelled = np.flatnonzero(~np.isnan(scaled[:, metric]))
            trie = self.trie(metric)
            target = torch.from_numpy(scaled[labelled, metric]).float()
            others = drawn_metrics(metrics[metrics != metric], MOST_NUMBERS - 1, rng)
            rate = settings.context_rate
            context = Context.drawn(scaled, tokens, labelled, others, rate, rng)
            whole = len(labelled) == len(index)
            chosen = memory if whole else memory.rows(torch.from_numpy(labelled))
            logs = network.leaf_log_probabilities(chosen, metric, trie, context)
            total = total + soft_label_loss(logs, trie.leaf_values, target, settings.label_width)
            if settings.ranking_weight > 0:
                expected = expectation(logs, trie.leaf_values)
                clear = settings.ranking_temperature * TRAINING_RANGE
                total = total + settings.ranking_weight * ranking_loss(expected, target, clear)
        return total

    @torch.inference_mode()
    def evidence(
        self, network: HeadNetwork, batch: Batch, rows: NumeralRows, held: NDArray[np.int64]
    ) -> Evidence:
        """Return the logits at every prefix and the labels on the numeral scale, per metric."""
        network = cast("DigitsNetwork", network)
        metrics = range(len(self.scales))
        memory = network.encode(batch, metrics)
        found = []
        for metric in metrics:
            targets = rows.targets[held, metric]
            labelled = np.flatnonzero(~np.isnan(targets) & network.learns(metric))
            of_rows = memory.rows(torch.from_numpy(labelled))
            logits = network.next_token_logits(of_rows, metric, self.trie(metric))
            found.append((logits.double().numpy(), targets[labelled]))
        return found

    def estimates(self, evidence: Evidence) -> Evidence:
        """Return the expected numerals; see the base class."""
        found = []
        for metric, (logits, targets) in enumerate(evidence):
            trie = self.trie(metric)
            logs = leaf_log_probabilities(torch.from_numpy(logits).float(), trie)
            found.append((expectation(logs, trie.leaf_values).double().numpy(), targets))
        return found

    def calibrate(
        self,
        networks: Sequence[HeadNetwork],
        evidence: Sequence[Evidence],
        inputs: PreparedTexts,  # noqa: ARG002 - only held-out rows say how far off it is
        rows: NumeralRows,  # noqa: ARG002
    ) -> list[Calibration]:
        """Calibrate the mixture: all members alike; see :mod:`surrogates.rlm.calibration`."""
        together = joined([of_member for of_member in evidence if of_member])
        fitted = self._calibrations(together, growth(len(networks)))
        chosen = [list(of_metric) for of_metric in fitted or [UNCALIBRATED] * len(self.scales)]
        return [chosen for _ in networks]

    def recalibrated(
        self, members: Sequence[Member], inputs: PreparedTexts, rows: NumeralRows
    ) -> list[Member]:
        """Calibrate finished members, each for itself, on rows that none was trained on.

        A metric with fewer than 8 labels there keeps the calibration that it has.
        """
        found = []
        for network, old in members:
            evidence = self.all_evidence(network, inputs, rows, np.arange(len(inputs)))
            fitted = self._calibrations(evidence, 1.0)
            chosen = [
                before if after == UNCALIBRATED else list(after)
                for before, after in zip(old, fitted, strict=True)
            ]
            found.append(Member(network, chosen))
        return found

    def _calibrations(self, evidence: Evidence, grown: float) -> list[MetricCalibration]:
        """Fit every metric, see :func:`surrogates.rlm.calibration.fit_calibration`."""
        return [
            fit_calibration(torch.from_numpy(logits).float(), self.trie(metric), scaled, grown)
            for metric, (logits, scaled) in enumerate(evidence)
        ]

    def _reach(self, metric: int) -> tuple[float, float]:
        """The smallest and the largest label that has a numeral, in their unit."""
        largest = self.grammar.largest
        low, high = self.scales[metric].to_raw(np.array([-largest, largest])).tolist()
        return low, high

    def check_reach(self, raw: NDArray[np.float64], metrics: Sequence[str]) -> None:
        """Check that :meth:`rows` can spell labels, shape ``(n, m)``, of named metrics.

        Raises:
            LabelError: If one is too far beyond those that the scales were fitted to.
        """
        for k, (metric, labels) in enumerate(zip(metrics, raw.T, strict=True)):
            low, high = self._reach(k)
            if far := labels[(labels < low) | (labels > high)].tolist():
                raise LabelError(
                    f"A label of {metric!r} must lie in [{low:.4g}, {high:.4g}], as far as numerals "
                    f"reach beyond the rows trained on, but got {far[0]!r}. Leave it out."
                )

    def spell(self, metric: int, values: NDArray[np.float64]) -> Tensor:
        """Spell known values of a metric as numerals that the network has learned to read.

        Args:
            metric: Its number.
            values: Shape ``(n,)``, finite; one beyond all legal numerals of the metric is spelled
                as the nearest of them.

        Returns:
            Shape ``(n, length)``.
        """
        legal = digit_trie(self.grammar, self.branches[metric]).leaf_values
        scaled = np.clip(self.scales[metric].to_scaled(values), legal[0], legal[-1])
        return torch.tensor([self.grammar.encode(value) for value in scaled.tolist()])

    def distributions(
        self,
        members: Sequence[Member],
        batch: Batch,
        metrics: Sequence[int],
        known: Mapping[int, Tensor] | None = None,
        *,
        is_chain: bool = False,
        said: Sequence[Opinion] | None = None,
    ) -> list[Table]:
        """Predict exact distributions; see the base class.

        Args:
            members: Trained networks.
            batch: Collated texts.
            metrics: Metric numbers, in decoding order.
            known: Metric number to known numerals, from :meth:`spell`.
            is_chain: Condition later metrics on the distributions of earlier ones.
            said: Of each metric, what another expert says of the texts, see
                :func:`surrogates.rlm.prediction.exact_distribution`.
        """
        tries = [self.trie(metric) for metric in metrics]
        sums: list[Any] = [0.0] * len(metrics)
        for network, calibration in members:
            network = cast("DigitsNetwork", network)
            chosen = [MetricCalibration(*calibration[metric]) for metric in metrics]
            with torch.inference_mode():
                memory = network.encode(batch, metrics)
                if is_chain:
                    shares = chain_distributions(
                        network,
                        memory,
                        metrics,
                        tries,
                        chosen,
                        max_sequences=_CHAIN_SEQUENCES,
                        said=said,
                    )
                else:
                    others: Sequence[Opinion | None] = said or [None] * len(metrics)
                    asked = zip(metrics, tries, chosen, others, strict=True)
                    shares = [
                        exact_distribution(network, memory, metric, trie, known, of_metric, other)
                        for metric, trie, of_metric, other in asked
                    ]
            for place, share in enumerate(shares):
                sums[place] = sums[place] + share.numpy().astype(np.float64)
        return [
            Table(self._values(metric), total / total.sum(axis=1, keepdims=True))
            for metric, total in zip(metrics, sums, strict=True)
        ]

    def _values(self, metric: int) -> NDArray[np.float64]:
        """The numbers of all numerals of a metric, in its unit."""
        leaves = digit_trie(self.grammar, self.branches[metric]).leaf_values
        return self.scales[metric].to_raw(leaves)

    def sample(
        self,
        member: Member,
        batch: Batch,
        metrics: Sequence[int],
        origin: Tensor,
        generator: torch.Generator,
        *,
        temperature: float,
        top_p: float,
        said: Sequence[Opinion] | None = None,
    ) -> list[NDArray[np.float64]]:
        """Draw whole sequences from one member, later metrics conditioned on earlier ones.

        Args:
            member: Trained network.
            batch: Collated texts.
            metrics: Metric numbers, in decoding order.
            origin: Shape ``(draws,)``, the text of each draw.
            generator: Source of randomness.
            temperature: Divides the logits, above 0.
            top_p: Nucleus mass, in (0, 1].
            said: Of each metric, see :meth:`distributions`.

        Returns:
            Per metric, values in its unit, shape ``(draws,)``.
        """
        network = cast("DigitsNetwork", member.network)
        given: dict[int, Tensor] = {}
        drawn = []
        with torch.inference_mode():
            memory = network.encode(batch, metrics)
            for place, metric in enumerate(metrics):
                given[metric] = sample_numerals(
                    network,
                    memory,
                    metric,
                    self.trie(metric),
                    generator,
                    origin=origin,
                    given=dict(given),
                    calibration=MetricCalibration(*member.calibration[metric]),
                    temperature=temperature,
                    top_p=top_p,
                    said=None if said is None else said[place],
                )
                scaled = np.array([self.grammar.decode(row) for row in given[metric].tolist()])
                drawn.append(self.scales[metric].to_raw(scaled))
        return drawn
