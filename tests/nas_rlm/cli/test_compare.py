"""`nas-rlm compare` from the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nas_rlm.cli import app


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["nothing"], "No protocol 'nothing'"),
        (["fewshot-nasbench201", "--seeds", "0,x"], "Seeds and sizes must be whole numbers"),
        (["fewshot-nasbench201", "--methods", "rml"], "Unknown method 'rml'"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, arguments: list[str], rule: str) -> None:
    done = CliRunner().invoke(app, ["compare", *arguments, "--experiments", str(tmp_path)])
    assert done.exit_code == 2
    assert rule in done.stderr
    assert not list(tmp_path.iterdir())
