"""The perceptron on graph features: learns, spreads, refuses damage."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates.baselines.graph_mlp import FeatureMlp, GraphMlpRegressor
from surrogates.errors import CheckpointError, NotFittedError, SettingsError

Rows = list[dict[str, float]]
QUICK = {"width": 16, "n_steps": 80, "n_members": 1, "batch_size": 8}


def test_it_ranks_texts_by_their_structure(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GraphMlpRegressor(**QUICK).fit(small_texts, small_labels)
    truth = np.array([row["accuracy_percent/cifar10"] for row in small_labels])
    predicted = fitted.predict(small_texts)["accuracy_percent/cifar10"].mean
    above = truth[:, None] > truth[None, :]
    assert ((predicted[:, None] > predicted[None, :]) & above).sum() >= 0.9 * above.sum()


def test_layers_are_as_many_as_asked() -> None:
    network = FeatureMlp(n_features=5, n_metrics=2, width=7, n_layers=3, dropout=0.0)
    shapes = [tuple(p.shape) for p in network.parameters() if p.ndim == 2]
    assert shapes == [(7, 5), (7, 7), (7, 7), (2, 7)]


def test_unfitted_use_is_refused() -> None:
    with pytest.raises(NotFittedError, match="A perceptron must be fitted before it predicts"):
        GraphMlpRegressor().predict([])


def test_a_vocabulary_is_no_setting() -> None:
    with pytest.raises(TypeError, match="vocabulary_size"):
        GraphMlpRegressor(vocabulary_size=300)
    with pytest.raises(SettingsError, match="`width` must"):
        GraphMlpRegressor(width=0)


@pytest.mark.parametrize(
    "change", [{"settings": {"width": 8}}, {"features": {"names": []}}, {"targets": {}}]
)
def test_damage_is_a_clear_error(
    tmp_path: Path, small_texts: list[str], small_labels: Rows, change: dict[str, object]
) -> None:
    GraphMlpRegressor(**QUICK | {"n_steps": 1}).fit(small_texts, small_labels).save(tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"state": manifest["state"] | change}))
    with pytest.raises(CheckpointError, match="must hold a perceptron, but it is damaged"):
        GraphMlpRegressor.load(tmp_path)
