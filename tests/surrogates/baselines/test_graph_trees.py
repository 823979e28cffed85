"""Boosted trees: the same numbers as scikit-learn, learns, spreads, refuses damage."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.ensemble import GradientBoostingRegressor

from surrogates import get_surrogate
from surrogates.baselines.graph_trees import Forest, GraphTreesRegressor, check_forest
from surrogates.errors import CheckpointError, SettingsError

Rows = list[dict[str, float]]
QUICK = {"n_trees": 60, "n_members": 1}


def test_arrays_predict_what_scikit_learn_predicts(rng: np.random.Generator) -> None:
    features = rng.normal(size=(300, 5))
    features[:, 1] = rng.integers(0, 3, 300)
    labels = np.sin(features[:, 0]) + features[:, 1]
    grown = GradientBoostingRegressor(n_estimators=30, learning_rate=0.2, random_state=0)
    grown.fit(features, labels)
    trees = [tree.tree_ for tree in grown.estimators_[:, 0]]
    forest = Forest.of(trees, float(labels.mean()), 0.2)
    unseen = np.concatenate([features, rng.normal(size=(300, 5))])
    assert forest.predict(unseen) == pytest.approx(grown.predict(unseen), abs=1e-9)


def test_no_trees_give_the_start() -> None:
    assert Forest.constant(2.5).predict(np.zeros((3, 4))).tolist() == [2.5, 2.5, 2.5]


def stump(left: int, right: int) -> Forest:
    """One question, whether column 0 is at most 2, and two leaves."""
    leaves = [[0, 1, 2]]
    arrays = [np.array([[0, -1, -1]], np.int32), np.array([[2.0, 0.0, 0.0]])]
    children = [np.array(leaves, np.int32) for _ in range(2)]
    children[0][0, 0], children[1][0, 0] = left, right
    return Forest(*arrays, *children, np.array([[9.0, 10.0, 20.0]]), 0.5)


def test_a_row_on_the_threshold_goes_left() -> None:
    assert stump(1, 2).predict(np.array([[1.9], [2.0], [2.1]])).tolist() == [10.5, 10.5, 20.5]


@pytest.mark.parametrize(("left", "right"), [(0, 2), (1, 0), (1, 3)])
def test_a_child_must_come_after_its_parent(left: int, right: int) -> None:
    with pytest.raises(ValueError, match="does not follow its parent"):
        check_forest(stump(left, right), 1)
    check_forest(stump(1, 2), 1)


def test_it_ranks_texts_by_their_structure(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GraphTreesRegressor(**QUICK).fit(small_texts, small_labels)
    truth = np.array([row["accuracy_percent/cifar10"] for row in small_labels])
    predicted = fitted.predict(small_texts)["accuracy_percent/cifar10"].mean
    above = truth[:, None] > truth[None, :]
    assert ((predicted[:, None] > predicted[None, :]) & above).sum() >= 0.9 * above.sum()


def test_members_give_a_spread(small_texts: list[str], small_labels: Rows) -> None:
    quick = QUICK | {"n_members": 3}
    found = GraphTreesRegressor(**quick).fit(small_texts, small_labels).predict(small_texts)
    assert found["macs"].values.shape == (12, 3)
    assert (found["macs"].std > 0).any()


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`max_depth` must be a whole number in .* got 0"):
        get_surrogate("graph_trees", max_depth=0)
    with pytest.raises(SettingsError, match=r"`row_share` must lie in .* got 1\.5"):
        get_surrogate("graph_trees", row_share=1.5)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"unknown": 1}},
        {"starts": []},
        {"starts": [[], []]},
        {"starts": [[0.0, 0.0], [0.0]]},
        {"targets": {}},
        {"features": {"names": []}},
        {"features": {"names": ["params"], "kinds": [], "means": [0.0], "stds": [1.0]}},
    ],
)
def test_damage_is_a_clear_error(
    tmp_path: Path, small_texts: list[str], small_labels: Rows, change: dict[str, object]
) -> None:
    GraphTreesRegressor(**QUICK).fit(small_texts, small_labels).save(tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"state": manifest["state"] | change}))
    with pytest.raises(CheckpointError, match="must hold boosted trees, but it is damaged"):
        GraphTreesRegressor.load(tmp_path)


@pytest.mark.parametrize(
    ("part", "reason"), [("left", "does not follow its parent"), ("value", "another shape")]
)
def test_trees_that_walk_in_circles_are_refused(
    tmp_path: Path, small_texts: list[str], small_labels: Rows, part: str, reason: str
) -> None:
    GraphTreesRegressor(**QUICK).fit(small_texts, small_labels).save(tmp_path)
    path = tmp_path / "weights.safetensors"
    weights = load_file(path)
    name = f"0.0.{part}"
    weights[name] = torch.zeros_like(weights[name])[: None if part == "left" else 1].contiguous()
    save_file(weights, path)
    with pytest.raises(CheckpointError, match=reason):
        GraphTreesRegressor.load(tmp_path)
