"""Files that appear complete or not at all, also when the disk refuses."""

import errno
import os
import resource
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_rlm import atomic_files
from nas_rlm.atomic_files import (
    PARTIAL_PREFIX,
    explained,
    filling_folder,
    remove_unfinished,
    write_atomically,
)
from nas_rlm.errors import RunFolderError


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The operating system refuses to write more than 4 kB into one file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with (
        pytest.raises(RunFolderError, match=r"cannot be written: .*[Ff]ile") as caught,
        explained(path, "be written"),
    ):
        write_atomically(path, bytes(100_000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOSPC, "Free some space"), (errno.EROFS, "read-only"), (errno.EIO, "Check the path")],
)
def test_an_error_of_the_system_becomes_advice(code: int, advice: str) -> None:
    message = f"'x' cannot be read: .*{advice}"
    with pytest.raises(RunFolderError, match=message), explained(Path("x"), "be read"):
        raise OSError(code, os.strerror(code))


def test_an_explained_error_is_not_explained_twice() -> None:
    with pytest.raises(RunFolderError, match=r"^inner$"), explained(Path("x"), "be read"):
        raise RunFolderError("inner")


def test_a_folder_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with filling_folder(target) as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "w").write_bytes(b"1")
        assert not target.exists()
    assert (target / "sub" / "w").read_bytes() == b"1"
    assert names(target.parent) == ["model"]


def test_a_folder_is_replaced_and_not_merged(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for name in ("a", "b"):
        with filling_folder(target) as partial:
            (partial / name).touch()
    assert names(target) == ["b"]
    assert names(tmp_path) == ["model"]


def test_an_error_in_the_block_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with filling_folder(target) as partial:
        (partial / "a").touch()

    def fill_and_fail() -> None:
        with filling_folder(target) as partial:
            (partial / "b").touch()
            raise KeyError("boom")

    with pytest.raises(KeyError, match="boom"):
        fill_and_fail()
    assert names(target) == ["a"]
    assert names(tmp_path) == ["model"]


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / f"{PARTIAL_PREFIX}1-0-a").touch()
    (tmp_path / "deep" / f"{PARTIAL_PREFIX}1-1-b").mkdir(parents=True)
    (tmp_path / "deep" / f"{PARTIAL_PREFIX}1-1-b" / "x").touch()
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["deep", "kept"]
    assert names(tmp_path / "deep") == []


def test_a_kill_between_two_renames_loses_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    with filling_folder(target) as partial:
        (partial / "old").touch()
    rename = Path.rename

    def rename_once(self: Path, to: Path) -> Path:
        if self.name.startswith(PARTIAL_PREFIX):
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", rename_once)
    with pytest.raises(KeyboardInterrupt), filling_folder(target) as partial:
        (partial / "new").touch()
    monkeypatch.undo()
    assert not target.exists()
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["model"]
    assert names(target) == ["old"]


def test_a_replaced_folder_is_removed_when_the_new_one_stands(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / f"{atomic_files._REPLACED_PREFIX}model").mkdir()
    remove_unfinished(tmp_path)
    assert names(tmp_path) == ["model"]


def test_a_file_system_that_cannot_flush_folders_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_atomically(tmp_path / "a", b"x")
    with filling_folder(tmp_path / "b") as partial:
        (partial / "c").touch()
    assert names(tmp_path) == ["a", "b"]


def test_a_flush_error_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="disk"):
        write_atomically(tmp_path / "a", b"x")
    assert names(tmp_path) == []
