"""`nas-rlm measure`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from nas_rlm.export import export_architectures


@pytest.fixture
def files(command: Callable[..., Result], tmp_path: Path) -> list[Path]:
    del command  # changes to the folder
    text = export_architectures("nasbench201", tmp_path, n_random=1, seed=3)
    onnx = export_architectures("nasbench201", tmp_path, n_random=1, seed=4, as_onnx=True)
    return [row.file for row in (*text, *onnx)]


def test_text_and_onnx_files_are_timed(command: Callable[..., Result], files: list[Path]) -> None:
    done = command("measure", *files, "--rounds", "1", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert [row["file"] for row in document["rows"]] == [str(file) for file in files]
    for row in document["rows"]:
        assert 0 < row["value"] <= row["p95"]
        assert len(row["samples_ms"]) >= document["protocol"]["min_runs"]
    assert document["environment"]["threads"] == 1
    assert document["environment"]["cores"] >= 1


def test_the_table_names_files_and_machine(
    command: Callable[..., Result], files: list[Path]
) -> None:
    done = command("measure", files[0], "--rounds", "1")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split()[:2] == ["file", "median"]
    assert done.stdout.splitlines()[2].startswith(str(files[0]))
    assert "Measured on" in done.stderr


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08\x12"])
def test_a_file_that_is_no_network_is_refused(
    command: Callable[..., Result], content: bytes
) -> None:
    Path("bad.onnx").write_bytes(content)
    done = command("measure", "bad.onnx")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "bad.onnx" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_protocol_that_measures_nothing_is_refused(command: Callable[..., Result]) -> None:
    done = command("measure", "bad.onnx", "--rounds", "0")
    assert done.exit_code == 2
    assert "`rounds` must be at least 1, but got 0" in done.stderr
