import itertools

import numpy as np
import pytest

import search_spaces
from nas_rlm.config import SearchConfig
from nas_rlm.errors import BudgetError
from nas_rlm.metrics import parse_metric
from nas_rlm.pareto.reference_point import relative_hypervolume
from nas_rlm.search.checking import (
    Pairs,
    agreement,
    broken_budgets,
    choose_checked,
    measured_pairs,
    quality_by_params,
    quality_of_checked,
    untrained_pairs,
)
from nas_rlm.search.study import Forecasts, Walk
from nas_rlm.search.truth import truth_of

ACCURACY, LATENCY = "accuracy_percent/cifar10", "latency_ms/local"
SPACE = search_spaces.get_space("nasbench201")


def forecasts(mean: np.ndarray) -> Forecasts:
    return Forecasts(mean, mean - 1, mean + 1)


def found(accuracy: np.ndarray, latency: np.ndarray) -> Walk:
    """A walk over the first genomes of the space."""
    n = len(accuracy)
    genomes = np.array(list(itertools.product(range(5), repeat=6))[:n])
    return Walk(
        tuple(str(row) for row in range(n)),
        genomes,
        {ACCURACY: forecasts(accuracy), LATENCY: forecasts(latency)},
    )


def config(**options: object) -> SearchConfig:
    plain = SearchConfig(
        space="nasbench201", maximize=(ACCURACY,), minimize=(LATENCY,), check_architectures=6
    )
    return plain.replace(**options)


def test_checked_are_the_front_and_as_many_others_never_trained_on(
    rng: np.random.Generator,
) -> None:
    walk = found(rng.uniform(0, 90, 200), rng.uniform(1, 9, 200))
    trained = {str(row) for row in range(0, 200, 2)}
    checked = choose_checked(config(), walk, trained)
    archive = walk.archive(config().objectives)
    assert set(checked.front.tolist()) <= set(archive.front().tolist())
    assert 1 <= len(checked.front) <= 6
    assert len(checked.others) == 6
    assert (checked.others % 2 == 1).all()
    assert not set(checked.others.tolist()) & set(archive.front().tolist())
    again = choose_checked(config(), walk, trained)
    assert checked.others.tolist() == again.others.tolist()


def test_half_of_the_others_are_runners_up() -> None:
    """Candidates on parallel lines: three of the next line, the rest from anywhere."""
    x = np.tile(np.linspace(1, 9, 20), 10)
    line = np.repeat(np.arange(10), 20)
    checked = choose_checked(config(), found(10 * x - line, x), set())
    layers = line[checked.others]
    assert (layers == 1).sum() >= 3
    assert layers.max() > 1


def test_a_small_walk_is_checked_whole() -> None:
    checked = choose_checked(
        config(), found(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])), set()
    )
    assert (checked.front.tolist(), checked.others.tolist()) == ([0], [1, 2])


@pytest.mark.parametrize(
    ("budgets", "match"),
    [
        (
            ("latency_ms/local<=0.5",),
            r"'latency_ms/local<=0.5' is met by no candidate: the smallest value predicted for 3 candidates is 1 ms",
        ),
        ((f"{ACCURACY}>=60",), r"largest value predicted for 3 candidates is 50 %"),
        (
            ("latency_ms/local<=1", f"{ACCURACY}>=50"),
            r"are met by no candidate together: the nearest of 3 has latency_ms/local 1.*, accuracy_percent/cifar10",
        ),
    ],
)
def test_unmet_budgets_say_how_near_the_best_comes(budgets: tuple[str, ...], match: str) -> None:
    walk = found(np.array([40.0, 45.0, 50.0]), np.array([1.0, 2.0, 3.0]))
    with pytest.raises(BudgetError, match=match):
        choose_checked(config(budgets=budgets), walk, set())


def test_pairs_leave_out_what_was_trained_on() -> None:
    walk = found(np.arange(5.0), np.arange(5.0))
    truth = truth_of(SPACE, [parse_metric(ACCURACY)])
    pairs = untrained_pairs(walk, truth, ACCURACY, {"1", "3"})
    np.testing.assert_array_equal(pairs.predicted, [0, 2, 4])
    np.testing.assert_array_equal(pairs.true, truth.values(ACCURACY, walk.genomes[[0, 2, 4]]))
    measured = measured_pairs(walk, LATENCY, np.array([4, 1, 0]), {"4": 9.0, "0": 7.0}, {"1"})
    np.testing.assert_array_equal(measured.predicted, [4, 0])
    np.testing.assert_array_equal(measured.true, [9, 7])
    np.testing.assert_array_equal(measured.high, [5, 1])


def test_agreement_is_kendall_tau_and_absent_where_undefined() -> None:
    def pairs(true: list[float]) -> Pairs:
        array = np.array([1.0, 2.0, 3.0])
        return Pairs(LATENCY, "some", array, array, array, np.array(true))

    row = agreement(pairs([1.0, 3.0, 2.0]))
    assert row is not None
    assert (row.kendall_tau, row.rows, row.scope) == (pytest.approx(1 / 3), 3, "some")
    assert agreement(pairs([5.0, 5.0, 5.0])) is None


def test_perfect_predictions_of_the_whole_space_reach_the_exact_front() -> None:
    truth = truth_of(SPACE, [parse_metric(ACCURACY)])
    genomes = np.array([SPACE.to_genome(item) for item in SPACE.enumerate()])
    true = truth.values(ACCURACY, genomes)

    def share(accuracy: np.ndarray) -> float:
        walk = Walk(tuple(map(str, range(len(genomes)))), genomes, {ACCURACY: forecasts(accuracy)})
        return quality_by_params(config(minimize=()), walk, truth)[0].share

    assert share(true) == pytest.approx(1.0)
    assert share(-true) < 0.9


def test_quality_of_checked_is_the_share_of_the_front_in_all_of_them() -> None:
    objectives = [parse_metric(ACCURACY), parse_metric(LATENCY)]
    true = np.array([[80.0, 2.0], [70.0, np.nan], [90.0, 4.0], [60.0, 9.0]])
    row = quality_of_checked(objectives, true, 2)
    assert row is not None
    assert row.scope == "the 3 checked candidates"
    points = np.array([[-80.0, 2.0], [-90.0, 4.0], [-60.0, 9.0]])
    assert row.share == pytest.approx(relative_hypervolume(points[:1], points))
    assert quality_of_checked(objectives, true[:1], 1) is None
    assert quality_of_checked(objectives, true[1:], 1) is None


def test_budgets_broken_by_the_truth_are_counted() -> None:
    budgets = config(budgets=("latency_ms/local<=3",)).parsed_budgets
    values = {LATENCY: np.array([2.0, 4.0, np.nan, 5.0])}
    assert broken_budgets(budgets, values)[0].startswith("2 of 3 checked architectures")
    assert broken_budgets(budgets, {LATENCY: np.array([1.0])}) == []
