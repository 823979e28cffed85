"""The command as a program: it answers at once, imports nothing heavy, fails in one line."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    "search", "rank", "measure", "export", "train", "finetune", "add-device", "model", "compare",
    "spaces",
)  # fmt: skip
HEAVY = ("torch", "transformers", "onnxruntime", "optuna", "onnx", "numpy", "scipy")
PROBE = """
import sys, time
start = time.perf_counter()
sys.argv = ["nas-rlm", *sys.argv[1:]]
from nas_rlm.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
seconds = time.perf_counter() - start
loaded = sorted({name.partition(".")[0] for name in sys.modules})
import json
sys.stderr.write(json.dumps({"seconds": seconds, "loaded": loaded}))
"""


def nas_rlm(
    *arguments: str | Path, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "nas_rlm", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        cwd=folder,
        env=environment,
    )


def probe(*arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        timeout=55,
        check=True,
    )
    assert "Usage" in done.stdout
    return dict(json.loads(done.stderr))


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_imports_nothing_heavy(command: str | None) -> None:
    facts = probe(*([command] if command else []), "--help")
    loaded = facts["loaded"]
    assert isinstance(loaded, list)
    assert "typer" in loaded
    assert set(loaded).isdisjoint(HEAVY)


def test_help_answers_in_a_fraction_of_a_second() -> None:
    """Processor time, since a busy machine stretches the other; Python's own start included."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert nas_rlm("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert 0 < min(seconds) < 0.3


def test_help_names_every_command() -> None:
    done = nas_rlm("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in done.stdout


def test_version_is_printed() -> None:
    done = nas_rlm("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("nas-rlm ")


def test_unknown_command_is_refused() -> None:
    done = nas_rlm("serach")
    assert done.returncode == 2
    assert "serach" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "--space", "nasbench21", "--out", "o", "--random", "1"), "nasbench21"),
        (("rank", "missing.onnx", "--model", "missing"), "missing"),
        (("measure", "missing.onnx"), "missing.onnx"),
        (("train", "--csv", "missing.csv", "--out", "o"), "missing.csv"),
        (("search", "--space", "nasbench21"), "nasbench21"),
        (("spaces", "--seed", "99999999999999999999"), "seed"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = nas_rlm(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"nas-rlm {arguments[0]}: ")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
