"""`nas-rlm show`."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def test_a_cell_is_drawn_in_the_terminal(command: Callable[..., Result]) -> None:
    done = command("show", CELL, "--space", "nasbench201")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "nasbench201"
    assert "  ●  f0 ×5   [16×32×32]" in done.stdout


def test_a_file_becomes_an_svg(command: Callable[..., Result]) -> None:
    command("export", "--space", "nasbench201", "--architecture", CELL, "--out", "o")
    (file,) = Path("o").iterdir()
    done = command("show", file, "--out", "a.svg")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "a.svg" in done.stderr
    assert Path("a.svg").read_text().startswith("<svg ")
    panels = json.loads(command("show", file, "--json").stdout)["panels"]
    assert [panel["title"] for panel in panels] == [file.name, "f0", "f1"]


def test_bad_input_is_one_line(command: Callable[..., Result]) -> None:
    for arguments, message in (
        (("missing.onnx",), "missing.onnx"),
        (("|conv~0|", "--space", "nasbench201"), "|conv~0|"),
        ((CELL, "--space", "nasbench21"), "nasbench21"),
        ((CELL, "--space", "nasbench201", "--out", "none/a.svg"), "none/a.svg"),
    ):
        done = command("show", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
