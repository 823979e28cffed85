"""Training into a folder: a stopped one goes on, a finished one leaves only what lasts."""

from pathlib import Path

import pytest

from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError, RunFolderBusyError, RunFolderError
from nas_rlm.json_lines import read_json_lines
from nas_rlm.training import (
    LOG,
    UNFINISHED,
    check_new_folder,
    train_surrogate,
)
from surrogates.errors import CheckpointError
from tests.surrogates.conftest import conv_chain

QUICK = {"width": 8, "n_layers": 1, "n_steps": 10, "batch_size": 4, "n_members": 2}
TEXTS = tuple(conv_chain(n, kernel) for n in (1, 2, 3) for kernel in (1, 3))
ROWS = Dataset(TEXTS, tuple({"macs": 1.0 + row} for row in range(6)))
LASTING = {"manifest.json", "weights.safetensors", LOG}


def stopped_at(stop: int, folder: Path) -> None:
    def progress(step: int, *_: object) -> None:
        if step == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_surrogate(ROWS, "rlm", folder, progress=progress, settings=QUICK, keep_seconds=0)


def test_a_stopped_training_goes_on_to_the_same_checkpoint(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_surrogate(ROWS, "rlm", whole, settings=QUICK)
    stopped_at(13, stopped)
    assert {item.name for item in stopped.iterdir()} == {UNFINISHED, LOG}
    steps: list[int] = []
    train_surrogate(
        ROWS, "rlm", stopped, settings=QUICK, progress=lambda step, *_: steps.append(step)
    )
    assert steps == list(range(13, 21))
    for folder in (whole, stopped):
        assert {item.name for item in folder.iterdir()} == LASTING
        assert [line["step"] for line in read_json_lines(folder / LOG)] == [10, 20]
    for name in ("manifest.json", "weights.safetensors"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_a_stopped_training_is_not_mixed_with_another(tmp_path: Path) -> None:
    stopped_at(3, tmp_path)
    with pytest.raises(CheckpointError, match="with other seed"):
        train_surrogate(ROWS, "rlm", tmp_path, seed=1, settings=QUICK)


def test_a_checkpoint_that_was_being_written_is_written_again(tmp_path: Path) -> None:
    stopped_at(3, tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"killed before the manifest")
    train_surrogate(ROWS, "rlm", tmp_path, settings=QUICK)
    assert {item.name for item in tmp_path.iterdir()} == LASTING


@pytest.mark.parametrize(
    ("names", "is_free"),
    [
        ((), True),
        ((LOG,), True),
        ((UNFINISHED, LOG), True),
        (("manifest.json", UNFINISHED), False),
        (("weights.safetensors",), False),
        (("notes.txt", LOG), False),
    ],
)
def test_only_an_unfinished_training_may_be_there(
    tmp_path: Path, names: tuple[str, ...], is_free: bool
) -> None:
    for name in names:
        (tmp_path / name).touch()
    if is_free:
        check_new_folder(tmp_path)
        return
    with pytest.raises(RunFolderError, match="exists already"):
        check_new_folder(tmp_path)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    def second(step: int, *_: object) -> None:
        if step == 1:
            train_surrogate(ROWS, "constant", tmp_path / "model")

    with pytest.raises(RunFolderBusyError, match="Another process trains in"):
        train_surrogate(ROWS, "rlm", tmp_path / "model", progress=second, settings=QUICK)
    assert not (tmp_path / "model" / "manifest.json").exists()


def test_a_seed_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`seed` must be an integer from 0 to .* but got -3"):
        train_surrogate(ROWS, "rlm", tmp_path / "model", seed=-3)
    assert not (tmp_path / "model").exists()
