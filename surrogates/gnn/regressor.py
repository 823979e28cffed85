"""The graph network as a surrogate: the strong baseline on the statements that the RLM reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

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
from surrogates.errors import CheckpointError, NotFittedError, SettingsError
from surrogates.gnn.gcn import StatementGcn
from surrogates.gnn.settings import GcnSettings
from surrogates.gnn.training import train
from surrogates.inputs.batches import GraphBatch, StatementInterner
from surrogates.inputs.statements import StatementGraph, read_statements
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.rlm.metric_scale import MetricScale

_PREDICTION_BATCH = 256
_MAX_BATCH_PAIRS = 4_000_000  # pairs of statements held at once: about 100 MB


@dataclass(frozen=True)
class _Target:
    """From a metric's unit to what its head predicts: scaled, then standardised."""

    scale: MetricScale
    mean: float
    std: float

    @classmethod
    def fit(cls, values: NDArray[np.float64], rank_share: float) -> _Target:
        """Fit on the finite training labels of one metric."""
        scale = MetricScale.fit(values, rank_share=rank_share)
        scaled = scale.to_scaled(values)
        return cls(scale, float(scaled.mean()), float(scaled.std()) or 1.0)

    def standardise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the metric's unit; NaN stays NaN."""
        return (self.scale.to_scaled(values) - self.mean) / self.std

    def restore(self, standardised: NDArray[np.float64]) -> NDArray[np.float64]:
        """Back to the metric's unit."""
        return self.scale.to_raw(standardised * self.std + self.mean)


@dataclass(frozen=True)
class _Fitted:
    """All that prediction needs."""

    tokenizer: StatementTokenizer
    networks: tuple[StatementGcn, ...]
    targets: dict[str, _Target]


class GcnRegressor(Surrogate):
    """A graph convolutional network over the statement graph, one head a metric.

    With several members the distribution has one value each, equally likely; with one member it
    is a point.
    """

    name: ClassVar[str] = "gcn"

    def __init__(self, **settings: Any) -> None:
        """Create an unfitted surrogate.

        Args:
            **settings: Fields of :class:`GcnSettings`.

        Raises:
            SettingsError: If a setting is out of range.
            TypeError: If a setting is unknown.
        """
        self.settings = GcnSettings(**settings)
        self._fitted: _Fitted | None = None

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
        graphs = _read(texts)
        tokenizer = StatementTokenizer.train(
            [statement for graph in graphs for statement in graph.statements],
            vocabulary_size=self.settings.vocabulary_size,
        )
        raw = np.array([[row.get(metric, np.nan) for metric in metrics] for row in labels], float)
        targets = {
            metric: _Target.fit(raw[~np.isnan(raw[:, k]), k], self.settings.rank_share)
            for k, metric in enumerate(metrics)
        }
        columns = [targets[metric].standardise(raw[:, k]) for k, metric in enumerate(metrics)]
        standardised = torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))
        interner = StatementInterner(tokenizer)
        numbers = interner.intern(graphs)

        def collate(rows: NDArray[np.int64]) -> GraphBatch:
            return interner.collate([graphs[k] for k in rows], [numbers[k] for k in rows])

        n_steps = self.settings.steps_for(len(texts))
        total = self.settings.n_members * n_steps
        networks = []
        for member, child in enumerate(
            np.random.SeedSequence(seed).spawn(self.settings.n_members)
        ):

            def report(step: int, loss: float, done: int = member * n_steps) -> None:
                if progress is not None:
                    progress(done + step, total, {"loss": loss})

            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(child.generate_state(1)[0]))
                network = self._network(tokenizer, len(metrics))
                rng = np.random.default_rng(child)
                train(network, collate, standardised, self.settings, rng, report)
            networks.append(network)
        self._fitted = _Fitted(tokenizer, tuple(networks), targets)
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Predict with every member; see :meth:`surrogates.Surrogate.predict`."""
        fitted = self._require_fitted("predicts")
        selected = self.select_metrics(metrics)
        graphs = _read(texts)
        interner = StatementInterner(fitted.tokenizer)
        numbers = interner.intern(graphs)
        outputs = np.zeros((len(texts), len(fitted.targets), len(fitted.networks)))
        with torch.inference_mode():
            for rows in batches_by_area([len(graph) for graph in graphs]):
                batch = interner.collate([graphs[k] for k in rows], [numbers[k] for k in rows])
                for member, network in enumerate(fitted.networks):
                    outputs[rows, :, member] = network(batch).double().numpy()
        distributions = {}
        for column, (metric, target) in enumerate(fitted.targets.items()):
            values = np.sort(target.restore(outputs[:, column]), axis=1)
            distributions[metric] = PredictiveDistribution(
                values, np.full_like(values, 1.0 / values.shape[1])
            )
        return Prediction({metric: distributions[metric] for metric in selected})

    def save(self, folder: Path) -> None:
        """Write networks, tokenizer and scales; see :meth:`surrogates.Surrogate.save`."""
        fitted = self._require_fitted("is saved")
        state = {
            "settings": asdict(self.settings),
            "tokenizer": fitted.tokenizer.to_json(),
            "targets": {metric: asdict(target) for metric, target in fitted.targets.items()},
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
        state = read_manifest(folder, cls.name)["state"]
        weights = read_weights(folder)
        try:
            loaded = cls(**state["settings"])
            targets = _read_targets(state["targets"])
            tokenizer = StatementTokenizer.from_json(state["tokenizer"])
            networks = []
            for member in range(loaded.settings.n_members):
                network = loaded._network(tokenizer, len(targets))
                prefix = f"{member}."
                names = [name for name in weights if name.startswith(prefix)]
                own = {name.removeprefix(prefix): weights.pop(name) for name in names}
                network.load_state_dict(own)
                networks.append(network.eval())
        except (KeyError, TypeError, AttributeError, RuntimeError, SettingsError) as error:
            raise CheckpointError(
                f"{folder} must hold a graph network, but it is damaged: {error}."
            ) from error
        if weights:
            raise CheckpointError(
                f"{folder} must hold {loaded.settings.n_members} networks, but it holds more: "
                f"{min(weights)!r}."
            )
        loaded._fitted = _Fitted(tokenizer, tuple(networks), targets)
        return loaded

    def _network(self, tokenizer: StatementTokenizer, n_metrics: int) -> StatementGcn:
        """Create a network of these settings."""
        return StatementGcn(
            vocabulary_size=tokenizer.vocabulary_size,
            n_metrics=n_metrics,
            width=self.settings.width,
            n_layers=self.settings.n_layers,
            dropout=self.settings.dropout,
        )

    def _require_fitted(self, what: str) -> _Fitted:
        """Return the fitted state, or say that there is none."""
        if self._fitted is None:
            raise NotFittedError(f"A graph network must be fitted before it {what}.")
        return self._fitted


def _read_targets(stored: dict[str, Any]) -> dict[str, _Target]:
    """Restore the targets of a checkpoint; there is at least one."""
    if not stored:
        raise KeyError("targets")
    return {
        metric: _Target(
            MetricScale(tuple(target["scale"]["raw"]), tuple(target["scale"]["scaled"])),
            float(target["mean"]),
            float(target["std"]),
        )
        for metric, target in stored.items()
    }


def _read(texts: Sequence[str]) -> list[StatementGraph]:
    """Read texts, each distinct one once."""
    graphs: dict[str, StatementGraph] = {}
    for text in texts:
        if text not in graphs:
            graphs[text] = read_statements(text)
    return [graphs[text] for text in texts]


def batches_by_area(lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return row numbers in batches of similar length; long graphs come in smaller batches.

    A batch holds the relations of all pairs of its statements, so its size is bounded by pairs.

    Args:
        lengths: Statements of each graph.
    """
    batches: list[list[int]] = [[]]
    for row in np.argsort(np.asarray(lengths), kind="stable").tolist():
        grown = len(batches[-1]) + 1
        if grown > _PREDICTION_BATCH or grown * lengths[row] ** 2 > _MAX_BATCH_PAIRS:
            batches.append([])
        batches[-1].append(row)
    return [np.array(batch, dtype=np.int64) for batch in batches if batch]
