"""Ridge regression: against the closed form, and where rows are few."""

import numpy as np
import pytest

from nas_rlm.comparison.ridge import feature_table, ridge


def test_the_strength_has_the_least_error_of_rows_left_out(rng: np.random.Generator) -> None:
    """Second algorithm: really leave each row out, for each strength."""
    features = rng.normal(size=(12, 20))
    labels = features[:, :3].sum(axis=1) + rng.normal(size=12)
    queries = rng.normal(size=(5, 20))
    centred = features - features.mean(axis=0)
    scale = np.square(centred).sum() / 12

    def solve(x: np.ndarray, y: np.ndarray, at: np.ndarray, strength: float) -> np.ndarray:
        centre, level = x.mean(axis=0), y.mean()
        gram = (x - centre).T @ (x - centre) + strength * np.eye(20)
        return (at - centre) @ np.linalg.solve(gram, (x - centre).T @ (y - level)) + level

    losses = {}
    for strength in np.logspace(-4, 4, 33) * scale:
        left_out = [
            solve(np.delete(features, k, 0), np.delete(labels, k), features[[k]], strength)[0]
            for k in range(12)
        ]
        losses[strength] = np.square(np.array(left_out) - labels).sum()
    best = min(losses, key=lambda strength: losses[strength])
    assert ridge(features, labels, queries) == pytest.approx(
        solve(features, labels, queries, best), rel=1e-6
    )


def test_a_linear_function_is_found(rng: np.random.Generator) -> None:
    features = rng.normal(size=(20, 4))
    weights = np.array([1.0, -2.0, 0.5, 0.0])
    found = ridge(features, features @ weights + 7, np.eye(4))
    assert found == pytest.approx(weights + 7, abs=0.01)


@pytest.mark.parametrize(("features", "labels"), [(0.0, [1.0, 2.0, 3.0]), (1.0, [2.0, 2.0, 2.0])])
def test_nothing_to_learn_gives_the_mean(features: float, labels: list[float]) -> None:
    table = features * np.arange(6.0).reshape(3, 2)
    assert ridge(table, np.array(labels), np.ones((2, 2))).tolist() == [2.0, 2.0]


def test_absent_features_are_zero() -> None:
    assert feature_table([{"b": 2.0}, {"a": 1.0, "b": 3.0}]).tolist() == [[0.0, 2.0], [1.0, 3.0]]
