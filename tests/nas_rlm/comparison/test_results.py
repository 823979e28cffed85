"""The file of figures: whole or refused."""

from pathlib import Path

import pytest

from nas_rlm.comparison.results import Results, Row, current_commit, read_results
from nas_rlm.errors import DatasetError


def row(seed: int, value: float) -> Row:
    return Row("params", "c10_val", 10, seed, "kendall_tau", value, 3.0, 1.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    results = read_results(tmp_path, "tiny")
    assert results.rows == []
    results.add([row(0, 0.5)], tmp_path)
    results.add([row(1, 0.25)], tmp_path)
    again = read_results(tmp_path, "tiny")
    assert again == results
    assert list(again.methods_of_commits.values()) == [["params"]]
    assert list(again.methods_of_commits) == [current_commit()]
    assert again.cells == {("params", "c10_val", 10, 0), ("params", "c10_val", 10, 1)}


def test_a_machine_that_was_shared_stays_marked(tmp_path: Path) -> None:
    results = Results("tiny", "")
    results.add([row(0, 0.5)], tmp_path)
    assert "shared" not in results.machine
    results.add([row(1, 0.5)], tmp_path, processes=2)
    results.add([row(2, 0.5)], tmp_path)
    assert results.machine.count("shared by several cells at once") == 1


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "damaged"),
        ('{"protocol": "tiny", "machine": ""}', "damaged"),
        ('{"protocol": "other", "machine": "", "rows": []}', "'tiny'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, rule: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(DatasetError, match=rule):
        read_results(tmp_path, "tiny")
