"""`nas-rlm data`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from nas_rlm import data_check
from nas_rlm.data_files import DATA_FILES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a NAS-Bench-Macro file of one row."""
    import dataclasses

    file = dataclasses.replace(DATA_FILES["nasbench_macro.csv.gz"], name="m.csv", n_rows=1)
    monkeypatch.setattr(data_check, "DATA_FILES", {"m.csv": file})
    monkeypatch.setitem(data_check.CHECKS, "m.csv", data_check.CHECKS["nasbench_macro.csv.gz"])  # type: ignore[arg-type]
    place = tmp_path / "data"
    place.mkdir()
    monkeypatch.setenv("NAS_RLM_DATA", str(place))
    (place / "m.csv").write_text(
        "arch,op0,op1,op2,op3,op4,op5,op6,op7,acc_mean,params,flops\n"
        "a02012100,0,2,0,1,2,1,0,0,89.1,890666,47327744\n"
    )
    return place


def test_files_are_listed(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fbnet.csv.gz").write_bytes(b"")
    monkeypatch.setenv("NAS_RLM_DATA", str(tmp_path))
    rows = json.loads(command("data", "list", "--json").stdout)["files"]
    assert {row["file"]: row["present"] for row in rows} == {
        name: name.startswith("fbnet") for name in DATA_FILES
    }
    lines = command("data").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(DATA_FILES)
    assert command("data", "--file", "fbnet").stdout.count("\n") == 3


def test_a_right_file_ends_with_status_0(command: Callable[..., Result], folder: Path) -> None:
    done = command("data", "check")
    assert done.exit_code == 0
    assert "parameters 1" in done.stdout
    assert " other " in done.stdout  # one row of the known file
    assert "1 rows in" in done.stderr
    assert folder.is_dir()


def test_a_wrong_row_ends_with_status_1(command: Callable[..., Result], folder: Path) -> None:
    path = folder / "m.csv"
    path.write_text(path.read_text().replace("890666", "890667"))
    done = command("data", "check")
    assert done.exit_code == 1
    assert "m.csv: 1 disagreements" in done.stdout
    assert done.stdout.splitlines()[-2].split() == ["2", "parameters", "890667", "890666"]
    done = command("data", "check", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["is_right"] is False
    assert document["files"][0]["problems"] == [
        {"line": 2, "check": "parameters", "told": "890667", "counted": "890666"}
    ]


def test_a_missing_file_ends_with_status_1(command: Callable[..., Result], folder: Path) -> None:
    (folder / "m.csv").unlink()
    done = command("data", "check")
    assert done.exit_code == 1
    assert "missing" in done.stdout


def test_bad_input_is_one_line(
    command: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "m.csv").write_text("arch\n")
    for arguments, message in (
        (("check",), "no column 'acc_mean'"),
        (("check", "--file", "fbnett"), "Unknown data file 'fbnett'"),
    ):
        done = command("data", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    monkeypatch.delenv("NAS_RLM_DATA")
    assert "NAS_RLM_DATA is not set" in command("data", "check").stderr
