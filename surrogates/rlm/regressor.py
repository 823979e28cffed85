"""The RLM as a :class:`Surrogate`: fit on texts and numbers, predict exact distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import read_manifest, read_weights, write_checkpoint
from surrogates.errors import CheckpointError, LabelError, NotFittedError, SettingsError
from surrogates.inputs.batches import GraphBatch, StatementInterner, by_length
from surrogates.inputs.statements import read_all
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.rlm.digit_trie import digit_trie
from surrogates.rlm.metric_scale import MetricScale
from surrogates.rlm.model import RlmNetwork, TrieTensors
from surrogates.rlm.number_tokens import NumeralGrammar
from surrogates.rlm.prediction import chain_distributions, exact_distribution, sample_numerals
from surrogates.rlm.settings import RlmSettings
from surrogates.rlm.training import TrainingRows, train

_CHAIN_MIN_MASS = 1e-3


class _Member(NamedTuple):
    """One trained network, and how sharp its distributions are made for each metric."""

    network: RlmNetwork
    sharpness: list[float]

    def decode(
        self,
        batch: GraphBatch,
        ids: Sequence[int],
        tries: Sequence[TrieTensors],
        known: Mapping[int, torch.Tensor],
        *,
        is_chain: bool,
    ) -> list[torch.Tensor]:
        """Probabilities of all numerals of each metric, shape (n, l) each."""
        sharpness = [self.sharpness[k] for k in ids]
        with torch.inference_mode():
            memory = self.network.encode(batch)
            if is_chain:
                return chain_distributions(
                    self.network, memory, ids, tries, sharpness, min_mass=_CHAIN_MIN_MASS
                )
            return [
                exact_distribution(self.network, memory, k, trie, known, sharp)
                for k, trie, sharp in zip(ids, tries, sharpness, strict=True)
            ]


def _progress_of_member(progress: Progress | None, member: int, n_members: int) -> Progress | None:
    """Count the steps of one member as part of all."""
    if progress is None:
        return None

    def shown(step: int, total: int, scalars: Mapping[str, float]) -> None:
        progress(member * total + step, n_members * total, scalars)

    return shown


class RlmRegressor(Surrogate):
    """A Regression Language Model over ONNX text.

    Example:
        >>> from surrogates import get_surrogate
        >>> get_surrogate("rlm", n_steps=10).metrics
        ()
    """

    name: ClassVar[str] = "rlm"

    def __init__(self, **settings: object) -> None:
        """Create an unfitted RLM.

        Args:
            **settings: Fields of :class:`RlmSettings`.
        """
        self.settings = RlmSettings(**settings)  # type: ignore[arg-type]
        self.grammar = NumeralGrammar(self.settings.n_digits)
        self._metrics: tuple[str, ...] = ()
        self._scales: list[MetricScale] = []
        self._branches: list[tuple[tuple[int, int], ...]] = []
        self._tokenizer: StatementTokenizer | None = None
        self._members: list[_Member] = []

    @property
    def metrics(self) -> tuple[str, ...]:
        """Trained metrics, in decoding order."""
        return self._metrics

    @property
    def n_parameters(self) -> int:
        """Trained numbers; 0 before fitting."""
        networks = [member.network for member in self._members]
        return sum(weight.numel() for network in networks for weight in network.parameters())

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn tokenizer, numeral scales and network from the rows; see the base class."""
        metrics = check_rows(texts, labels)
        schedule = self.settings.schedule(len(texts))
        graphs = read_all(texts)
        tokenizer = StatementTokenizer.train(
            chain.from_iterable(graph.statements for graph in graphs),
            vocabulary_size=self.settings.vocabulary_size,
        )
        raw = np.array([[row.get(metric, np.nan) for metric in metrics] for row in labels])
        present = ~np.isnan(raw)
        scales = [
            MetricScale.fit(raw[present[:, k], k], rank_share=self.settings.rank_share)
            for k in range(len(metrics))
        ]
        scaled = np.column_stack([scale.to_scaled(raw[:, k]) for k, scale in enumerate(scales)])
        tokens = np.zeros((*scaled.shape, self.grammar.length), dtype=np.int64)
        for row, k in np.argwhere(present):
            tokens[row, k] = self.grammar.encode(float(scaled[row, k]))
        branches = [
            tuple(sorted({(int(s), int(e)) for s, e in tokens[present[:, k], k, :2]}))
            for k in range(len(metrics))
        ]
        interner = StatementInterner(tokenizer)
        numbers = interner.intern(graphs)
        tries = [TrieTensors.of(digit_trie(self.grammar, branch)) for branch in branches]
        rows = TrainingRows(graphs, numbers, scaled, tokens, tries)
        members = []
        with torch.random.fork_rng(devices=[]):
            for member in range(schedule.n_members):
                rng = np.random.default_rng([seed, member])
                torch.manual_seed(int(rng.integers(2**63)))
                network = RlmNetwork(
                    self.settings, self.grammar, tokenizer.vocabulary_size, len(metrics)
                )
                shown = _progress_of_member(progress, member, schedule.n_members)
                sharpness = train(network, interner, rows, self.settings, schedule, rng, shown)
                members.append(_Member(network, sharpness))
        self._metrics, self._scales, self._branches = tuple(metrics), scales, branches
        self._tokenizer, self._members = tokenizer, members
        return self

    def predict(
        self,
        texts: Sequence[str],
        metrics: Sequence[str] | None = None,
        *,
        condition_on: Mapping[str, NDArray[np.float64]] | None = None,
        decoding: Literal["alone", "chain"] = "alone",
    ) -> Prediction:
        """Predict exact distributions; see the base class.

        Args:
            texts: ONNX texts, length n.
            metrics: Which metrics, in decoding order; all trained ones when None.
            condition_on: Known values of other metrics, shape ``(n,)`` each: the predictions are
                conditioned on them.
            decoding: ``"alone"`` decodes each metric by itself; ``"chain"`` conditions later
                metrics on the distributions of earlier ones.
        """
        members = self._fitted()
        wanted = self.select_metrics(metrics)
        ids = [self._metrics.index(metric) for metric in wanted]
        given = self._numerals(condition_on or {}, len(texts))
        if decoding not in ("alone", "chain"):
            raise SettingsError(f"`decoding` must be 'alone' or 'chain', but got {decoding!r}.")
        if given and decoding == "chain":
            raise SettingsError("`condition_on` needs `decoding` 'alone', but got 'chain'.")
        if given.keys() & set(ids):
            raise SettingsError(f"A known metric cannot be predicted too, but got {wanted}.")
        tries = [self._trie(k) for k in ids]
        probabilities = [np.zeros((len(texts), len(trie.leaf_values))) for trie in tries]
        for rows, batch in self._batches(texts):
            known = {k: tokens[rows] for k, tokens in given.items()}
            for member in members:
                found = member.decode(batch, ids, tries, known, is_chain=decoding == "chain")
                for table, share in zip(probabilities, found, strict=True):
                    table[rows] += share.numpy()
        return Prediction(
            {
                metric: self._distribution(k, table)
                for metric, k, table in zip(wanted, ids, probabilities, strict=True)
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
            n_samples: Sequences drawn for each text.
            seed: Seed of the draws.
            metrics: Which metrics, in decoding order; all trained ones when None.
            temperature: Divides the logits, above 0.
            top_p: Nucleus mass, in (0, 1].

        Returns:
            Metric name to values, shape ``(n_samples, n)`` each.
        """
        members = self._fitted()
        if temperature <= 0 or not 0 < top_p <= 1:
            raise SettingsError(
                "`temperature` must be above 0 and `top_p` in (0, 1], but got "
                f"{temperature!r} and {top_p!r}."
            )
        wanted = self.select_metrics(metrics)
        generator = torch.Generator().manual_seed(seed)
        drawn = {metric: np.zeros((n_samples, len(texts))) for metric in wanted}
        choice = torch.randint(len(members), (n_samples,), generator=generator).numpy()
        for rows, batch in self._batches(texts):
            for member, (network, sharpness) in enumerate(members):
                places = np.flatnonzero(choice == member)
                origin = torch.arange(len(rows)).repeat(len(places))
                given: dict[int, torch.Tensor] = {}
                with torch.inference_mode():
                    memory = network.encode(batch)
                    for metric in wanted:
                        k = self._metrics.index(metric)
                        given[k] = sample_numerals(
                            network,
                            memory,
                            k,
                            self._trie(k),
                            generator,
                            origin=origin,
                            given=dict(given),
                            temperature=temperature / sharpness[k],
                            top_p=top_p,
                        )
                        scaled = np.array([self.grammar.decode(row) for row in given[k].tolist()])
                        values = self._scales[k].to_raw(scaled).reshape(len(places), len(rows))
                        drawn[metric][np.ix_(places, rows)] = values
        return drawn

    def save(self, folder: Path) -> None:
        """Write the checkpoint; see the base class."""
        members = self._fitted()
        assert self._tokenizer is not None  # noqa: S101 - set together with the members
        state = {
            "settings": self.settings.to_json(),
            "metrics": list(self._metrics),
            "scales": [{"raw": s.raw, "scaled": s.scaled} for s in self._scales],
            "branches": self._branches,
            "sharpness": [member.sharpness for member in members],
            "tokenizer": self._tokenizer.to_json(),
        }
        weights = {
            f"{place}.{name}": tensor
            for place, member in enumerate(members)
            for name, tensor in member.network.state_dict().items()
        }
        write_checkpoint(folder, self.name, state, weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a checkpoint; see the base class."""
        state = read_manifest(folder, cls.name)["state"]
        try:
            settings = RlmSettings.from_json(state["settings"])
            regressor = cls(**settings.to_json())
            regressor._metrics = tuple(state["metrics"])
            regressor._scales = [
                MetricScale(tuple(s["raw"]), tuple(s["scaled"])) for s in state["scales"]
            ]
            regressor._branches = [tuple((s, e) for s, e in b) for b in state["branches"]]
            regressor._tokenizer = StatementTokenizer.from_json(state["tokenizer"])
            weights = read_weights(folder)
            for place, sharpness in enumerate(state["sharpness"]):
                network = RlmNetwork(
                    settings,
                    regressor.grammar,
                    regressor._tokenizer.vocabulary_size,
                    len(regressor._metrics),
                )
                prefix = f"{place}."
                network.load_state_dict(
                    {
                        name.removeprefix(prefix): tensor
                        for name, tensor in weights.items()
                        if name.startswith(prefix)
                    }
                )
                member = _Member(network.eval(), [float(value) for value in sharpness])
                regressor._members.append(member)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{folder} must hold a whole RLM, but it does not: {error}"
            ) from error
        return regressor

    def _fitted(self) -> list[_Member]:
        """Return the members or refuse."""
        if not self._members:
            raise NotFittedError("An RLM must be fitted before use. Call `fit` or `load` first.")
        return self._members

    def _trie(self, metric: int) -> TrieTensors:
        """Legal numerals of a metric."""
        return TrieTensors.of(digit_trie(self.grammar, self._branches[metric]))

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], GraphBatch]]:
        """Read all texts, then batch those of similar length: (rows, batch) pairs."""
        assert self._tokenizer is not None  # noqa: S101 - set together with the members
        graphs = read_all(texts)
        interner = StatementInterner(self._tokenizer)
        numbers = interner.intern(graphs)
        for rows in by_length([len(graph) for graph in graphs]):
            yield rows, interner.collate([graphs[i] for i in rows], [numbers[i] for i in rows])

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
            scaled = self._scales[k].to_scaled(values)
            numerals[k] = torch.tensor([self.grammar.encode(v) for v in scaled.tolist()])
        return numerals

    def _distribution(
        self, metric: int, probabilities: NDArray[np.float64]
    ) -> PredictiveDistribution:
        """Attach the metric's values, in its unit, to probabilities of numerals."""
        leaves = digit_trie(self.grammar, self._branches[metric]).leaf_values
        values = self._scales[metric].to_raw(leaves)
        return PredictiveDistribution(
            np.broadcast_to(values, probabilities.shape),
            probabilities / probabilities.sum(axis=1, keepdims=True),
        )
