"""Rank scores: closed forms, counted pairs, ties, constants, direction."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.rank_metrics import (
    kendall_tau,
    spearman,
)

LISTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12)


def tau_b_by_pairs(left: list[float], right: list[float]) -> float:
    """The definition: concordant minus discordant over the geometric mean of untied pairs."""
    score = left_untied = right_untied = 0
    for (a, b), (c, d) in itertools.combinations(zip(left, right, strict=True), 2):
        score += np.sign(a - c) * np.sign(b - d)
        left_untied += a != c
        right_untied += b != d
    return float(score / math.sqrt(left_untied * right_untied))


@settings(deadline=None)
@given(LISTS)
def test_kendall_is_the_definition(pairs: list[tuple[int, int]]) -> None:
    left, right = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    assume(len(set(left)) > 1 and len(set(right)) > 1)
    assert kendall_tau(left, right) == pytest.approx(tau_b_by_pairs(left, right))


@settings(deadline=None)
@given(LISTS)
def test_spearman_is_the_correlation_of_ranks(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([pair[side] for pair in pairs], dtype=float) for side in (0, 1))
    assume(np.ptp(left) > 0 and np.ptp(right) > 0)
    ranks = [
        [(values < v).sum() + (values == v).sum() / 2 for v in values] for values in (left, right)
    ]
    assert spearman(left, right) == pytest.approx(np.corrcoef(ranks)[0, 1])


@pytest.mark.parametrize("score", [kendall_tau, spearman])
def test_perfect_reversed_and_monotone(score: object) -> None:
    values = np.arange(10.0)
    assert score(values, values) == pytest.approx(1)  # type: ignore[operator]
    assert score(-values, values) == pytest.approx(-1)  # type: ignore[operator]
    assert score(np.exp(values), values) == pytest.approx(1)  # type: ignore[operator]


@pytest.mark.parametrize("score", [kendall_tau, spearman])
def test_a_constant_prediction_scores_zero(score: object) -> None:
    assert score([3.0, 3.0, 3.0], [1.0, 2.0, 3.0]) == 0.0  # type: ignore[operator]


@pytest.mark.parametrize("score", [kendall_tau, spearman])
def test_a_constant_truth_is_refused(score: object) -> None:
    with pytest.raises(ArrayError, match=r"All 3 true values are 2\.0"):
        score([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])  # type: ignore[operator]
    with pytest.raises(ArrayError, match="n of at least 2"):
        score([1.0], [1.0])  # type: ignore[operator]
    with pytest.raises(ArrayError, match="must be finite"):
        score([1.0, np.nan], [1.0, 2.0])  # type: ignore[operator]
