"""The lock: one holder at a time, and none after its death."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas_rlm.file_lock import FileLock

HOLD = """
import sys, time
from pathlib import Path
from nas_rlm.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
time.sleep(60)
"""


def test_a_second_holder_waits_its_turn(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire()
    assert not second.is_held
    first.release()
    first.release()
    assert not first.is_held
    assert second.acquire()
    second.release()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = FileLock(path)
        assert not lock.acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=10)
    assert lock.acquire()
    lock.release()


def test_a_lock_in_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "none" / "lock").acquire()
