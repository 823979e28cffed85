"""Checkpoints: round trip twice, damage of every kind, nothing half-written."""

import json
import os
from pathlib import Path

import pytest
import torch

from surrogates import checkpoint
from surrogates.checkpoint import WEIGHTS, read_manifest, read_weights, write_checkpoint
from surrogates.errors import CheckpointError

STATE = {"layers": 3, "names": ["a", "b"], "rate": 0.1}


def test_state_and_weights_survive_two_round_trips(tmp_path: Path) -> None:
    weights = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor([7])}
    for folder in (tmp_path / "one", tmp_path / "deep" / "two"):
        write_checkpoint(folder, "gcn", STATE, weights)
        manifest = read_manifest(folder, "gcn")
        assert manifest["state"] == STATE
        assert manifest["surrogate"] == "gcn"
        read = read_weights(folder)
        assert read.keys() == weights.keys()
        assert all(torch.equal(read[name], weights[name]) for name in weights)
        weights = read


def test_a_transposed_view_is_stored_as_it_reads(tmp_path: Path) -> None:
    view = torch.arange(6.0).reshape(2, 3).T
    write_checkpoint(tmp_path, "gcn", {}, {"w": view})
    assert torch.equal(read_weights(tmp_path)["w"], view)


def test_writing_again_replaces_and_leaves_no_other_file(tmp_path: Path) -> None:
    for k, name in enumerate([WEIGHTS, f"second-{WEIGHTS}", WEIGHTS]):
        write_checkpoint(tmp_path, "gcn", {"a": k}, {"w": torch.full((2,), float(k))})
        assert read_manifest(tmp_path)["state"] == {"a": k}
        assert read_weights(tmp_path)["w"].tolist() == [k, k]
        assert {p.name for p in tmp_path.iterdir()} == {"manifest.json", name}
    write_checkpoint(tmp_path, "constant", {})
    assert {p.name for p in tmp_path.iterdir()} == {"manifest.json"}


def test_a_first_checkpoint_is_as_it_always_was(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "gcn", {"a": 1}, {"w": torch.zeros(2)})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest == {"version": 1, "surrogate": "gcn", "state": {"a": 1}}


@pytest.mark.parametrize("n_written", [0, 1])
def test_a_broken_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_written: int
) -> None:
    write_checkpoint(tmp_path, "gcn", {"a": 1}, {"w": torch.zeros(2)})
    real, written = checkpoint.os.fsync, []

    def full_disk(descriptor: int) -> None:
        if len(written) == n_written:
            raise OSError(28, "No space left on device")
        written.append(descriptor)
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full_disk)
        with pytest.raises(CheckpointError, match=r"No space left on device\. Choose another"):
            write_checkpoint(tmp_path, "gcn", {"a": 2}, {"w": torch.ones(2)})
    assert read_manifest(tmp_path)["state"] == {"a": 1}
    assert read_weights(tmp_path)["w"].tolist() == [0.0, 0.0]
    assert not list(tmp_path.glob(".*"))
    write_checkpoint(tmp_path, "gcn", {"a": 2}, {"w": torch.ones(2)})
    assert read_weights(tmp_path)["w"].tolist() == [1.0, 1.0]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("files", [[], {WEIGHTS: 3}, {WEIGHTS: "../other"}, {WEIGHTS: ".."}])
def test_a_manifest_names_files_of_its_folder(tmp_path: Path, files: object) -> None:
    write_checkpoint(tmp_path, "gcn", {}, {"w": torch.zeros(2)})
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": files}))
    with pytest.raises(CheckpointError, match="must name files of its folder"):
        read_weights(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions.")
def test_files_are_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    write_checkpoint(tmp_path / "model", "gcn", {}, {"w": torch.zeros(2)})
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert modes == {(tmp_path / "other").stat().st_mode}


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="A checkpoint must be writable"):
        write_checkpoint(tmp_path / "file", "gcn", {})


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '"text"', '{"version": 1}', '{"version": 1, "surrogate": "gcn"}']
)
def test_a_damaged_manifest_is_a_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(CheckpointError, match="damaged"):
        read_manifest(tmp_path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "gcn", {})
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(CheckpointError, match="must have version 1, but has 99"):
        read_manifest(tmp_path)


def test_another_surrogate_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "gcn", {})
    with pytest.raises(CheckpointError, match="must hold a 'rlm', but holds a 'gcn'"):
        read_manifest(tmp_path, "rlm")


def test_missing_weights_are_a_clear_error(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "constant", {})
    with pytest.raises(CheckpointError, match=r"must hold weights\.safetensors"):
        read_weights(tmp_path)


def test_truncated_weights_are_a_clear_error(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "gcn", {}, {"w": torch.zeros(100)})
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="must be safetensors"):
        read_weights(tmp_path)
