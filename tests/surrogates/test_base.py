"""Distributions against closed forms and brute force; checks of rows."""

import math

import numpy as np
import pytest

from surrogates.base import Prediction, PredictiveDistribution, check_rows
from surrogates.errors import LabelError, SettingsError, UnknownMetricError

FAIR_DIE = PredictiveDistribution(
    np.arange(1.0, 7.0)[None, :].repeat(2, axis=0), np.full((2, 6), 1 / 6)
)


def random_distribution(rng: np.random.Generator, n: int, k: int) -> PredictiveDistribution:
    values = np.sort(rng.integers(0, 6, (n, k)).astype(float), axis=1)
    weights = rng.random((n, k))
    return PredictiveDistribution(values, weights / weights.sum(axis=1, keepdims=True))


def test_moments_of_a_die() -> None:
    assert FAIR_DIE.mean == pytest.approx([3.5, 3.5])
    assert FAIR_DIE.std == pytest.approx([math.sqrt(35 / 12)] * 2)
    assert FAIR_DIE.median.tolist() == [3.0, 3.0]
    assert len(FAIR_DIE) == 2


@pytest.mark.parametrize(
    ("q", "value"), [(0.0, 1.0), (1 / 6, 1.0), (0.17, 2.0), (0.5, 3.0), (0.51, 4.0), (1.0, 6.0)]
)
def test_quantile_is_the_smallest_value_that_reaches_it(q: float, value: float) -> None:
    assert FAIR_DIE.quantile(q).tolist() == [value, value]


def test_interval_holds_its_level() -> None:
    assert FAIR_DIE.interval(0.5).tolist() == [[2.0, 5.0]] * 2
    assert FAIR_DIE.interval(1.0).tolist() == [[1.0, 6.0]] * 2
    assert FAIR_DIE.interval(0.0).tolist() == [[3.0, 3.0]] * 2


@pytest.mark.parametrize("level", [-0.1, 1.1])
def test_levels_outside_the_unit_interval_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"`level` must lie in \[0, 1\]"):
        FAIR_DIE.interval(level)
    with pytest.raises(ValueError, match=r"`q` must lie in \[0, 1\]"):
        FAIR_DIE.quantile(level)


def test_a_value_without_mass_is_no_quantile() -> None:
    distribution = PredictiveDistribution(np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 0.5, 0.5]]))
    assert distribution.quantile(0.5).tolist() == [1.0]
    assert distribution.quantile(1e-6).tolist() == [1.0]


def test_samples_follow_the_probabilities(rng: np.random.Generator) -> None:
    distribution = PredictiveDistribution(
        np.array([[1.0, 2.0, 5.0], [0.0, 3.0, 4.0]]),
        np.array([[0.2, 0.5, 0.3], [0.0, 0.9, 0.1]]),
    )
    samples = distribution.sample(rng, 40_000)
    assert samples.shape == (40_000, 2)
    for row in range(2):
        for value, probability in zip(
            distribution.values[row], distribution.probabilities[row], strict=True
        ):
            share = (samples[:, row] == value).mean()
            assert share == pytest.approx(
                probability, abs=4 * math.sqrt(probability * (1 - probability) / 40_000) + 1e-12
            )


def test_probability_less_equals_brute_force(rng: np.random.Generator) -> None:
    first, second = random_distribution(rng, 20, 5), random_distribution(rng, 20, 7)
    for row, found in enumerate(first.probability_less(second)):
        expected = sum(
            p * q * (1.0 if a < b else 0.5 if a == b else 0.0)
            for a, p in zip(first.values[row], first.probabilities[row], strict=True)
            for b, q in zip(second.values[row], second.probabilities[row], strict=True)
        )
        assert found == pytest.approx(expected)


def test_probability_less_is_antisymmetric(rng: np.random.Generator) -> None:
    first, second = random_distribution(rng, 9, 4), random_distribution(rng, 9, 4)
    total = first.probability_less(second) + second.probability_less(first)
    assert total == pytest.approx(np.ones(9))
    assert first.probability_less(first) == pytest.approx(np.full(9, 0.5))


def test_probability_less_needs_the_same_rows(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="same rows, but got 2 and 3"):
        FAIR_DIE.probability_less(random_distribution(rng, 3, 2))


def test_a_point_has_no_spread() -> None:
    point = PredictiveDistribution.point(np.array([2.0, -1.0]))
    assert point.mean.tolist() == [2.0, -1.0]
    assert point.std.tolist() == [0.0, 0.0]
    assert point.interval(0.9).tolist() == [[2.0, 2.0], [-1.0, -1.0]]


def test_an_empty_distribution_answers_with_empty_arrays(rng: np.random.Generator) -> None:
    empty = PredictiveDistribution.point(np.zeros(0))
    assert empty.mean.shape == empty.median.shape == empty.std.shape == (0,)
    assert empty.interval(0.5).shape == (0, 2)
    assert empty.sample(rng, 3).shape == (3, 0)
    assert empty.probability_less(empty).shape == (0,)


def test_take_keeps_the_order_asked_for(rng: np.random.Generator) -> None:
    distribution = random_distribution(rng, 5, 3)
    taken = distribution.take([4, 0])
    assert taken.mean == pytest.approx(distribution.mean[[4, 0]])


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"one shape \(n, k\)"):
        PredictiveDistribution(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"one shape \(n, k\)"):
        PredictiveDistribution(np.zeros(2), np.zeros(2))


def test_a_prediction_is_a_mapping_in_decoding_order() -> None:
    prediction = Prediction({"b": FAIR_DIE, "a": FAIR_DIE})
    assert list(prediction) == ["b", "a"]
    assert len(prediction) == 2
    assert prediction["a"] is FAIR_DIE
    assert "c" not in prediction


def test_a_metric_that_was_not_predicted_is_named() -> None:
    with pytest.raises(UnknownMetricError, match=r"^Metric 'c' was not predicted.*\['a'\]\.$"):
        Prediction({"a": FAIR_DIE})["c"]


def test_metrics_of_a_prediction_have_the_same_rows() -> None:
    with pytest.raises(ValueError, match="same rows"):
        Prediction({"a": FAIR_DIE, "b": PredictiveDistribution.point(np.zeros(3))})


def test_metrics_come_in_order_of_first_appearance() -> None:
    rows = [{"b": 1.0}, {"a": 2.0, "b": 3.0}, {"c": 0.0}]
    assert check_rows(["x", "y", "z"], rows) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["x"], [], "1 texts and 0 mappings"),
        ([], [], "at least one row"),
        (["x", "y"], [{"a": 1.0}, {}], "row 1 has none"),
        (["x"], [{"a": math.nan}], "'a' of row 0 is nan"),
        (["x"], [{"a": -math.inf}], "'a' of row 0 is -inf"),
        (["x"], [{"a": -1.1e300}], "at most 1e\\+300, but 'a' of row 0 is -1.1e"),
    ],
)
def test_unusable_rows_are_refused(
    texts: list[str], labels: list[dict[str, float]], message: str
) -> None:
    with pytest.raises(LabelError, match=message):
        check_rows(texts, labels)


def test_selected_metrics_are_known_and_distinct() -> None:
    from surrogates.baselines.constant import ConstantPredictor

    fitted = ConstantPredictor().fit(["x"], [{"a": 1.0, "b": 2.0}])
    assert fitted.select_metrics(None) == ["a", "b"]
    assert fitted.select_metrics(["b"]) == ["b"]
    with pytest.raises(UnknownMetricError, match=r"'c' was never trained. Trained: \['a', 'b'\]"):
        fitted.select_metrics(["c"])
    with pytest.raises(SettingsError, match="distinct"):
        fitted.select_metrics(["a", "a"])
