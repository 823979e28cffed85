"""The Gaussian process: learns, knows what it does not know, refuses what it cannot hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates.baselines.graph_gp import GraphGpRegressor
from surrogates.errors import CheckpointError, LabelError, SettingsError
from surrogates.inputs.feature_table import FeatureTable

Rows = list[dict[str, float]]


def test_it_ranks_texts_by_their_structure(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GraphGpRegressor().fit(small_texts, small_labels)
    truth = np.array([row["accuracy_percent/cifar10"] for row in small_labels])
    predicted = fitted.predict(small_texts)["accuracy_percent/cifar10"].mean
    above = truth[:, None] > truth[None, :]
    assert ((predicted[:, None] > predicted[None, :]) & above).sum() >= 0.9 * above.sum()


def test_far_from_the_rows_it_is_less_sure(small_texts: list[str]) -> None:
    seen = [*small_texts[:3], *small_texts[9:]]
    fitted = GraphGpRegressor().fit(seen, [{"m": float(k) ** 2} for k in range(6)])
    prediction = fitted.predict(small_texts)["m"]
    assert prediction.std[[3, 4, 5, 6, 7, 8]].mean() > 1.2 * prediction.std[[0, 1, 9, 10]].mean()


def test_too_many_rows_are_refused(small_texts: list[str], small_labels: Rows) -> None:
    refusal = r"at most `max_rows` = 11 rows of a metric, but got 12\. Use 'graph"
    with pytest.raises(LabelError, match=refusal):
        GraphGpRegressor(max_rows=11).fit(small_texts, small_labels)
    halves = [{f"m{place % 2}": float(place)} for place in range(len(small_texts))]
    assert len(GraphGpRegressor(max_rows=6).fit(small_texts, halves).metrics) == 2


def test_a_part_of_the_rows_may_choose_the_kernel(
    small_texts: list[str], small_labels: Rows
) -> None:
    fitted = GraphGpRegressor(n_tuning_rows=6).fit(small_texts, small_labels)
    truth = np.array([row["accuracy_percent/cifar10"] for row in small_labels])
    mean = fitted.predict(small_texts)["accuracy_percent/cifar10"].mean
    assert np.corrcoef(mean, truth)[0, 1] > 0.8


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`max_rows` must be a whole number in .* got 0"):
        GraphGpRegressor(max_rows=0)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"unknown": 1}},
        {"kernels": []},
        {"kernels": [{"variance": 1.0}] * 2},
        {"kernels": [{"variance": 1.0, "length": 1.0, "noise": -2.0, "linear": 0.0}] * 2},
        {"targets": {}},
        {"columns": {"table": {"names": []}}},
        {"columns": {"table": FeatureTable((), frozenset(), (), ()).to_state(), "means": [1.0]}},
    ],
)
def test_damage_is_a_clear_error(
    tmp_path: Path, small_texts: list[str], small_labels: Rows, change: dict[str, object]
) -> None:
    GraphGpRegressor().fit(small_texts, small_labels).save(tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"state": manifest["state"] | change}))
    with pytest.raises(CheckpointError, match="must hold a Gaussian process, but it is damaged"):
        GraphGpRegressor.load(tmp_path)
