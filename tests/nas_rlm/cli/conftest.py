"""Running a command in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nas_rlm.cli import app
from nas_rlm.export import export_architectures
from surrogates import get_surrogate

Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Call a command with its arguments, in an empty folder; defects raise."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(item) for item in arguments], catch_exceptions=False)

    return run


@dataclass(frozen=True)
class TinyCheckpoint:
    """A checkpoint that knows two accuracies and three latencies of a few networks."""

    folder: Path
    files: tuple[Path, ...]
    metrics: tuple[str, ...]


@pytest.fixture(scope="session")
def tiny_rlm(tmp_path_factory: pytest.TempPathFactory) -> TinyCheckpoint:
    """A real RLM, trained for two steps."""
    folder = tmp_path_factory.mktemp("tiny")
    nets = export_architectures("nasbench201", folder / "nets", n_random=6, seed=1)
    files = tuple(row.file for row in nets)
    metrics = (
        "latency_ms/pixel2",
        "accuracy_percent/cifar10",
        "latency_ms/pixel3",
        "params",
        "macs",
        "accuracy_percent/imagenet",
        "latency_ms/gold_6226",
    )
    labels = [{name: (row + 2) * (k + 3.0) for k, name in enumerate(metrics)} for row in range(6)]
    tiny = get_surrogate(
        "rlm",
        width=8,
        n_layers=1,
        n_steps=2,
        batch_size=4,
        n_members=1,
        finetune_steps=2,
        pools_process=False,
    )
    tiny.fit([file.read_text(encoding="utf-8") for file in files], labels, seed=5)
    tiny.save(folder / "model")
    return TinyCheckpoint(folder / "model", files, metrics)


@pytest.fixture
def shipped(tiny_rlm: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch) -> TinyCheckpoint:
    """The tiny RLM in the place of the checkpoint that comes with the package."""
    monkeypatch.setattr("nas_rlm.pretrained.FOLDER", tiny_rlm.folder.parent)
    return tiny_rlm
