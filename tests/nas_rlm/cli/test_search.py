"""`nas-rlm search`: what it hands to the job and what it prints, with a job that only looks."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import Result

from nas_rlm.config import SearchConfig, default_search_config
from nas_rlm.progress import Phases
from nas_rlm.run_store import RunFolder
from nas_rlm.search.outcome import CheckedValue, FrontRow, SearchOutcome


class RecordedJob(ModuleType):
    """Stands for the module of the job and keeps how it was called."""

    def __init__(self) -> None:
        super().__init__("nas_rlm.search.job")
        self.calls: list[tuple[SearchConfig, Path, bool]] = []
        self.error: BaseException | None = None

    def run_search(
        self, config: SearchConfig, run_folder: Path, *, resume: bool, progress: Phases
    ) -> SearchOutcome:
        self.calls.append((config, run_folder, resume))
        if self.error is not None:
            raise self.error
        with progress("walking") as report:
            report(1, 1, {})
        values = {metric.name: CheckedValue(90.0, 89.0, 91.0, 90.5) for metric in config.metrics}
        return SearchOutcome(
            space=config.space,
            surrogate=config.surrogate.name,
            seed=config.seed,
            metrics=tuple(values),
            level=0.8,
            candidates=config.trials,
            front=(FrontRow("|a~0|", "0" * 16, "", values),),
            agreement=(),
            quality=(),
            seconds={"walk": 1.0},
        )


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> RecordedJob:
    recorded = RecordedJob()
    monkeypatch.setitem(sys.modules, "nas_rlm.search.job", recorded)
    monkeypatch.setattr(
        "nas_rlm.report.summary.write_report", lambda folder: folder / "report.html"
    )
    return recorded


def test_without_options_it_is_the_default_configuration(
    command: Callable[..., Result], job: RecordedJob
) -> None:
    done = command("search")
    assert done.exit_code == 0
    (config, folder, resume), default = job.calls[0], default_search_config()
    assert config == default
    assert folder == Path(default.run_folder)
    assert not resume
    assert "Front: 1 of 2000 candidates" in done.stdout
    assert "|a~0|" in done.stdout
    assert "walking" in done.stderr
    assert "report.html" in done.stderr


def test_options_replace_the_configuration(
    command: Callable[..., Result], job: RecordedJob
) -> None:
    done = command(
        "search", "--minimize", "latency_ms/local", "--minimize", "params", "--trials", "50",
        "--budget", "latency_ms/local<=3", "--seed", "7", "--run-folder", "r", "--json",
    )  # fmt: skip
    assert done.exit_code == 0
    config, folder, _ = job.calls[0]
    assert config.maximize == ()
    assert config.minimize == ("latency_ms/local", "params")
    assert config.budgets == ("latency_ms/local<=3",)
    assert (config.trials, config.seed, folder) == (50, 7, Path("r"))
    document = json.loads(done.stdout)
    assert document["run_folder"] == "r"
    assert document["front"][0]["architecture"] == "|a~0|"


def test_the_start_of_the_surrogate_is_an_option(
    command: Callable[..., Result], job: RecordedJob
) -> None:
    assert command("search", "--start", "pretrained").exit_code == 0
    assert job.calls[0][0].surrogate.start == "pretrained"
    assert default_search_config().surrogate.start == "scratch"


def test_a_file_is_read(command: Callable[..., Result], job: RecordedJob) -> None:
    Path("s.toml").write_text('[search]\nspace = "nasbench201"\nminimize = ["params"]\n')
    assert command("search", "--config", "s.toml").exit_code == 0
    assert job.calls[0][0].minimize == ("params",)


def test_resume_takes_the_stored_configuration(
    command: Callable[..., Result], job: RecordedJob
) -> None:
    stored = default_search_config().replace(trials=123, seed=9)
    RunFolder.create(Path("r"), stored.to_mapping(), kind="search").close()
    assert command("search", "--resume", "--run-folder", "r").exit_code == 0
    config, _, resume = job.calls[0]
    assert (config.trials, config.seed, resume) == (123, 9, True)


def test_resume_without_a_run_is_refused(command: Callable[..., Result], job: RecordedJob) -> None:
    done = command("search", "--resume", "--run-folder", "r")
    assert done.exit_code == 2
    assert "no run to resume" in done.stderr
    assert job.calls == []


def test_interrupt_says_how_to_go_on(command: Callable[..., Result], job: RecordedJob) -> None:
    job.error = KeyboardInterrupt()
    folder = Path("my runs/1")
    RunFolder.create(folder, default_search_config().to_mapping(), kind="search").close()
    done = command("search", "--run-folder", folder)
    assert done.exit_code == 130
    assert "nas-rlm search --resume --run-folder 'my runs/1'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_interrupt_before_the_run_began_says_to_start_again(
    command: Callable[..., Result], job: RecordedJob
) -> None:
    job.error = KeyboardInterrupt()
    done = command("search", "--run-folder", "r")
    assert done.exit_code == 130
    assert "run it again" in done.stderr
    assert "--resume" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--maximize", "acuracy"), "acuracy"),
        (("--maximize", "latency_ms/local"), "Move it to `minimize`"),
        (("--budget", "latency_ms/local=3"), "latency_ms/local=3"),
        (("--trials", "0"), "`trials` must be from 1"),
        (("--start", "scrach"), "`start` must be one of scratch, pretrained, but got 'scrach'"),
        (("--config", "missing.toml"), "missing.toml"),
    ],
)
def test_bad_options_are_refused(
    command: Callable[..., Result], job: RecordedJob, arguments: tuple[str, ...], message: str
) -> None:
    done: Any = command("search", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert job.calls == []
