"""The README tells the truth: its commands parse and its Python runs."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nas_rlm.cli import app
from nas_rlm.config import DEFAULT_SEARCH_CONFIG

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for _, block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("nas-rlm ")
]


def test_the_readme_shows_commands() -> None:
    assert {arguments[0] for arguments in COMMANDS} == {
        "spaces", "export", "measure", "train", "rank", "search", "show", "compare", "data",
        "finetune", "add-device", "model",
    }  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_option_shown_exists(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, [arguments[0], "--help"]).stdout
    for option in (item for item in arguments if item.startswith("--")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown), option


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = (block for language, block in BLOCKS if language == "python")
    small = source.replace('"rlm"', '"constant"').replace("n_rows=500", "n_rows=20")
    assert small != source
    monkeypatch.chdir(tmp_path)
    exec(compile(small, "README.md", "exec"), {})
    assert "|" in capsys.readouterr().out
    assert (tmp_path / "model").is_dir()


def test_every_file_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert f"nas_rlm/configs/{DEFAULT_SEARCH_CONFIG}" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_targets_shown_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = set(re.findall(r"\bmake ([a-z]+)\b", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"search", "test", "check", "setup"} <= shown
    assert {target for target in shown if f"\n{target}:" in makefile} >= {
        "search", "test", "check", "setup", "format",
    }  # fmt: skip
