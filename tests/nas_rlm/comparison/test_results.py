"""The file of figures: whole or refused."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from nas_rlm.comparison.results import Results, Row, current_commit, current_machine, read_results
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
    assert again.methods_of_commits == {current_machine(): {current_commit(): ["params"]}}
    assert again.cells == {("params", "c10_val", 10, 0), ("params", "c10_val", 10, 1)}


@pytest.fixture
def _unasked() -> Iterator[None]:
    """Forget the commit before and after."""
    current_commit.cache_clear()
    yield
    current_commit.cache_clear()


@pytest.mark.usefixtures("_unasked")
def test_git_is_asked_once_and_may_be_slow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        if "status" in command:
            raise subprocess.TimeoutExpired(command, 10)
        return subprocess.CompletedProcess(command, 0, "abc123\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert current_commit() == "abc123+"  # nothing says that there are no changes
    results = Results("tiny")
    results.add([row(0, 0.5)], tmp_path)
    assert results.rows[0].commit == "abc123+"
    assert len(asked) == 2


@pytest.mark.usefixtures("_unasked")
def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(subprocess, "run", run)
    assert current_commit() == "unknown"


def test_rows_of_a_shared_machine_are_marked(tmp_path: Path) -> None:
    results = Results("tiny")
    results.add([row(0, 0.5)], tmp_path)
    results.add([row(1, 0.5)], tmp_path, processes=2)
    results.add([row(2, 0.5)], tmp_path)
    marked = ["shared by several cells at once" in row.machine for row in results.rows]
    assert marked == [False, True, False]
    assert read_results(tmp_path, "tiny").rows == results.rows


def test_an_older_file_has_one_machine_for_all_rows(tmp_path: Path) -> None:
    old = Results("tiny")
    old.add([row(0, 0.5)], tmp_path)
    document = json.loads((tmp_path / "results.json").read_text())
    del document["rows"][0]["machine"]
    (tmp_path / "results.json").write_text(json.dumps({**document, "machine": "an old one"}))
    results = read_results(tmp_path, "tiny")
    results.add([row(1, 0.5)], tmp_path)
    assert [row.machine for row in read_results(tmp_path, "tiny").rows] == [
        "an old one",
        current_machine(),
    ]


def file_of(**changes: object) -> str:
    """A file of one figure, some of its fields changed."""
    row = asdict(Row("params", "c10_val", 10, 0, "kendall_tau", 1, 0.0, 0.0))
    return json.dumps({"protocol": "tiny", "rows": [row | changes]})


def test_a_whole_number_is_a_value(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(file_of())
    assert [row.value for row in read_results(tmp_path, "tiny").rows] == [1]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "damaged"),
        ('{"protocol": "tiny", "machine": ""}', "damaged"),
        ('{"protocol": "tiny", "rows": [{"method": "a"}]}', "damaged"),
        (file_of(method=[]), r"damaged: TypeError\(.'method' is \[\]"),
        (file_of(value="x"), r"damaged: TypeError\(.'value' is 'x'"),
        ('{"protocol": "other", "machine": "", "rows": []}', "'tiny'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, rule: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(DatasetError, match=rule):
        read_results(tmp_path, "tiny")
