"""`nas-rlm export`."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

STRING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def test_files_are_listed_and_written(command: Callable[..., Result]) -> None:
    done = command(
        "export", "--space", "nasbench201", "--random", "2", "--architecture", STRING, "--out", "o"
    )
    assert done.exit_code == 0
    assert STRING in done.stdout
    assert len(list(Path("o").glob("*.txt"))) == 3


def test_json_names_every_file(command: Callable[..., Result]) -> None:
    done = command(
        "export", "--space", "nasbench201", "--random", "2", "--out", "o", "--onnx", "--json"
    )
    document = json.loads(done.stdout)
    assert {row["file"] for row in document["files"]} == {str(p) for p in Path("o").glob("*.onnx")}
    assert len(document["files"]) == 2


def test_a_malformed_architecture_is_refused(command: Callable[..., Result]) -> None:
    done = command(
        "export", "--space", "nasbench201", "--architecture", "|conv~0|", "--out", "o", "--json"
    )
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "'|conv~0|'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("o").exists()


def test_a_folder_that_cannot_be_made_is_said(command: Callable[..., Result]) -> None:
    Path("o").write_text("a file")
    done = command("export", "--space", "nasbench201", "--random", "1", "--out", "o/nets")
    assert done.exit_code == 2
    assert "o/nets" in done.stderr
    assert done.stderr.count("\n") == 1
