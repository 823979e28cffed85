"""What training knows of its rows."""

from surrogates.rlm.settings import RowLabels
from surrogates.rlm.training import Rows


def test_row_labels_are_means_over_rows() -> None:
    labels = [{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 1.0}, {"a": 2.0}, {"alone": 1.0}]
    rows = Rows(["text"] * 4, labels, ("a", "b", "c", "alone"))
    assert rows.labels_of([0, 1, 2, 3]) == RowLabels(4, (3 + 3 + 3 + 1) / 4, (2 + 2 + 1 + 1) / 4)


def test_row_labels_of_some_metrics_are_of_the_rows_that_have_them() -> None:
    labels = [{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 1.0}, {"a": 2.0}, {"alone": 1.0}]
    rows = Rows(["text"] * 4, labels, ("a", "b", "c", "alone"))
    assert rows.labels_of([1, 2]) == RowLabels(2, 2.0, (1 + 2) / 2)
    assert rows.labels_of([0]) == RowLabels(2, 1.0, 1.0)
