"""Tables: best and ties bold, goals and published figures apart from measured ones."""

import dataclasses
from pathlib import Path

import pytest

from nas_rlm.comparison import ComparisonProtocol, Details, Published, Results
from nas_rlm.comparison.results import Row
from nas_rlm.comparison.tables import results_document, results_table, update_document
from nas_rlm.errors import DatasetError


def row(method: str, seed: int, value: float) -> Row:
    return Row(method, "c10_val", 10, seed, "kendall_tau", value, 3.0, 1.0, "abc", "a machine")


@pytest.fixture
def results() -> Results:
    rows = [row("params", 0, 0.50), row("params", 1, 0.60)]
    rows += [row("constant", 0, 0.52), row("constant", 1, 0.54)]
    rows += [row("memorizer", 0, 0.10), row("memorizer", 1, 0.10)]
    rows += [row("zz:Own", 0, 0.20)]
    return Results("tiny", rows)


def test_a_table_marks_the_best_and_its_ties(
    protocol: ComparisonProtocol, results: Results
) -> None:
    table = results_table(protocol, results, "kendall_tau")
    assert table.splitlines() == [
        "| `c10_val`, kendall_tau | 10 rows | seconds |",
        "| --- | --- | --- |",
        "| params | **0.550 ± 0.050** | 3 |",
        "| constant | **0.530 ± 0.010** | 3 |",
        "| memorizer | 0.100 ± 0.000 | 3 |",
        "| zz:Own | 0.200 | 3 |",
        "| *goal* | 0.5 |  |",
    ]


def test_a_single_seed_has_no_spread_and_no_best(
    protocol: ComparisonProtocol, results: Results
) -> None:
    first = Results("tiny", [row for row in results.rows if row.seed == 0])
    lines = results_table(protocol, first, "kendall_tau").splitlines()
    assert "| constant | 0.520 | 3 |" in lines
    assert not any("±" in line or "**" in line for line in lines)


def test_published_figures_stand_in_a_column_of_their_own(
    protocol: ComparisonProtocol, results: Results
) -> None:
    paper = Published("Someone", "doi:1", "kendall_tau", {("c10_val", 10): 0.123})
    absent = Published("Nobody", "doi:2", "kendall_tau", {("c10_val", 99): 0.9})
    chosen = dataclasses.replace(protocol, published=(paper, absent))
    lines = results_table(chosen, results, "kendall_tau").splitlines()
    assert lines[0].endswith("| seconds | published, other test rows |")
    assert lines[-1] == "| *Someone* |  |  | 0.123 at 10 (doi:1) |"
    assert {line.count("|") for line in lines} == {5}
    assert "Someone" not in results_table(chosen, results, "spearman")


def test_a_document_says_how_it_was_measured(
    protocol: ComparisonProtocol, results: Results
) -> None:
    chosen = dataclasses.replace(protocol, note="Rows are odd.")
    document = results_document(chosen, results, Details("tiny"))
    assert "Seeds 0, 1; a machine; commit abc." in document
    results.rows[0] = dataclasses.replace(results.rows[0], commit="def")
    mixed = results_document(chosen, results, Details("tiny"))
    both = "a machine; commits def (params), abc (params, constant, memorizer, zz:Own)"
    assert f"; {both}." in mixed
    results.rows[-1] = dataclasses.replace(results.rows[-1], commit="abc", machine="a second")
    apart = results_document(chosen, results, Details("tiny"))
    rest = both.replace(", zz:Own", "")
    assert f"Seeds 0, 1; {rest}; a second; commit abc (zz:Own)." in apart
    assert document.endswith("Rows are odd.")


def test_a_document_changes_between_its_markers_only(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("head\n<!-- begin x -->\nold\n<!-- end x -->\ntail\n")
    update_document(path, "x", "new")
    assert path.read_text() == "head\n<!-- begin x -->\nnew\n<!-- end x -->\ntail\n"
    with pytest.raises(DatasetError, match="markers"):
        update_document(path, "y", "new")
