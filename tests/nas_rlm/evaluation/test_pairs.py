"""The checks that every score begins with."""

import numpy as np
import pytest

from nas_rlm.errors import ArrayError
from nas_rlm.evaluation.pairs import checked_pair


def test_numbers_become_float_arrays() -> None:
    left, right = checked_pair([1, 2], (3.0, 4.0))
    assert left.dtype == right.dtype == np.float64
    np.testing.assert_array_equal(left, [1, 2])


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        ([1.0, 2.0], [1.0], r"\(2,\) and \(1,\)"),
        ([], [], "n of at least 1"),
        ([[1.0]], [[1.0]], r"one shape \(n,\)"),
        ([1.0, np.nan], [1.0, 2.0], "Predicted values must be finite, but 1 of 2 .* row 1: nan"),
        ([1.0, 2.0], [np.inf, 2.0], "True values must be finite, .* row 0: inf"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    predicted: list[float], true: list[float], message: str
) -> None:
    with pytest.raises(ArrayError, match=message):
        checked_pair(predicted, true)
