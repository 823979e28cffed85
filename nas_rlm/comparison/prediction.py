"""Training a method on the rows of a cell and predicting its test rows.

Whatever the method, the answer is one distribution per target over the test rows. Texts are
exported before, so the seconds are those of the method alone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nas_rlm.comparison.genome_baselines import GenomeKind, fit_genomes
from nas_rlm.comparison.methods import Method, new_surrogate
from nas_rlm.comparison.pretraining import Pretraining
from nas_rlm.comparison.protocol import Comparison
from nas_rlm.comparison.ridge import feature_table, ridge
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.comparison.splits import CellRows
from nas_rlm.comparison.zero_cost_rows import zero_cost_ranks, zero_cost_rows
from nas_rlm.errors import ConfigError
from nas_rlm.nearest_metric import nearest_metric
from nas_rlm.seeding import derived_seed
from surrogates import PredictiveDistribution, Surrogate
from surrogates.extended import ExtendedSurrogate
from surrogates.gaussian_process import normal_quantiles
from surrogates.mixture import finetuned_and_fresh

N_SAMPLES = 64
_NORMAL_POINTS = 200


@dataclass
class Models:
    """Trained models of cells that share them, so that none is trained twice."""

    pretraining: Pretraining
    """What has learned other spaces."""
    _known: dict[tuple[object, ...], tuple[Surrogate, float]] = field(default_factory=dict)

    def fit(
        self,
        method: Method,
        rows: SpaceRows,
        numbers: NDArray[np.int64],
        labels: list[dict[str, float]],
        seed: int,
    ) -> tuple[Surrogate, float]:
        """Return a surrogate trained on rows, and the seconds that its training took.

        Those of a pretrained one are the seconds of fine-tuning.

        Args:
            method: Says which surrogate.
            rows: The space.
            numbers: Training rows.
            labels: Their labels.
            seed: Seed of the training.
        """
        metrics = tuple(dict.fromkeys(name for row in labels for name in row))
        settings = repr(sorted(method.settings.items()))
        key = (
            method.surrogate,
            settings,
            method.pretrained_on,
            method.has_fresh,
            method.is_pruned,
            metrics,
            numbers.tobytes(),
            seed,
        )
        if key not in self._known:
            texts = rows.texts(numbers, is_pruned=method.is_pruned)
            if method.is_pretrained:
                first, _ = self.pretraining.of(method)
                start = time.perf_counter()
                surrogate = _finetuned(method, first, texts, labels, seed)
            else:
                start = time.perf_counter()
                surrogate = new_surrogate(method).fit(texts, labels, seed=seed)
            self._known[key] = surrogate, time.perf_counter() - start
        return self._known[key]


def _finetuned(
    method: Method, first: Surrogate, texts: list[str], labels: list[dict[str, float]], seed: int
) -> Surrogate:
    """A pretrained surrogate trained further, with a fresh one beside it if the method says so."""
    if not method.has_fresh:
        return first.finetune(texts, labels, seed=seed)
    fresh = new_surrogate(replace(method, settings={}))
    return finetuned_and_fresh(first, fresh, texts, labels, seed=seed)


@dataclass(frozen=True)
class CellPrediction:
    """What a method says of the test rows of a cell."""

    distributions: dict[str, PredictiveDistribution]
    """Target to distributions, in the order of the predicted test rows."""
    train_seconds: float
    """Of all models of the cell."""
    predict_seconds: float
    predicted: NDArray[np.int64] | None = None
    """Places in the test rows of those that are predicted; None for all."""


def predict_cell(
    protocol: Comparison,
    rows: SpaceRows,
    method: Method,
    cell: CellRows,
    targets: Sequence[str],
    seed: int,
    models: Models,
) -> CellPrediction:
    """Train and predict.

    Args:
        protocol: What is run.
        rows: The space; the texts of the cell's rows are exported already.
        method: What to train.
        cell: On which rows.
        targets: Columns of the protocol.
        seed: Seed of the cell.
        models: What is trained already.

    Raises:
        ConfigError: If the method cannot be made or does not serve the protocol.
        SurrogateError: If the surrogate refuses.
    """
    metrics = [protocol.targets[target] for target in targets]
    if method.count:
        found = PredictiveDistribution.point(rows.count(method.count, cell.test))
        return CellPrediction(dict.fromkeys(targets, found), 0.0, 0.0)
    if method.zero_cost:
        chosen = zero_cost_rows(rows, cell.test)
        folder = models.pretraining.folder
        found, spent = zero_cost_ranks(rows, cell.test[chosen], method.zero_cost, folder)
        return CellPrediction(dict.fromkeys(targets, found), 0.0, spent, chosen)
    if method.is_lookup:
        by_metric, seconds, total = _lookup(rows, cell, metrics)
    elif method.genome:
        by_metric, seconds, total = _of_genomes(rows, method.genome, cell, metrics, seed)
    elif method.is_pretrained and not len(cell.train):
        by_metric, seconds, total = _unseen(rows, method, cell, metrics, models)
    elif cell.sources and method.transfer != "none":
        by_metric, seconds, total = _from_sources(rows, method, cell, metrics, seed, models)
    else:
        by_metric, seconds, total = _direct(rows, method, cell, metrics, seed, models)
    distributions = {
        target: by_metric[metric] for target, metric in zip(targets, metrics, strict=True)
    }
    return CellPrediction(distributions, seconds, total)


_Found = tuple[dict[str, PredictiveDistribution], float, float]
"""Metric to distributions, seconds of training, seconds of prediction."""


def _direct(
    rows: SpaceRows,
    method: Method,
    cell: CellRows,
    metrics: Sequence[str],
    seed: int,
    models: Models,
) -> _Found:
    """One model for all metrics, or one for each."""
    groups = [[metric] for metric in metrics] if method.is_separate else [list(metrics)]
    texts = rows.texts(cell.test, is_pruned=method.is_pruned)
    found: dict[str, PredictiveDistribution] = {}
    train_seconds = predict_seconds = 0.0
    for group in groups:
        labels = rows.labels(cell.train, group)
        surrogate, seconds = models.fit(method, rows, cell.train, labels, seed)
        start = time.perf_counter()
        found |= _read(method, surrogate, texts, group, seed)
        predict_seconds += time.perf_counter() - start
        train_seconds += seconds
    return found, train_seconds, predict_seconds


def _read(
    method: Method, surrogate: Surrogate, texts: list[str], metrics: list[str], seed: int
) -> dict[str, PredictiveDistribution]:
    """Distributions by the decoding that the method asks for."""
    if method.decoding in ("chain", "sampled"):
        from surrogates.rlm.regressor import RlmRegressor

        if not isinstance(surrogate, RlmRegressor):
            message = (
                f"Decoding {method.decoding!r} of method {method.name!r} needs an RLM, but its "
                f"surrogate is {method.surrogate!r}."
            )
            raise ConfigError(message)
        if method.decoding == "chain":
            return dict(surrogate.predict(texts, metrics, decoding="chain"))
        drawn = surrogate.sample(
            texts, N_SAMPLES, seed=derived_seed(seed, "samples"), metrics=metrics
        )
        shares = np.full((len(texts), N_SAMPLES), 1.0 / N_SAMPLES)
        return {
            metric: PredictiveDistribution(np.sort(drawn[metric].T, axis=1), shares)
            for metric in metrics
        }
    found = dict(surrogate.predict(texts, metrics))
    if method.decoding == "normal":
        return {metric: _normal(distribution) for metric, distribution in found.items()}
    return found


def _normal(members: PredictiveDistribution) -> PredictiveDistribution:
    """A normal distribution with the members' mean and sample deviation, as 200 points.

    A handful of members has no tails of its own; this is how deep ensembles are read
    ("Simple and Scalable Predictive Uncertainty Estimation", arXiv:1612.01474, section 2.4).
    """
    count = members.values.shape[1]
    deviation = members.std * np.sqrt(count / max(count - 1, 1))
    quantiles = normal_quantiles(_NORMAL_POINTS)
    values = members.mean[:, None] + deviation[:, None] * quantiles
    return PredictiveDistribution(values, np.full_like(values, 1.0 / _NORMAL_POINTS))


def _unseen(
    rows: SpaceRows, method: Method, cell: CellRows, metrics: Sequence[str], models: Models
) -> _Found:
    """What other spaces say of the test rows; seconds are those of pretraining."""
    surrogate, seconds = models.pretraining.of(method)
    texts = rows.texts(cell.test)
    start = time.perf_counter()
    found = PredictiveDistribution.point(surrogate.order_unseen(texts))
    return dict.fromkeys(metrics, found), seconds, time.perf_counter() - start


def _of_genomes(
    rows: SpaceRows, kind: GenomeKind, cell: CellRows, metrics: Sequence[str], seed: int
) -> _Found:
    """A learner on genomes, one for each metric."""
    train, test = rows.one_hot(cell.train), rows.one_hot(cell.test)
    found = {}
    train_seconds = predict_seconds = 0.0
    for metric in metrics:
        start = time.perf_counter()
        predict = fit_genomes(kind, train, rows.columns[metric][cell.train], seed)
        fitted = time.perf_counter()
        found[metric] = PredictiveDistribution.point(predict(test))
        train_seconds += fitted - start
        predict_seconds += time.perf_counter() - fitted
    return found, train_seconds, predict_seconds


def _from_sources(
    rows: SpaceRows,
    method: Method,
    cell: CellRows,
    metrics: Sequence[str],
    seed: int,
    models: Models,
) -> _Found:
    """Learn all sources on their rows, then each target from its few rows.

    True source labels of training and test rows are never read.
    """
    numbers = np.unique(np.concatenate(list(cell.sources.values())))
    known = {name: set(own.tolist()) for name, own in cell.sources.items()}
    labels = [
        {name: float(rows.columns[name][row]) for name, own in known.items() if row in own}
        for row in numbers.tolist()
    ]
    surrogate, seconds = models.fit(method, rows, numbers, labels, seed)
    if method.transfer == "ridge":
        start = time.perf_counter()
        found = _by_ridge(rows, surrogate, cell, metrics)
        return found, seconds, time.perf_counter() - start
    train_texts, test_texts = rows.texts(cell.train), rows.texts(cell.test)
    found = {}
    predict_seconds = 0.0
    for metric in metrics:
        start = time.perf_counter()
        own = rows.labels(cell.train, [metric])
        tuned: Surrogate
        if method.transfer == "linear":
            tuned = ExtendedSurrogate.of(surrogate, train_texts, own)
        else:
            nearest = nearest_metric(surrogate, train_texts, own, metric)
            like = {metric: nearest.metric} if nearest else None
            tuned = surrogate.finetune(train_texts, own, like=like, heads_only=True, seed=seed)
        fitted = time.perf_counter()
        found[metric] = tuned.predict(test_texts, [metric])[metric]
        seconds += fitted - start
        predict_seconds += time.perf_counter() - fitted
    return found, seconds, predict_seconds


def _by_ridge(
    rows: SpaceRows, surrogate: Surrogate, cell: CellRows, metrics: Sequence[str]
) -> dict[str, PredictiveDistribution]:
    """Ridge regression from the sources' predicted metrics to each target.

    The features are in standard deviations of the labels of their source.
    """
    asked = np.concatenate([cell.train, cell.test])
    predicted = surrogate.predict(rows.texts(asked), list(cell.sources))
    features = []
    for name, own in cell.sources.items():
        truth = rows.columns[name][own]
        features.append((predicted[name].mean - truth.mean()) / (truth.std() or 1.0))
    return _ridge_each(rows, cell, metrics, np.stack(features, axis=1))


def _lookup(rows: SpaceRows, cell: CellRows, metrics: Sequence[str]) -> _Found:
    """Latency as a sum over operators, each with a cost for its shapes."""
    table = feature_table(rows.operators(np.concatenate([cell.train, cell.test])))
    start = time.perf_counter()
    found = _ridge_each(rows, cell, metrics, table)
    return found, 0.0, time.perf_counter() - start


def _ridge_each(
    rows: SpaceRows, cell: CellRows, metrics: Sequence[str], table: NDArray[np.float64]
) -> dict[str, PredictiveDistribution]:
    """Fit each metric on the training rows, which come first in the table."""
    n = len(cell.train)
    return {
        metric: PredictiveDistribution.point(
            ridge(table[:n], rows.columns[metric][cell.train], table[n:])
        )
        for metric in metrics
    }
