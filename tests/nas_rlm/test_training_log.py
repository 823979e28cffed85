"""The log of a training: which steps have a line, and what a second process does with them."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nas_rlm.errors import ConfigError
from nas_rlm.json_lines import read_json_lines
from nas_rlm.progress import no_progress
from nas_rlm.training_log import TrainingLog


def write(path: Path, first: int, last: int, *, total: int = 25) -> None:
    with TrainingLog(path, no_progress) as log:
        for step in range(first, last + 1):
            log(step, total, {"loss": 1.0 / step})


def test_every_tenth_step_and_the_last_have_a_line(tmp_path: Path) -> None:
    write(tmp_path / "log", 1, 25)
    lines = read_json_lines(tmp_path / "log")
    assert [line["step"] for line in lines] == [10, 20, 25]
    assert [line["loss"] for line in lines] == [0.1, 0.05, 0.04]
    assert all(line["total"] == 25 and line["seconds"] >= 0 for line in lines)


def test_a_step_that_tells_more_has_a_line_and_all_are_shown(tmp_path: Path) -> None:
    shown: list[tuple[int, int, Mapping[str, float]]] = []
    with TrainingLog(tmp_path / "log", lambda *told: shown.append(told)) as log:
        log(1, 4, {"loss": 2.0})
        log(2, 4, {"loss": math.nan, "held_out_kendall_tau/macs": 0.5})
    assert [step for step, _, _ in shown] == [1, 2]
    (line,) = read_json_lines(tmp_path / "log")
    assert (line["step"], line["loss"], line["held_out_kendall_tau/macs"]) == (2, None, 0.5)


def test_steps_that_are_done_again_stand_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, 1, 21)
    with path.open("a") as file:
        file.write('{"step": 22, "lo')  # a kill in the middle of a line
    before = read_json_lines(path)
    write(path, 15, 25)
    lines = read_json_lines(path)
    assert [line["step"] for line in lines] == [10, 20, 25]
    assert lines[0] == before[0]
    assert lines[1]["seconds"] >= before[0]["seconds"]


def test_nothing_told_leaves_no_file(tmp_path: Path) -> None:
    with TrainingLog(tmp_path / "log", no_progress) as log:
        log(1, 1, {})
    assert list(tmp_path.iterdir()) == []


def test_events_need_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"nas-rlm\[track\]"):
        TrainingLog(tmp_path / "log", no_progress, events=tmp_path / "events")


def test_events_hold_every_line(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `track`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with TrainingLog(tmp_path / "log", no_progress, events=tmp_path / "events") as log:
        for step in range(1, 26):
            log(step, 25, {"loss": 1.0 / step})
    found = EventAccumulator(str(tmp_path / "events")).Reload().Scalars("loss")
    assert [(event.step, event.value) for event in found] == [
        (10, pytest.approx(0.1)),
        (20, pytest.approx(0.05)),
        (25, pytest.approx(0.04)),
    ]
