"""The RLM as a :class:`Surrogate`: fit on texts and numbers, predict exact distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from surrogates.base import (
    KEEP_SECONDS,
    Labels,
    Prediction,
    Progress,
    ResumableSurrogate,
    check_rows,
)
from surrogates.checkpoint import read_checkpoint, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError, SettingsError
from surrogates.inputs.text_memory import distinct_texts
from surrogates.memory import keep_freed_memory
from surrogates.rlm.answers import draws_of, spelled, tables_of
from surrogates.rlm.calibration import held_out
from surrogates.rlm.counts_process import CountsProcess
from surrogates.rlm.encoders import reader_class
from surrogates.rlm.encoders.base import TextReader
from surrogates.rlm.fitted import FittedRlm
from surrogates.rlm.heads import head_class
from surrogates.rlm.heads.base import Head, HeadNetwork, Member, assembled, start_from
from surrogates.rlm.heads.digits import DigitsHead
from surrogates.rlm.members import MembersPlan, train_members
from surrogates.rlm.prediction import Opinion
from surrogates.rlm.resume import training_states
from surrogates.rlm.row_streams import row_groups
from surrogates.rlm.settings import RlmSettings
from surrogates.rlm.source_process import order_without_rows
from surrogates.rlm.source_rows import SourceRows
from surrogates.rlm.training import Rows, TrainingRows
from surrogates.setting_checks import check_range
from surrogates.transfer import starting_metrics


class RlmRegressor(ResumableSurrogate):
    """A Regression Language Model over ONNX text.

    Example:
        >>> from surrogates import get_surrogate
        >>> get_surrogate("rlm", n_steps=10).metrics
        ()
    """

    name: ClassVar[str] = "rlm"
    can_finetune: ClassVar[bool] = True

    def __init__(self, **settings: object) -> None:
        """Create an unfitted RLM.

        Args:
            **settings: Fields of :class:`RlmSettings`.
        """
        self.settings = RlmSettings(**settings)  # type: ignore[arg-type]
        self._parts: FittedRlm | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Trained metrics, in decoding order."""
        return self._parts.metrics if self._parts else ()

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
        keep: Path | None = None,
        keep_seconds: float = KEEP_SECONDS,
    ) -> Self:
        """Learn reader, head and networks from the rows; see the base class."""
        metrics = check_rows(texts, labels)
        rows = Rows(texts, labels, metrics)
        reader = reader_class(self.settings.encoder).learn(texts, self.settings)
        if max(rows.groups) > 0:
            reader = reader.rescaled(rows.texts_of_groups)

        head = head_class(self.settings.head).fit(rows.raw, self.settings)
        plan = MembersPlan.of(rows, head, self.settings.for_training, seed)

        def fresh(member: int) -> HeadNetwork:
            told = self.settings.knows_counts(member, plan.n_members)
            networks = reader, rows.metric_groups, plan.specialties
            return head.network_of(*networks, knows_counts=told)

        parts = self._trained(reader, head, rows, fresh, plan, progress, (keep, keep_seconds))
        if self.settings.has_process and reader.n_groups > 1:
            source = SourceRows.draw(texts, rows.raw, metrics, rows.metric_groups, seed=seed)
            parts = parts._replace(source=source)
        self._parts = parts
        return self

    def finetune(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        like: Mapping[str, str] | None = None,
        heads_only: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
        keep: Path | None = None,
        keep_seconds: float = KEEP_SECONDS,
    ) -> Self:
        """Train copies of all members further; see the base class.

        The reader keeps its tokens, scales of labels are those of the new rows, and what a network
        has of a metric, such as its token, starts as the average over the metrics that it starts
        from. Texts are measured as for the metric that one is, or is `like`, or if nothing but heads
        is trained starts from; otherwise by the new rows.
        """
        parts = self._fitted()
        metrics = check_rows(texts, labels)
        rows = Rows(texts, labels, metrics)
        starts = starting_metrics(parts.metrics, metrics, like)
        origins = [[parts.metrics.index(name) for name in names] for names in starts.values()]
        measured: list[int | Sequence[str]] = list(rows.texts_of_groups)
        for metric, group, (first, *_) in zip(metrics, rows.metric_groups, origins, strict=True):
            if heads_only or metric in {*parts.metrics, *(like or {})}:
                measured[group] = parts.groups[first]
        reader = parts.reader.rescaled(measured)

        head = head_class(self.settings.head).fit(rows.raw, self.settings)
        settings_for = partial(self.settings.for_finetuning, heads_only=heads_only)
        plan = MembersPlan.of(rows, head, settings_for, seed, n_members=len(parts.members))

        def copied(member: int) -> HeadNetwork:
            begun = parts.members[member].network
            networks = reader, rows.metric_groups, plan.specialties
            network = head.network_of(*networks, knows_counts=begun.knows_counts)
            start_from(network, begun, origins)
            if heads_only:
                for part in network.parts:
                    part.freeze_what_metrics_share()
            return network

        tuned = type(self)(**self.settings.to_json())
        tuned._parts = self._trained(
            reader,
            head,
            rows,
            copied,
            plan,
            progress,
            (keep, keep_seconds),
            source=parts.source,
            speakers=parts.source.speakers(metrics, like) if parts.source else (),
            are_heads=heads_only,
        )
        return tuned

    def _trained(
        self,
        reader: TextReader,
        head: Head,
        rows: Rows,
        start: Callable[[int], HeadNetwork],
        plan: MembersPlan,
        progress: Progress | None,
        kept: tuple[Path | None, float],
        *,
        source: SourceRows | None = None,
        speakers: Sequence[Sequence[str]] = (),
        are_heads: bool = False,
    ) -> FittedRlm:
        """Train every member from where `start` says.

        Where whole networks learn, and not too many rows, a process on the counts does too. Of the
        metrics of `source`, those named by `speakers` speak of each metric.
        """
        states = training_states(*kept, rows, plan, are_heads=are_heads)
        inputs = reader.prepare(rows.texts, rows.groups)
        prepared = TrainingRows(inputs, head.rows(rows.raw), rows.metrics)
        rng = np.random.default_rng([plan.seed, 0x4E1D])
        held = held_out(rows.texts, rows.groups, plan.n_members, rng)
        networks, evidence = train_members(plan, head, prepared, held, start, progress, states)
        calibrations = head.calibrate(networks, evidence, prepared.inputs, prepared.labels)
        process = None
        if self.settings.has_process and not are_heads and isinstance(head, DigitsHead):
            targets = prepared.labels.targets
            process = CountsProcess.fit(
                rows.texts, targets, seed=plan.seed, source=source, speakers=speakers
            )
        members = [Member(*pair) for pair in zip(networks, calibrations, strict=True)]
        of_metrics = tuple(rows.metrics), tuple(rows.metric_groups), plan.specialties
        facts = plan.facts(rows)
        return FittedRlm(self.settings, *of_metrics, reader, head, members, process, source, facts)

    def recalibrate(self, texts: Sequence[str], labels: Sequence[Labels]) -> None:
        """Calibrate anew on rows as for :meth:`fit` that were never trained on.

        A metric with fewer than 8 labels among them stays as it is.

        Raises:
            LabelError: If the rows are unusable, or a label is far beyond those trained on.
            SettingsError: If the head writes no digits.
            UnknownMetricError: If a metric was never trained.
        """
        parts = self._fitted()
        self.select_metrics(check_rows(texts, labels))
        head, raw = self._digits("Calibration anew"), Rows(texts, labels, parts.metrics).raw
        head.check_reach(raw, parts.metrics)
        prepared = parts.reader.prepare(texts, row_groups(raw, parts.groups))
        members = head.recalibrated(parts.members, prepared, head.rows(raw))
        self._parts = parts._replace(members=members)

    def predict(
        self,
        texts: Sequence[str],
        metrics: Sequence[str] | None = None,
        *,
        condition_on: Mapping[str, NDArray[np.float64]] | None = None,
        decoding: Literal["alone", "chain"] = "alone",
    ) -> Prediction:
        """Predict exact distributions, of equal texts once; see the base class.

        Args:
            texts: ONNX texts, length n.
            metrics: Which metrics, in decoding order; all trained ones when None.
            condition_on: Known values of other metrics, shape ``(n,)`` each: the predictions are
                conditioned on them. One beyond the labels trained on is read as the nearest that
                has a numeral.
            decoding: ``"alone"`` decodes each metric by itself; ``"chain"`` conditions later
                metrics on the distributions of earlier ones that shared rows with them.
        """
        parts = self._fitted()
        wanted = self.select_metrics(metrics)
        ids = [parts.metrics.index(metric) for metric in wanted]
        if decoding not in ("alone", "chain"):
            raise SettingsError(f"`decoding` must be 'alone' or 'chain', but got {decoding!r}.")
        if condition_on and decoding == "chain":
            raise SettingsError("`condition_on` needs `decoding` 'alone', but got 'chain'.")
        given = {}
        if condition_on or decoding == "chain":
            head = self._digits("`condition_on` and `decoding` 'chain'")
            known = {
                metric: parts.metrics.index(metric)
                for metric in self.select_metrics(list(condition_on or {}))
            }
            given = spelled(head, known, condition_on or {}, len(texts))
        if given.keys() & set(ids):
            raise SettingsError(f"A known metric cannot be predicted too, but got {wanted}.")
        keep_freed_memory()
        distinct, places = distinct_texts(texts) if not given else (texts, np.arange(len(texts)))
        prepared = parts.reader.prepare(distinct)
        tables = tables_of(
            parts,
            prepared,
            ids,
            given=given,
            is_chain=decoding == "chain",
            said=self._said(distinct, ids),
        )
        return Prediction(
            {
                metric: assembled(prepared.batches(), tables[number], places)
                for number, metric in enumerate(wanted)
            }
        )

    def order_unseen(
        self, texts: Sequence[str], metrics: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Order texts of a new space by what metrics make of counts and flow; see the base class.

        Learned from one space, or without a process, it orders them as its networks do.
        """
        source, wanted = self._fitted().source, self.select_metrics(metrics)
        if source is None or not texts or not source.rows.keys() >= set(wanted):
            return super().order_unseen(texts, wanted)
        return order_without_rows(source, wanted, texts)

    def sample(
        self,
        texts: Sequence[str],
        n_samples: int,
        *,
        seed: int,
        metrics: Sequence[str] | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> dict[str, NDArray[np.float64]]:
        """Sample whole sequences token by token, later metrics conditioned on earlier ones.

        Args:
            texts: ONNX texts, length n.
            n_samples: Sequences drawn for each text, at least 0.
            seed: Seed of the draws.
            metrics: Which metrics, in decoding order; all trained ones when None.
            temperature: Divides the logits, above 0 and finite.
            top_p: Nucleus mass, in (0, 1].

        Returns:
            Metric name to values, shape ``(n_samples, n)`` each.

        Raises:
            SettingsError: If an argument is out of range, or the head writes no digits.
        """
        parts = self._fitted()
        if not 0 < temperature < math.inf or not 0 < top_p <= 1:
            raise SettingsError(
                "`temperature` must be above 0 and finite, and `top_p` in (0, 1], but got "
                f"{temperature!r} and {top_p!r}."
            )
        check_range("n_samples", n_samples, 0)
        head = self._digits("Sampling token by token")
        wanted = self.select_metrics(metrics)
        ids = [parts.metrics.index(metric) for metric in wanted]
        generator = torch.Generator().manual_seed(seed)
        drawn = draws_of(
            parts,
            head,
            parts.reader.prepare(texts),
            ids,
            n_samples,
            generator,
            temperature=temperature,
            top_p=top_p,
            said=self._said(texts, ids),
        )
        return dict(zip(wanted, drawn, strict=True))

    def save(self, folder: Path) -> None:
        """Write the checkpoint; see the base class."""
        parts = self._fitted()
        write_checkpoint(folder, self.name, parts.state(), parts.weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint; see the base class."""
        state, weights = read_checkpoint(folder, cls.name)
        try:
            parts = FittedRlm.restored(state, weights)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = type(error).__name__ if "\n" in str(error) else repr(error)
            raise CheckpointError(
                f"{folder} must hold a whole RLM, but it does not: {reason}. Train it again."
            ) from error
        regressor = cls(**parts.settings.to_json())
        regressor._parts = parts
        return regressor

    def _fitted(self) -> FittedRlm:
        """Return what was fitted or refuse."""
        if self._parts is None:
            raise NotFittedError("An RLM must be fitted before use. Call `fit` or `load` first.")
        return self._parts

    def _said(self, texts: Sequence[str], metrics: Sequence[int]) -> list[Opinion] | None:
        """What the process on the counts says of every numeral; None if there is none."""
        process = self._fitted().process
        if process is None:
            return None
        head = self._digits("A process on counts")
        leaves = [head.trie(metric).leaf_values for metric in metrics]
        return process.opinions(texts, metrics, leaves)

    def _digits(self, what: str) -> DigitsHead:
        """Return the head if it writes digits, else say what needs them."""
        head = self._fitted().head
        if not isinstance(head, DigitsHead):
            raise SettingsError(
                f"{what} must have `head` 'digits', but this RLM has {head.name!r}."
            )
        return head
