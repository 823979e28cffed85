"""Errors in the unit of the metric: closed forms and refusals."""

import numpy as np
import pytest

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation import error_metrics
from nas_rlm.evaluation.error_metrics import (
    bias,
    mean_absolute_error,
    mean_absolute_percentage_error,
    root_mean_square_error,
    share_within,
)

PREDICTED, TRUE = [1.0, 4.0, 6.0], [2.0, 2.0, 5.0]


def test_closed_forms() -> None:
    assert mean_absolute_error(PREDICTED, TRUE) == pytest.approx(4 / 3)
    assert root_mean_square_error(PREDICTED, TRUE) == pytest.approx(np.sqrt(2))
    assert bias(PREDICTED, TRUE) == pytest.approx(2 / 3)
    assert mean_absolute_percentage_error(PREDICTED, TRUE) == pytest.approx(100 * 1.7 / 3)


@pytest.mark.parametrize(
    ("percent", "share"), [(0, 0), (19.9, 0), (20, 1 / 3), (50, 2 / 3), (100, 1)]
)
def test_the_border_is_within(percent: float, share: float) -> None:
    assert share_within(PREDICTED, TRUE, percent) == pytest.approx(share)


def test_a_border_that_rounds_is_within() -> None:
    assert share_within([1.1], [1.0], 10) == 1.0


@pytest.mark.parametrize("name", ["mean_absolute_error", "root_mean_square_error", "bias"])
def test_what_is_not_finite_is_refused(name: str) -> None:
    with pytest.raises(ArrayError, match="must be finite"):
        getattr(error_metrics, name)([np.nan], [1.0])


def test_a_percentage_of_nothing_is_refused() -> None:
    with pytest.raises(ArrayError, match=r"needs positive true values, but the smallest is 0\.0"):
        mean_absolute_percentage_error([1.0], [0.0])
