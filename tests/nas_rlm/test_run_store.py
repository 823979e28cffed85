"""The run folder: created once, resumed after any kill, shared by nobody."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.errors import RunFolderBusyError, RunFolderError
from nas_rlm.run_store import RunFolder

CONFIG: dict[str, Any] = {"seed": 1, "surrogate": {"name": "rlm"}, "tags": ("a",)}

WORK = """
import sys
from pathlib import Path
from nas_rlm.run_store import RunFolder
path = Path(sys.argv[1])
is_there = (path / "run.json").is_file()
with (RunFolder.resume if is_there else RunFolder.create)(path, {"n": 120}, kind="count") as run:
    with run.log("rows.jsonl", is_durable=False) as log:
        for row in range(len(log.earlier_records), 120):
            log.append({"row": row, "square": row * row})
            run.write_json("last.json", {"row": row})
    print("done", flush=True)
    total = sum(record["square"] for record in run.records("rows.jsonl"))
    run.write_json("total.json", {"total": total})
    run.complete("count", total=total)
"""


def make(path: Path, **changes: Any) -> RunFolder:
    return RunFolder.create(path, {**CONFIG, **changes}, kind="search")


def test_a_new_run_stores_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with RunFolder.create(path, CONFIG, kind="search", environment={"python": "3"}) as run:
        assert run.config == {"seed": 1, "surrogate": {"name": "rlm"}, "tags": ["a"]}
        assert run.environment == {"python": "3"}
        assert run.phases == {}
        assert not run.is_resumed
    assert json.loads((path / "run.json").read_text()) == {"format": 1, "kind": "search"}


def test_phases_are_remembered_in_order(tmp_path: Path) -> None:
    with make(tmp_path / "run") as run:
        assert not run.is_complete("train")
        run.complete("train", seconds=1.5)
        run.complete("label")
    with RunFolder.resume(tmp_path / "run", CONFIG, kind="search") as run:
        assert run.is_resumed
        assert list(run.phases.items()) == [("train", {"seconds": 1.5}), ("label", {})]
        assert run.is_complete("train")


def test_a_run_is_started_once_and_then_resumed(tmp_path: Path) -> None:
    states = []
    for begin in (RunFolder.create, RunFolder.resume):
        with begin(tmp_path / "run", CONFIG, kind="search") as run:
            states.append(run.is_resumed)
            with run.log("deep/rows.jsonl") as log:
                log.append({"row": len(log.earlier_records)})
    assert states == [False, True]
    with RunFolder.resume(tmp_path / "run") as run:
        assert run.records("deep/rows.jsonl") == [{"row": 0}, {"row": 1}]
        assert run.records("none.jsonl") == []


def test_a_second_run_in_a_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "run").close()
    with pytest.raises(RunFolderError, match=r"holds a run already\. Resume it with --resume"):
        make(tmp_path / "run")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match=r"'thesis\.tex', already\. Move them away, or name"):
        make(tmp_path)


def test_a_kill_before_the_run_began_leaves_a_usable_folder(tmp_path: Path) -> None:
    for name in ("run.lock", "config.json", ".partial-1-0-run.json"):
        (tmp_path / name).touch()
    with make(tmp_path) as run:
        assert run.config["seed"] == 1


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    with make(tmp_path / "run"):
        with pytest.raises(RunFolderBusyError, match="in use by another process"):
            RunFolder.resume(tmp_path / "run")
        with pytest.raises(RunFolderBusyError, match="in use by another process"):
            make(tmp_path / "run")
    RunFolder.resume(tmp_path / "run").close()


def test_a_refused_resume_gives_the_lock_back(tmp_path: Path) -> None:
    make(tmp_path / "run").close()
    with pytest.raises(RunFolderError, match="kind 'search', not 'train'"):
        RunFolder.resume(tmp_path / "run", kind="train")
    RunFolder.resume(tmp_path / "run").close()


def test_another_configuration_is_named_key_by_key(tmp_path: Path) -> None:
    make(tmp_path / "run").close()
    other = {**CONFIG, "seed": 2, "surrogate": {"name": "gcn"}}
    with pytest.raises(RunFolderError, match=r"these differ: seed, surrogate\.name\. Resume"):
        RunFolder.resume(tmp_path / "run", other)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run to resume"):
        RunFolder.resume(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "run").close()
    (tmp_path / "run" / "run.json").write_text('{"format": 99, "kind": "search"}')
    with pytest.raises(RunFolderError, match="has format 99; this version reads format 1"):
        RunFolder.resume(tmp_path / "run")


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    make(tmp_path / "run").close()
    (tmp_path / "run" / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"run\.json' is damaged"):
        RunFolder.resume(tmp_path / "run")


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunFolderError, match="A file stands where a folder is needed"):
            make(path)


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFolderError, match=r"cannot be created: Permission denied\. Allow"):
        make(tmp_path / "run")


def test_a_full_disk_keeps_the_earlier_phases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with make(tmp_path / "run") as run:
        run.complete("label")
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(RunFolderError, match=r"phases\.json' cannot be written: No space"):
            run.complete("train")
        monkeypatch.undo()
        assert list(run.phases) == ["label"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "."])
def test_a_name_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    message = "must lie inside its folder"
    with make(tmp_path / "run") as run, pytest.raises(RunFolderError, match=message):
        run.write_text(name, "x")
    assert [item.name for item in tmp_path.iterdir()] == ["run"]


def test_files_below_the_folder_are_written_and_read(tmp_path: Path) -> None:
    with make(tmp_path / "run") as run:
        assert not run.has("front/1.onnx")
        path = run.write_bytes("front/1.onnx", b"\x00")
        assert path == tmp_path / "run" / "front" / "1.onnx"
        assert run.has("front/1.onnx")
        assert run.read_bytes("front/1.onnx") == b"\x00"
        run.write_text("note.txt", "größer\n")
        assert (tmp_path / "run" / "note.txt").read_text(encoding="utf-8") == "größer\n"


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    message = r"x\.json' cannot be read: No such file"
    with make(tmp_path / "run") as run, pytest.raises(RunFolderError, match=message):
        run.read_json("x.json")


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_what_is_not_json_is_refused(tmp_path: Path, value: object) -> None:
    with make(tmp_path / "run") as run:
        with pytest.raises(RunFolderError, match="must hold finite JSON values"):
            run.write_json("x.json", {"value": value})
        assert not run.has("x.json")


def fill_and_fail(run: RunFolder) -> None:
    with run.new_folder("model") as folder:
        (folder / "weights").touch()
        raise RuntimeError("stop")


def test_a_folder_of_files_appears_whole(tmp_path: Path) -> None:
    with make(tmp_path / "run") as run:
        with pytest.raises(RuntimeError, match="stop"):
            fill_and_fail(run)
        assert not run.has("model")
        with run.new_folder("model") as folder:
            (folder / "weights").touch()
        assert run.has("model/weights")


def test_resuming_removes_what_was_unfinished(tmp_path: Path) -> None:
    make(tmp_path / "run").close()
    partial = tmp_path / "run" / "deep" / ".partial-7-0-model"
    partial.mkdir(parents=True)
    RunFolder.resume(tmp_path / "run").close()
    assert not partial.exists()


def test_a_killed_run_resumes_to_the_same_result(tmp_path: Path) -> None:
    """Killed again and again at moments nobody chose, it ends as an unbroken run does."""
    command = [sys.executable, "-c", WORK]
    whole = tmp_path / "whole"
    subprocess.run([*command, str(whole)], check=True, capture_output=True, timeout=50)
    broken = tmp_path / "broken"
    n_kills = 0
    for attempt in range(40):
        with subprocess.Popen([*command, str(broken)], stdout=subprocess.DEVNULL) as process:
            wait_for_growth(broken / "rows.jsonl", process)
            if attempt < 4 and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                n_kills += 1
            if process.wait(timeout=50) == 0:
                break
    assert n_kills == 4
    for name in ("rows.jsonl", "last.json", "total.json", "phases.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()


def wait_for_growth(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Return once a process has added to a file, or has ended."""
    before = path.stat().st_size if path.exists() else 0
    while process.poll() is None and (path.stat().st_size if path.exists() else 0) <= before:
        time.sleep(0.001)
