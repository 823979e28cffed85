"""Tables, JSON and progress."""

import io
import json
import math
import sys
from pathlib import Path

import pytest

from nas_rlm.cli.output import print_json, print_table, progress_bar, write
from nas_rlm.errors import OutputError


def test_table_aligns_numbers_right_and_words_left(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "value"), [("a", 1.5), ("longer", 12345)])
    assert capsys.readouterr().out == (
        "name    value\n"
        "------  -----\n"
        "a         1.5\n"
        "longer  12345\n"
    )  # fmt: skip


def test_table_shows_a_missing_value_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("value",), [(None,), (2,)])
    assert capsys.readouterr().out.splitlines()[2] == "    -"


def test_table_without_rows_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [])
    assert capsys.readouterr().out == "name\n----\n"


def test_table_refuses_a_ragged_row() -> None:
    with pytest.raises(ValueError, match="zip"):
        print_table(("a", "b"), [(1,)])


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, 2.5]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5]}


def test_what_an_encoding_lacks_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    write("a \u25cf b\n")
    assert raw.getvalue() == b"a ? b\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="This system has no /dev/full.")
def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - closing it fails too
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        write("a\n")
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json({"a": math.nan})


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("training") as progress:
        progress(3, 10, {"loss": 0.5})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "training" in captured.err
    assert "3/10" in captured.err
    assert "loss 0.5" in captured.err


def test_progress_leaves_no_trace_of_work_that_never_began(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyError), progress_bar("training"):
        raise KeyError
    with progress_bar("training"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_gives_way_to_the_error_of_work_that_broke_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken_work() -> None:
        with progress_bar("training") as progress:
            progress(3, 10, {})
            raise KeyError

    with pytest.raises(KeyError):
        broken_work()
    assert "3/10" not in capsys.readouterr().err
