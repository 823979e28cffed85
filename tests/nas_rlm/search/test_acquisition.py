import numpy as np
import pytest

from nas_rlm.budget import Budget
from nas_rlm.metrics import parse_metric
from nas_rlm.pareto.hypervolume import hypervolume
from nas_rlm.search.acquisition import draw, reference_of, select_batch
from surrogates.base import PredictiveDistribution

X = parse_metric("latency_ms/local")
Y = parse_metric("accuracy_percent/cifar10")
REFERENCE = np.array([10.0, 0.0])
NOTHING = np.zeros((0, 2))


def draws_of(points: list[tuple[float, float]], n_draws: int = 4) -> dict[str, np.ndarray]:
    """Certain draws of (latency, accuracy)."""
    array = np.array(points)
    return {
        X.name: np.tile(array[:, 0], (n_draws, 1)),
        Y.name: np.tile(array[:, 1], (n_draws, 1)),
    }


def test_the_largest_gain_is_chosen_first() -> None:
    draws = draws_of([(9.0, 10.0), (5.0, 50.0), (2.0, 20.0)])
    assert select_batch(draws, NOTHING, REFERENCE, 1, objectives=[X, Y]).tolist() == [1]


def test_a_near_twin_is_not_chosen_beside_its_better() -> None:
    draws = draws_of([(5.0, 50.0), (5.01, 49.9), (2.0, 10.0)])
    assert select_batch(draws, NOTHING, REFERENCE, 2, objectives=[X, Y]).tolist() == [0, 2]


def test_a_batch_is_the_greedy_one_by_brute_force(rng: np.random.Generator) -> None:
    points = np.stack([rng.uniform(0, 9, (16, 12)), rng.uniform(1, 90, (16, 12))], axis=-1)
    evaluated = np.array([[3.0, -60.0], [6.0, -80.0]])
    draws = {X.name: points[..., 0], Y.name: points[..., 1]}
    chosen = select_batch(draws, evaluated, REFERENCE, 3, objectives=[X, Y])
    minimized = points * np.array([1.0, -1.0])
    expected: list[int] = []
    for _ in range(3):
        volumes = [
            -1.0
            if row in expected
            else np.mean(
                [
                    hypervolume(np.vstack([evaluated, minimized[s, [*expected, row]]]), REFERENCE)
                    for s in range(16)
                ]
            )
            for row in range(12)
        ]
        expected.append(int(np.argmax(volumes)))
    assert chosen.tolist() == expected


def test_uncertainty_counts_not_only_the_mean() -> None:
    """Equal means: only the uncertain one can improve on what is known."""
    evaluated = np.array([[5.0, -50.0]])
    draws = draws_of([(5.0, 50.0), (5.0, 50.0)], n_draws=2)
    draws[Y.name][:, 1] = [30.0, 70.0]
    assert select_batch(draws, evaluated, REFERENCE, 1, objectives=[X, Y]).tolist() == [1]


def test_draws_outside_a_budget_gain_nothing() -> None:
    draws = draws_of([(5.0, 50.0), (2.0, 20.0)])
    budgets = [Budget.parse("latency_ms/local<=4")]
    chosen = select_batch(draws, NOTHING, REFERENCE, 1, objectives=[X, Y], budgets=budgets)
    assert chosen.tolist() == [1]


def test_without_any_gain_the_better_objectives_decide() -> None:
    evaluated = np.array([[0.1, -99.0]])
    draws = draws_of([(8.0, 10.0), (4.0, 60.0), (9.0, 5.0)])
    assert select_batch(draws, evaluated, REFERENCE, 2, objectives=[X, Y])[0] == 1


def test_no_more_than_there_are() -> None:
    draws = draws_of([(8.0, 10.0), (4.0, 60.0)])
    assert sorted(select_batch(draws, NOTHING, REFERENCE, 5, objectives=[X, Y])) == [0, 1]


def test_expected_gain_converges_to_the_exact_one() -> None:
    """Two values of equal chance: the mean gain over draws is the mean of both gains."""
    item = PredictiveDistribution(np.array([[40.0, 60.0]]), np.array([[0.5, 0.5]]))
    latency = PredictiveDistribution.point(np.array([5.0]))
    samples = draw({X.name: latency, Y.name: item}, 20_000, np.random.default_rng(0))
    gains = (10.0 - samples[X.name]) * samples[Y.name]
    assert gains.mean() == pytest.approx(5 * 50, rel=0.01)


def test_the_reference_point_is_behind_every_point(rng: np.random.Generator) -> None:
    points = rng.normal(size=(20, 3))
    assert (reference_of(points) > points.max(axis=0)).all()
    assert (reference_of(np.zeros((1, 2))) > 0).all()
