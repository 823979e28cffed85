"""Logs: torn last lines are dropped, damage elsewhere is not, and a full disk adds nothing."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas_rlm.errors import RunFolderError
from nas_rlm.json_lines import JsonLinesLog, read_json_lines


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with JsonLinesLog(path) as log:
        log.append({"a": 1})
        log.append({"b": "ü\n\u2028"})
    with JsonLinesLog(path, is_durable=False) as log:
        assert log.earlier_records == [{"a": 1}, {"b": "ü\n\u2028"}]
        log.append({"c": [1.5, None]})
    assert read_json_lines(path) == [{"a": 1}, {"b": "ü\n\u2028"}, {"c": [1.5, None]}]


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(cut=st.integers(0, 60))
def test_a_log_cut_anywhere_keeps_its_whole_lines(tmp_path: Path, cut: int) -> None:
    """A kill or a power failure may leave any prefix of what was being written."""
    path = tmp_path / "log"
    lines = [b'{"row": 0}\n', b'{"row": 1, "text": "x"}\n', b'{"row": 2}\n']
    path.write_bytes(b"".join(lines)[:cut])
    n_whole = sum(sum(map(len, lines[: end + 1])) <= cut for end in range(3))
    assert [record["row"] for record in read_json_lines(path)] == list(range(n_whole))
    with JsonLinesLog(path, is_durable=False) as log:
        log.append({"row": "next"})
    assert [record["row"] for record in read_json_lines(path)] == [*range(n_whole), "next"]


@pytest.mark.parametrize("line", [b"{", b"[1]", b"1", b"", b"\xff"])
def test_damage_before_the_end_is_an_error(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"b": 2}\n')
    with pytest.raises(RunFolderError, match=r"Line 2 of .* is damaged"):
        read_json_lines(path)
    with pytest.raises(RunFolderError, match="is damaged"):
        JsonLinesLog(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_is_not_json_is_refused_and_adds_nothing(tmp_path: Path, value: object) -> None:
    path = tmp_path / "log"
    with JsonLinesLog(path) as log:
        with pytest.raises(RunFolderError, match="must hold finite JSON values"):
            log.append({"a": value})
        log.append({"a": 1})
    assert read_json_lines(path) == [{"a": 1}]


def test_a_full_disk_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    write = os.write
    calls = []

    def write_part(descriptor: int, line: bytes) -> int:
        calls.append(line)
        if len(calls) == 1:
            return write(descriptor, line[:5])
        raise OSError(28, "No space left on device")

    with JsonLinesLog(path) as log:
        log.append({"a": 1})
        monkeypatch.setattr(os, "write", write_part)
        with pytest.raises(RunFolderError, match=r"No space left on device\. Free some space"):
            log.append({"b": 2})
        monkeypatch.undo()
        log.append({"c": 3})
    assert read_json_lines(path) == [{"a": 1}, {"c": 3}]


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = JsonLinesLog(tmp_path / "log")
    log.close()
    log.close()
    with pytest.raises(RunFolderError, match="is closed"):
        log.append({"a": 1})


def test_a_log_in_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"cannot be opened: No such file"):
        JsonLinesLog(tmp_path / "none" / "log")
