"""Data sets, and the networks that are held out of all of them."""

import hashlib

import numpy as np
import pytest

import search_spaces
from nas_rlm.dataset import Dataset, digest, hold_out
from nas_rlm.errors import DatasetError

ROWS = Dataset(("a", "b", "a"), ({"x": 1.0}, {"y": 2.0}, {"x": 3.0, "y": 4.0}))


def test_columns_and_rows_agree() -> None:
    assert ROWS.metrics == ("x", "y")
    np.testing.assert_array_equal(ROWS.column("y"), [np.nan, 2, 4])


def test_the_digest_is_the_one_of_the_search_spaces() -> None:
    assert digest("añ") == hashlib.sha256("añ".encode()).hexdigest()[:16]
    assert digest("añ") == search_spaces.digest("añ")
    assert ROWS.digests == (digest("a"), digest("b"), digest("a"))


def test_rows_are_taken_in_order() -> None:
    assert ROWS.take([2, 0]) == Dataset(("a", "a"), ({"x": 3.0, "y": 4.0}, {"x": 1.0}))
    assert len(ROWS.take([])) == 0


def test_metrics_are_chosen_in_the_order_asked_for() -> None:
    chosen = ROWS.with_metrics(["y", "x"])
    assert [list(labels.items()) for labels in chosen.labels] == [
        [("x", 1.0)],
        [("y", 2.0)],
        [("y", 4.0), ("x", 3.0)],
    ]
    assert ROWS.with_metrics(["y"]) == Dataset(("b", "a"), ({"y": 2.0}, {"y": 4.0}))


@pytest.mark.parametrize("row", [3, -1])
def test_a_row_out_of_range_is_refused(row: int) -> None:
    with pytest.raises(DatasetError, match=f"from 0 to 2, but got {row}"):
        ROWS.take([row])


def test_texts_without_labels_are_refused() -> None:
    with pytest.raises(DatasetError, match="2 texts and 1 labels"):
        Dataset(("a", "b"), ({},))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_label_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(DatasetError, match="Label 'x' of row 0 must be finite"):
        Dataset(("a",), ({"x": value},))


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"No row has a label 'z'\. Labels: x, y"):
        ROWS.column("z")


def test_the_held_out_share_is_decided_network_by_network() -> None:
    digests = [digest(str(row)) for row in range(4000)]
    held = hold_out(digests, share=0.05, salt="validation")
    assert abs(held.mean() - 0.05) < 0.015
    np.testing.assert_array_equal(
        held[::-1], hold_out(digests[::-1], share=0.05, salt="validation")
    )
    assert not np.array_equal(held, hold_out(digests, share=0.05, salt="other"))
    wider = hold_out(digests, share=0.2, salt="validation")
    assert (wider | ~held).all()


def test_extreme_shares_hold_out_nothing_or_all() -> None:
    digests = ["a", "b"]
    assert not hold_out(digests, share=0, salt="").any()
    assert hold_out(digests, share=1, salt="").all()
    with pytest.raises(DatasetError, match="`share` must be from 0 to 1"):
        hold_out(digests, share=1.5, salt="")
