import numpy as np
import optuna
import pytest

from nas_rlm.budget import Budget
from nas_rlm.errors import ArrayError
from nas_rlm.metrics import parse_metric
from nas_rlm.search.archive import Archive, constrained_ranks, spread_rows

ACCURACY = parse_metric("accuracy_percent/cifar10")
LATENCY = parse_metric("latency_ms/local")


def filled(budgets: tuple[Budget, ...] = ()) -> Archive:
    archive = Archive([ACCURACY, LATENCY], budgets)
    archive.add(
        ["a", "b", "c", "d"],
        [(0,), (1,), (2,), (3,)],
        {
            ACCURACY.name: np.array([90.0, 80.0, 85.0, 70.0]),
            LATENCY.name: np.array([4.0, 1.0, 5.0, 2.0]),
        },
    )
    return archive


def test_front_maximizes_accuracy_and_minimizes_latency_best_first() -> None:
    assert filled().front().tolist() == [0, 1]


def test_front_meets_every_budget() -> None:
    archive = filled((Budget.parse("latency_ms/local<=3"),))
    assert archive.front().tolist() == [1]
    assert archive.violations.tolist() == pytest.approx([1 / 3, 0, 2 / 3, 0])
    assert filled((Budget.parse("latency_ms/local<=0.5"),)).front().size == 0


def test_ranking_puts_the_front_first_and_the_worst_offender_last() -> None:
    archive = filled((Budget.parse("latency_ms/local<=3"),))
    assert archive.ranking().tolist() == [1, 3, 0, 2]


def test_a_network_counts_once_and_keeps_its_first_values() -> None:
    archive = filled()
    values = {ACCURACY.name: np.array([99.0]), LATENCY.name: np.array([0.1])}
    archive.add(["a"], [(0,)], values)
    assert (len(archive), archive.values(ACCURACY.name)[0]) == (4, 90.0)
    archive.add(["e"], [(4,)], values)
    assert archive.front().tolist() == [4]
    assert "e" in archive
    assert archive.genomes.tolist() == [[0], [1], [2], [3], [4]]


def test_bad_values_are_refused() -> None:
    archive = Archive([LATENCY])
    with pytest.raises(ArrayError, match="must be 1 finite values"):
        archive.add(["a"], [(0,)], {LATENCY.name: np.array([np.nan])})
    with pytest.raises(ArrayError, match="needs 'latency_ms/local'"):
        archive.add(["a"], [(0,)], {})
    with pytest.raises(ArrayError, match="as many genomes"):
        archive.add(["a"], [], {LATENCY.name: np.array([1.0])})
    with pytest.raises(ArrayError, match="keeps no 'params'"):
        archive.values("params")
    assert len(archive) == 0


def test_constrained_ranks_agree_with_a_comparison_of_all_pairs(rng: np.random.Generator) -> None:
    objectives = rng.integers(0, 6, size=(40, 2)).astype(float)
    violations = np.where(rng.random(40) < 0.5, 0.0, rng.integers(1, 4, size=40))
    ranks = constrained_ranks(objectives, violations)
    for first in range(40):
        for second in range(40):
            is_better = violations[first] == violations[second] == 0 and (
                (objectives[first] <= objectives[second]).all()
                and (objectives[first] < objectives[second]).any()
            )
            if is_better or violations[first] < violations[second]:
                assert ranks[first] < ranks[second]


def test_all_infeasible_rows_are_ranked_by_their_violation() -> None:
    assert constrained_ranks(np.zeros((3, 2)), np.array([2.0, 1.0, 2.0])).tolist() == [1, 0, 1]


def test_front_agrees_with_the_one_of_optuna(rng: np.random.Generator) -> None:
    values = rng.integers(0, 30, size=(80, 2)).astype(float)
    study = optuna.create_study(directions=["maximize", "minimize"])
    for row in values:
        study.add_trial(optuna.trial.create_trial(values=row.tolist()))
    archive = Archive([ACCURACY, LATENCY])
    archive.add(
        [str(row) for row in range(80)],
        [(row,) for row in range(80)],
        {ACCURACY.name: values[:, 0], LATENCY.name: values[:, 1]},
    )
    assert set(archive.front().tolist()) == {trial.number for trial in study.best_trials}


def test_spread_rows_keeps_the_ends_and_leaves_no_gap() -> None:
    x = np.linspace(0.0, 1.0, 101)
    rows = spread_rows(np.stack([x, 1.0 - x], axis=1), 5)
    assert len(rows) == 5
    assert {0, 100} <= set(rows.tolist())
    assert np.diff(rows).max() <= 26
    assert spread_rows(np.zeros((2, 2)), 5).tolist() == [0, 1]
    assert len(spread_rows(np.stack([x, 1.0 - x], axis=1), 1)) == 1
