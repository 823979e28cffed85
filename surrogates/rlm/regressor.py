"""The RLM as a :class:`Surrogate`: fit on texts and numbers, predict exact distributions."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

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
from surrogates.errors import CheckpointError, LabelError, NotFittedError, SettingsError
from surrogates.memory import keep_freed_memory
from surrogates.rlm.answers import draws_of, tables_of
from surrogates.rlm.calibration import held_out
from surrogates.rlm.counts_process import MAX_ROWS, CountsProcess
from surrogates.rlm.encoders import reader_class
from surrogates.rlm.encoders.base import TextReader
from surrogates.rlm.heads import head_class
from surrogates.rlm.heads.base import Head, HeadNetwork, Member, assembled
from surrogates.rlm.heads.digits import DigitsHead
from surrogates.rlm.prediction import Opinion
from surrogates.rlm.resume import TrainingStates, training_states
from surrogates.rlm.settings import RlmSettings, Schedule
from surrogates.rlm.stored import StoredRlm
from surrogates.rlm.training import Rows, TrainingRows, progress_of_member, train
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
        self._metrics: tuple[str, ...] = ()
        self._groups: tuple[int, ...] = ()
        self._reader: TextReader | None = None
        self._head: Head | None = None
        self._members: list[Member] = []
        self._process: CountsProcess | None = None
        self._training: dict[str, Any] = {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Trained metrics, in decoding order."""
        return self._metrics

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

        def fresh(head: Head, _: int) -> HeadNetwork:
            return head.new_network(reader.new_network())

        schedule = self.settings.schedule(len(texts))
        states = training_states(keep, keep_seconds, rows, self.settings, schedule, seed)
        self._train(reader, rows, fresh, self.settings, schedule, seed, progress, states)
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
        reader, _, members = self._fitted()
        metrics = check_rows(texts, labels)
        rows = Rows(texts, labels, metrics)
        starts = starting_metrics(self._metrics, metrics, like)
        origins = [[self._metrics.index(name) for name in names] for names in starts.values()]
        measured: list[int | Sequence[str]] = list(rows.texts_of_groups)
        for metric, group, (first, *_) in zip(metrics, rows.metric_groups, origins, strict=True):
            if heads_only or metric in {*self._metrics, *(like or {})}:
                measured[group] = self._groups[first]
        reader = reader.rescaled(measured)

        def copied(head: Head, member: int) -> HeadNetwork:
            network = head.new_network(reader.new_network())
            network.start_from(members[member].network, origins)
            if heads_only:
                network.freeze_what_metrics_share()
            return network

        tuned = type(self)(**self.settings.to_json())
        settings = self.settings.for_finetuning(len(texts), heads_only=heads_only)
        schedule = settings.schedule(len(texts))._replace(n_members=len(members))
        states = training_states(
            keep, keep_seconds, rows, settings, schedule, seed, are_heads=heads_only
        )
        tuned._train(
            reader, rows, copied, settings, schedule, seed, progress, states, are_heads=heads_only
        )
        return tuned

    def _train(
        self,
        reader: TextReader,
        rows: Rows,
        start: Callable[[Head, int], HeadNetwork],
        settings: RlmSettings,
        schedule: Schedule,
        seed: int,
        progress: Progress | None,
        states: TrainingStates | None,
        *,
        are_heads: bool = False,
    ) -> None:
        """Train every member from where `start` says, each with a generator of its own.

        Where whole networks learn, and not too many rows, a process on the counts does too.
        """
        raw = rows.raw
        head = head_class(settings.head).fit(raw, settings)
        inputs = reader.prepare(rows.texts, rows.groups)
        prepared = TrainingRows(inputs, head.rows(raw), rows.metrics)
        rng = np.random.default_rng([seed, 0x4E1D])
        held = held_out(rows.texts, rows.groups, schedule.n_members, rng)
        networks, evidence = [], []
        with torch.random.fork_rng(devices=[]):
            for member in range(schedule.n_members):
                rng = np.random.default_rng([seed, member])
                torch.manual_seed(int(rng.integers(2**63)))
                network = start(head, member)
                shown = progress_of_member(progress, member, schedule.n_members)
                state = states and states.of_member(member, network)
                left_out = held[member]
                evidence.append(
                    train(network, head, prepared, settings, schedule, left_out, rng, shown, state)
                )
                networks.append(network)
        calibrations = head.calibrate(networks, evidence, prepared.inputs, prepared.labels)
        process = None
        is_pooled = settings.has_process and len(rows.texts) <= MAX_ROWS and not are_heads
        if is_pooled and isinstance(head, DigitsHead):
            process = CountsProcess.fit(rows.texts, prepared.labels.targets, seed=seed)
        self._metrics, self._groups = tuple(rows.metrics), tuple(rows.metric_groups)
        self._members = [Member(*pair) for pair in zip(networks, calibrations, strict=True)]
        self._reader, self._head, self._process = reader, head, process
        n_known = (~np.isnan(raw)).sum(axis=0).tolist()
        self._training = {
            "rows": len(rows.texts),
            "rows_per_metric": dict(zip(rows.metrics, n_known, strict=True)),
            "members": schedule.n_members,
            "steps": schedule.n_steps,
            "batch_size": schedule.batch_size,
            "seed": seed,
        }

    def recalibrate(self, texts: Sequence[str], labels: Sequence[Labels]) -> None:
        """Calibrate anew on rows as for :meth:`fit` that were never trained on.

        A metric with fewer than 8 labels among them stays as it is.

        Raises:
            LabelError: If the rows are unusable, or a label is far beyond those trained on.
            SettingsError: If the head writes no digits.
            UnknownMetricError: If a metric was never trained.
        """
        reader, _, members = self._fitted()
        self.select_metrics(check_rows(texts, labels))
        head, raw = self._digits("Calibration anew"), Rows(texts, labels, self._metrics).raw
        head.check_reach(raw, self._metrics)
        groups = np.array(self._groups)[(~np.isnan(raw)).argmax(axis=1)]
        self._members = head.recalibrated(members, reader.prepare(texts, groups), head.rows(raw))

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
        reader, head, members = self._fitted()
        wanted = self.select_metrics(metrics)
        ids = [self._metrics.index(metric) for metric in wanted]
        if decoding not in ("alone", "chain"):
            raise SettingsError(f"`decoding` must be 'alone' or 'chain', but got {decoding!r}.")
        if condition_on and decoding == "chain":
            raise SettingsError("`condition_on` needs `decoding` 'alone', but got 'chain'.")
        if condition_on or decoding == "chain":
            head = self._digits("`condition_on` and `decoding` 'chain'")
        given = self._numerals(condition_on or {}, len(texts))
        if given.keys() & set(ids):
            raise SettingsError(f"A known metric cannot be predicted too, but got {wanted}.")
        keep_freed_memory()
        distinct = texts if given else list(dict.fromkeys(texts))
        prepared = reader.prepare(distinct)
        tables = tables_of(
            head,
            members,
            prepared,
            ids,
            self._groups,
            given=given,
            is_chain=decoding == "chain",
            said=self._said(distinct, ids),
        )
        rows_of = np.arange(len(texts))
        if len(distinct) < len(texts):
            row_of = {text: row for row, text in enumerate(distinct)}
            rows_of = np.array([row_of[text] for text in texts])
        return Prediction(
            {
                metric: assembled(prepared.batches(), tables[place], rows_of)
                for place, metric in enumerate(wanted)
            }
        )

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
        reader, _, members = self._fitted()
        if not 0 < temperature < math.inf or not 0 < top_p <= 1:
            raise SettingsError(
                "`temperature` must be above 0 and finite, and `top_p` in (0, 1], but got "
                f"{temperature!r} and {top_p!r}."
            )
        check_range("n_samples", n_samples, 0)
        head = self._digits("Sampling token by token")
        wanted = self.select_metrics(metrics)
        ids = [self._metrics.index(metric) for metric in wanted]
        generator = torch.Generator().manual_seed(seed)
        drawn = draws_of(
            head,
            members,
            reader.prepare(texts),
            ids,
            self._groups,
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
        stored = StoredRlm(
            self.settings, self._metrics, self._groups, *parts, self._process, self._training
        )
        write_checkpoint(folder, self.name, stored.state(), stored.weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint; see the base class."""
        state, weights = read_checkpoint(folder, cls.name)
        try:
            stored = StoredRlm.restored(state, weights)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = type(error).__name__ if "\n" in str(error) else repr(error)
            raise CheckpointError(
                f"{folder} must hold a whole RLM, but it does not: {reason}. Train it again."
            ) from error
        regressor = cls(**stored.settings.to_json())
        regressor._metrics, regressor._groups = stored.metrics, stored.groups
        regressor._training = stored.training
        regressor._reader, regressor._head = stored.reader, stored.head
        regressor._members, regressor._process = stored.members, stored.process
        return regressor

    def _fitted(self) -> tuple[TextReader, Head, list[Member]]:
        """Return reader, head and members or refuse."""
        if self._reader is None or self._head is None:
            raise NotFittedError("An RLM must be fitted before use. Call `fit` or `load` first.")
        return self._reader, self._head, self._members

    def adapted_to(self, texts: Sequence[str]) -> Self:
        """Measure every text by these; see the base class."""
        reader, _, _ = self._fitted()
        adapted = copy.copy(self)
        adapted._reader = reader.rescaled([texts] * (1 + max(self._groups)))
        return adapted

    def _said(self, texts: Sequence[str], metrics: Sequence[int]) -> list[Opinion] | None:
        """What the process on the counts says of every numeral; None if there is none."""
        if self._process is None:
            return None
        head = self._digits("A process on counts")
        leaves = [head.trie(metric).leaf_values for metric in metrics]
        return self._process.opinions(texts, metrics, leaves)

    def _digits(self, what: str) -> DigitsHead:
        """Return the head if it writes digits, else say what needs them."""
        _, head, _ = self._fitted()
        if not isinstance(head, DigitsHead):
            raise SettingsError(
                f"{what} must have `head` 'digits', but this RLM has {head.name!r}."
            )
        return head

    def _numerals(
        self, known: Mapping[str, NDArray[np.float64]], n_texts: int
    ) -> dict[int, torch.Tensor]:
        """Spell known values of metrics, shape (n, length) each."""
        numerals = {}
        for metric in self.select_metrics(list(known)):
            k = self._metrics.index(metric)
            values = np.asarray(known[metric], dtype=np.float64)
            if values.shape != (n_texts,) or not np.isfinite(values).all():
                raise LabelError(
                    f"Known {metric!r} must be {n_texts} finite values, but got shape "
                    f"{values.shape}."
                )
            numerals[k] = self._digits("A known metric").spell(k, values)
        return numerals
