"""Budgets: what they read, what they refuse, and what counts as within."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_rlm.budget import Budget, total_violation
from nas_rlm.errors import BudgetError, UnknownMetricError


@pytest.mark.parametrize(
    ("string", "text"),
    [
        ("latency_ms/local<=3", "latency_ms/local<=3"),
        (" latency_ms/pixel3  <= 2.5e1 ", "latency_ms/pixel3<=25"),
        ("accuracy_percent/cifar10>=90.5", "accuracy_percent/cifar10>=90.5"),
        ("params<=1e6", "params<=1000000"),
    ],
)
def test_a_budget_reads_and_prints(string: str, text: str) -> None:
    budget = Budget.parse(string)
    assert str(budget) == text
    assert Budget.parse(str(budget)) == budget


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_limit_survives_printing(limit: float) -> None:
    budget = Budget.parse(f"params<={limit!r}")
    assert budget.limit == limit
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    "string",
    [
        "",
        "latency_ms/local",
        "latency_ms/local<3",
        "latency_ms/local==3",
        "latency_ms/local<=",
        "<=3",
        "latency_ms/local=<3",
        "3>=latency_ms/local ms",
    ],
)
def test_another_form_is_refused(string: str) -> None:
    with pytest.raises(BudgetError, match="A budget is a metric, '<=' or '>='"):
        Budget.parse(string)


@pytest.mark.parametrize("limit", ["three", "nan", "inf", "-inf", "3ms", "3<=4"])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    with pytest.raises(BudgetError, match="must be a finite number in ms"):
        Budget.parse(f"latency_ms/local<={limit}")


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UnknownMetricError, match="Unknown device"):
        Budget.parse("latency_ms/pixel33<=3")


def test_the_limit_itself_is_within() -> None:
    upper, lower = (
        Budget.parse("latency_ms/local<=3"),
        Budget.parse("accuracy_percent/cifar10>=90"),
    )
    assert upper.is_met([2.9, 3.0, 3.1, np.nan]).tolist() == [True, True, False, False]
    assert lower.is_met([89.9, 90.0, 91.0, np.nan]).tolist() == [False, True, True, False]


def test_a_violation_is_the_excess() -> None:
    np.testing.assert_allclose(
        Budget.parse("latency_ms/local<=3").violation([2.0, 5.0, np.nan]), [0.0, 2.0, np.inf]
    )
    np.testing.assert_allclose(
        Budget.parse("accuracy_percent/cifar10>=90").violation([95.0, 80.0]), [0.0, 10.0]
    )


def test_violations_add_up_as_shares_of_the_limits() -> None:
    budgets = (Budget.parse("latency_ms/local<=2"), Budget.parse("params<=0"))
    total = total_violation(budgets, {"latency_ms/local": [3.0, 1.0], "params": [0.0, 5.0]})
    np.testing.assert_allclose(total, [0.5, 5.0])


def test_a_metric_without_values_is_refused() -> None:
    with pytest.raises(
        BudgetError, match=r"needs values of 'params'.*only these are predicted: macs"
    ):
        total_violation((Budget.parse("params<=1"),), {"macs": [1.0]})


def test_no_budget_is_refused() -> None:
    with pytest.raises(BudgetError, match="at least one budget"):
        total_violation((), {})
