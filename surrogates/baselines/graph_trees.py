"""Gradient-boosted trees on graph features: the strong classical baseline.

Features after GRAF, arXiv:2404.16551, of the text's whole graph, for a surrogate sees no genome;
see :mod:`surrogates.inputs.graph_features`. scikit-learn grows the trees; what is kept and stored
is their arrays, so a checkpoint holds no pickle and predicts without scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.baselines.settings import GraphTreesSettings
from surrogates.checkpoint import read_checkpoint, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError
from surrogates.inputs.feature_table import FeatureTable
from surrogates.targets import Target, fit_targets, read_targets, targets_to_state

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 256
_PARTS = ("column", "threshold", "left", "right", "value")


@dataclass(frozen=True)
class Forest:
    """Trees whose values add up, as arrays over trees and nodes.

    Attributes:
        column: Shape ``(t, k)``, integers; which column a node asks about, -1 in a leaf.
        threshold: Shape ``(t, k)``; a row whose column is at most this goes left.
        left: Shape ``(t, k)``, integers; a leaf points to itself.
        right: Likewise.
        value: Shape ``(t, k)``; what a leaf adds.
        start: What is added to.
    """

    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    start: float

    @classmethod
    def constant(cls, value: float) -> Forest:
        """Return a forest of no trees."""
        whole, real = np.zeros((0, 1), np.int32), np.zeros((0, 1))
        return cls(whole, real, whole, whole, real, value)

    @classmethod
    def of(cls, trees: Sequence[Any], start: float, share: float) -> Forest:
        """Copy the arrays of scikit-learn's trees.

        Args:
            trees: ``tree_`` of each regressor.
            start: What is added to.
            share: That each tree's values are multiplied by.
        """
        size = max(tree.node_count for tree in trees)
        itself = np.arange(size, dtype=np.int32)
        column = np.full((len(trees), size), -1, np.int32)
        left, right = np.tile(itself, (len(trees), 1)), np.tile(itself, (len(trees), 1))
        threshold, value = np.zeros(column.shape), np.zeros(column.shape)
        for row, tree in enumerate(trees):
            k = tree.node_count
            is_leaf = tree.children_left < 0
            column[row, :k] = np.where(is_leaf, -1, tree.feature)
            threshold[row, :k] = tree.threshold
            left[row, :k] = np.where(is_leaf, itself[:k], tree.children_left)
            right[row, :k] = np.where(is_leaf, itself[:k], tree.children_right)
            value[row, :k] = share * tree.value[:, 0, 0]
        return cls(column, threshold, left, right, value, start)

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over trees, shape ``(n,)``, for features of shape ``(n, c)``."""
        rounded = features.astype(np.float32).astype(np.float64)  # as the trees were grown
        total = np.full(len(features), self.start)
        trees = np.arange(len(self.column))
        for first in range(0, len(features), _CHUNK):
            rows = rounded[first : first + _CHUNK]
            place = np.zeros((len(rows), len(trees)), np.int32)
            while True:
                column = self.column[trees, place]
                if not (column >= 0).any():
                    break
                asked = np.take_along_axis(rows, np.maximum(column, 0), axis=1)
                goes_left = asked <= self.threshold[trees, place]
                place = np.where(goes_left, self.left[trees, place], self.right[trees, place])
            total[first : first + _CHUNK] += self.value[trees, place].sum(axis=1)
        return total


@dataclass(frozen=True)
class _Fitted:
    """All that prediction needs."""

    table: FeatureTable
    targets: dict[str, Target]
    forests: dict[str, tuple[Forest, ...]]


class GraphTreesRegressor(Surrogate):
    """Gradient-boosted trees on the features of the statement graph, one sequence a metric.

    With several members the distribution has one value each, equally likely.
    """

    name: ClassVar[str] = "graph_trees"

    def __init__(self, **settings: Any) -> None:
        """Create an unfitted surrogate.

        Args:
            **settings: Fields of :class:`GraphTreesSettings`.

        Raises:
            SettingsError: If a setting is out of range.
            TypeError: If a setting is unknown.
        """
        self.settings = GraphTreesSettings(**settings)
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
        """Grow all members from nothing; see :meth:`surrogates.Surrogate.fit`."""
        metrics = check_rows(texts, labels)
        table = FeatureTable.fit(texts)
        features = table.matrix(texts)
        targets, standardised = fit_targets(labels, metrics, self.settings.rank_share)
        forests: dict[str, tuple[Forest, ...]] = {}
        total = len(metrics) * self.settings.n_members
        children = np.random.SeedSequence(seed).spawn(self.settings.n_members)
        for k, metric in enumerate(metrics):
            known = ~np.isnan(standardised[:, k])
            members = []
            for child in children:
                members.append(self._grow(features[known], standardised[known, k], child))
                if progress is not None:
                    progress(k * len(children) + len(members), total, {})
            forests[metric] = tuple(members)
        self._fitted = _Fitted(table, targets, forests)
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Predict with every member; see :meth:`surrogates.Surrogate.predict`."""
        fitted = self._require_fitted("predict")
        features = fitted.table.matrix(texts)
        found = {}
        for metric in self.select_metrics(metrics):
            outputs = [forest.predict(features) for forest in fitted.forests[metric]]
            values = np.sort(fitted.targets[metric].restore(np.stack(outputs, axis=1)), axis=1)
            found[metric] = PredictiveDistribution(
                values, np.full_like(values, 1.0 / values.shape[1])
            )
        return Prediction(found)

    def save(self, folder: Path) -> None:
        """Write the arrays of all trees; see :meth:`surrogates.Surrogate.save`."""
        from torch import from_numpy

        fitted = self._require_fitted("are saved")
        weights: dict[str, Tensor] = {}
        for k, members in enumerate(fitted.forests.values()):
            for member, forest in enumerate(members):
                for part in _PARTS:
                    weights[f"{k}.{member}.{part}"] = from_numpy(getattr(forest, part))
        state = {
            "settings": asdict(self.settings),
            "features": fitted.table.to_state(),
            "targets": targets_to_state(fitted.targets),
            "starts": [[f.start for f in members] for members in fitted.forests.values()],
        }
        write_checkpoint(folder, self.name, state, weights)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state, weights = read_checkpoint(folder, cls.name)
        try:
            loaded = cls(**state["settings"])
            table = FeatureTable.from_state(state["features"])
            targets = read_targets(state["targets"])
            forests = {
                metric: tuple(
                    check_forest(
                        Forest(
                            column=weights[f"{k}.{member}.column"].numpy(),
                            threshold=weights[f"{k}.{member}.threshold"].numpy(),
                            left=weights[f"{k}.{member}.left"].numpy(),
                            right=weights[f"{k}.{member}.right"].numpy(),
                            value=weights[f"{k}.{member}.value"].numpy(),
                            start=float(start),
                        ),
                        len(table.names),
                    )
                    for member, start in enumerate(starts)
                )
                for k, (metric, starts) in enumerate(zip(targets, state["starts"], strict=True))
            }
            if not all(forests.values()):
                raise ValueError("a metric has no trees")  # noqa: TRY301 - one sentence for all
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"{folder} must hold boosted trees, but it is damaged: {error!r}."
            ) from error
        loaded._fitted = _Fitted(table, targets, forests)
        return loaded

    def _grow(
        self,
        features: NDArray[np.float64],
        labels: NDArray[np.float64],
        child: np.random.SeedSequence,
    ) -> Forest:
        """Grow one member; constant labels need no tree."""
        if not np.ptp(labels) or not np.ptp(features, axis=0).any():
            return Forest.constant(float(labels.mean()))
        from sklearn.ensemble import GradientBoostingRegressor

        settings = self.settings
        grown = GradientBoostingRegressor(
            n_estimators=settings.n_trees,
            max_depth=settings.max_depth,
            learning_rate=settings.learning_rate,
            subsample=settings.row_share,
            max_features=settings.column_share,
            min_samples_leaf=settings.min_leaf_rows,
            random_state=int(child.generate_state(1)[0]),
        ).fit(features, labels)
        trees = [tree.tree_ for tree in grown.estimators_[:, 0]]
        return Forest.of(trees, float(labels.mean()), settings.learning_rate)

    def _require_fitted(self, what: str) -> _Fitted:
        """Return the fitted state, or say that there is none."""
        if self._fitted is None:
            raise NotFittedError(f"Boosted trees must be fitted before they {what}.")
        return self._fitted


def check_forest(forest: Forest, n_columns: int) -> Forest:
    """Refuse arrays that walking would leave or never finish.

    Raises:
        ValueError: If the shapes differ, a node asks about a column that is not there, or a child
            does not come after its parent.
    """
    t, k = forest.column.shape
    itself = np.arange(k)
    is_leaf = forest.column < 0
    for part in _PARTS:
        if getattr(forest, part).shape != (t, k):
            raise ValueError(f"trees: {part!r} has another shape")
    if forest.column.size and forest.column.max() >= n_columns:
        raise ValueError("trees: a column is not there")
    for child in (forest.left, forest.right):
        is_after = (child > itself) & (child < k)
        if not np.where(is_leaf, child == itself, is_after).all():
            raise ValueError("trees: a child does not follow its parent")
    return forest
