"""Networks trained alike from different seeds: fit, predict, save and load, whatever they read.

The subclasses say what a text becomes (:class:`Reader`) and which network reads that. With several
members the distribution has one value each, equally likely; with one member it is a point.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import read_checkpoint, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError
from surrogates.gnn.batch_parts import batches_by_area
from surrogates.gnn.settings import NetworkSettings
from surrogates.gnn.training import fit_heads, train, with_heads
from surrogates.inputs.text_memory import distinct_texts
from surrogates.targets import Target, fit_targets, read_targets, targets_to_state
from surrogates.transfer import starting_metrics


@dataclass(frozen=True)
class ReadRows:
    """Texts as a network reads them.

    Attributes:
        lengths: What each row costs: a batch costs its rows times its greatest length squared.
        collate: From row numbers, shape ``(k,)``, to the network's argument.
    """

    lengths: Sequence[int]
    collate: Callable[[NDArray[np.int64]], Any]


class Reader(ABC):
    """Turns texts into what a network reads; fitted on the training texts, stored as JSON."""

    @abstractmethod
    def read(self, texts: Sequence[str]) -> ReadRows:
        """Read texts.

        Raises:
            TextError: If a text cannot be read.
        """

    @abstractmethod
    def to_state(self) -> dict[str, Any]:
        """Return all that :meth:`NetworkEnsemble.restore_reader` needs, as JSON can hold it."""


@dataclass(frozen=True)
class _Fitted:
    """All that prediction needs."""

    reader: Reader
    networks: tuple[nn.Module, ...]
    targets: dict[str, Target]


class NetworkEnsemble(Surrogate):
    """Several networks with one head a metric; subclasses give reader, network and defaults."""

    settings_type: ClassVar[type[NetworkSettings]] = NetworkSettings
    can_finetune: ClassVar[bool] = True
    noun: ClassVar[str] = "graph network"
    max_batch_pairs: ClassVar[int] = 4_000_000
    """Pairs of statements predicted at once: what bounds the memory of a dense relation."""

    def __init__(self, **settings: Any) -> None:
        """Create an unfitted surrogate.

        Args:
            **settings: Fields of ``settings_type``.

        Raises:
            SettingsError: If a setting is out of range.
            TypeError: If a setting is unknown.
        """
        self.settings = self.settings_type(**settings)
        self._fitted: _Fitted | None = None

    @abstractmethod
    def fit_reader(self, texts: Sequence[str]) -> Reader:
        """Return a reader fitted on training texts."""

    @abstractmethod
    def restore_reader(self, state: dict[str, Any]) -> Reader:
        """Return the reader whose :meth:`Reader.to_state` is within a checkpoint's state."""

    @abstractmethod
    def make_network(self, reader: Reader, n_metrics: int) -> nn.Module:
        """Create a network of these settings, with a linear layer ``heads`` as its last."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metric names of the training rows, in order of first appearance."""
        return () if self._fitted is None else tuple(self._fitted.targets)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Train all members from scratch; see :meth:`surrogates.Surrogate.fit`.

        The global generators of torch and numpy are left as they were.
        """
        metrics = check_rows(texts, labels)
        reader = self.fit_reader(texts)

        def fresh(_: int) -> nn.Module:
            return self.make_network(reader, len(metrics))

        self._fitted = self._train(
            reader, reader.read(texts), labels, fresh, self.settings, seed, progress
        )
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
    ) -> Self:
        """Train copies of all members further; see :meth:`surrogates.Surrogate.finetune`.

        The reader stays, scales of labels are those of the new rows, and the head of a metric
        starts as the average of the heads of the metrics that it starts from.
        """
        fitted = self._require_fitted("is fine-tuned")
        known = list(fitted.targets)
        starts = starting_metrics(known, check_rows(texts, labels), like)
        origins = [[known.index(name) for name in names] for names in starts.values()]

        def copied(member: int) -> nn.Module:
            network = self.make_network(fitted.reader, len(known))
            network.load_state_dict(fitted.networks[member].state_dict())
            return with_heads(network, origins, are_trained_alone=heads_only)

        tuned = type(self)(**asdict(self.settings))
        tuned._fitted = self._train(
            fitted.reader,
            fitted.reader.read(texts),
            labels,
            copied,
            self.settings.for_finetuning(len(texts), heads_only=heads_only),
            seed,
            progress,
        )
        return tuned

    def _train(
        self,
        reader: Reader,
        rows: ReadRows,
        labels: Sequence[Labels],
        start: Callable[[int], nn.Module],
        settings: NetworkSettings,
        seed: int,
        progress: Progress | None,
    ) -> _Fitted:
        """Train every member from where `start` says, each with a generator of its own."""
        metrics = list(dict.fromkeys(metric for row in labels for metric in row))
        targets, standardised_labels = fit_targets(labels, metrics, settings.rank_share)
        standardised = torch.from_numpy(standardised_labels.astype(np.float32))
        n_steps = settings.steps_for(len(labels))
        total = settings.n_members * n_steps
        networks = []
        for member, child in enumerate(np.random.SeedSequence(seed).spawn(settings.n_members)):

            def report(step: int, loss: float, done: int = member * n_steps) -> None:
                if progress is not None:
                    progress(done + step, total, {"loss": loss})

            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(child.generate_state(1)[0]))
                network = start(member)
                rng = np.random.default_rng(child)
                train(network, rows.collate, rows.lengths, standardised, settings, rng, report)
            if not settings.squared_error_weight:
                fit_heads(
                    network, self._outputs([network], rows, len(metrics))[:, :, 0], standardised
                )
            networks.append(network)
        return _Fitted(reader, tuple(networks), targets)

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Predict with every member, equal texts once; see :meth:`surrogates.Surrogate.predict`."""
        fitted = self._require_fitted("predicts")
        selected = self.select_metrics(metrics)
        distinct, places = distinct_texts(texts)
        outputs = self._outputs(fitted.networks, fitted.reader.read(distinct), len(fitted.targets))
        distributions = {}
        for column, (metric, target) in enumerate(fitted.targets.items()):
            values = np.sort(target.restore(outputs[:, column]), axis=1)[places]
            distributions[metric] = PredictiveDistribution(
                values, np.full_like(values, 1.0 / values.shape[1])
            )
        return Prediction({metric: distributions[metric] for metric in selected})

    def save(self, folder: Path) -> None:
        """Write networks, reader and scales; see :meth:`surrogates.Surrogate.save`."""
        fitted = self._require_fitted("is saved")
        state = {
            "settings": asdict(self.settings),
            **fitted.reader.to_state(),
            "targets": targets_to_state(fitted.targets),
        }
        weights = {
            f"{member}.{name}": tensor
            for member, network in enumerate(fitted.networks)
            for name, tensor in network.state_dict().items()
        }
        write_checkpoint(folder, self.name, state, weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state, weights = read_checkpoint(folder, cls.name)
        try:
            loaded = cls(**state["settings"])
            targets = read_targets(state["targets"])
            reader = loaded.restore_reader(state)
            networks = []
            for member in range(loaded.settings.n_members):
                network = loaded.make_network(reader, len(targets))
                prefix = f"{member}."
                names = [name for name in weights if name.startswith(prefix)]
                own = {name.removeprefix(prefix): weights.pop(name) for name in names}
                network.load_state_dict(own)
                networks.append(network.eval())
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(
                f"{folder} must hold a {cls.noun}, but it is damaged: {error}."
            ) from error
        if weights:
            raise CheckpointError(
                f"{folder} must hold {loaded.settings.n_members} networks, but it holds more: "
                f"{min(weights)!r}."
            )
        loaded._fitted = _Fitted(reader, tuple(networks), targets)
        return loaded

    def _outputs(
        self, networks: Sequence[nn.Module], rows: ReadRows, n_metrics: int
    ) -> NDArray[np.float64]:
        """Standardised outputs, shape ``(n, m, members)``."""
        outputs = np.zeros((len(rows.lengths), n_metrics, len(networks)))
        with torch.inference_mode():
            for chosen in batches_by_area(rows.lengths, self.max_batch_pairs):
                batch = rows.collate(chosen)
                for member, network in enumerate(networks):
                    outputs[chosen, :, member] = network(batch).double().numpy()
        return outputs

    def _require_fitted(self, what: str) -> _Fitted:
        """Return the fitted state, or say that there is none."""
        if self._fitted is None:
            raise NotFittedError(f"A {self.noun} must be fitted before it {what}.")
        return self._fitted
