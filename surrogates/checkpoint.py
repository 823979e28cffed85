"""Checkpoint folders: tensors as safetensors, everything else as JSON, never a pickle.

A folder holds ``manifest.json`` (which surrogate, format version, its settings and state) and,
where the surrogate has tensors, ``weights.safetensors``; where it has parts, a folder of each.
Files are written beside their place and moved there, the manifest last, and what an older
checkpoint consists of is never written over: where a name is taken, the new file has another one,
which the manifest names. So a folder has the whole new checkpoint, or what was there before.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogates.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_VERSION = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
_SECOND = "second-"
"""Before the name of a file or folder whose own name an older checkpoint has."""
_counter = itertools.count()


def write_checkpoint(
    folder: Path,
    surrogate: str,
    state: Mapping[str, Any],
    weights: Mapping[str, Tensor] | None = None,
    parts: Mapping[str, Callable[[Path], None]] | None = None,
) -> None:
    """Write a checkpoint, replacing an older one in the same folder once all is written.

    Args:
        folder: Created if missing.
        surrogate: Registered name.
        state: Values that JSON can hold.
        weights: Tensors, or None.
        parts: Name of a folder within it to what writes another checkpoint there, or None.

    Raises:
        CheckpointError: If the folder cannot be written; an older one is then as it was.
    """
    manifest: dict[str, Any] = {
        "version": CHECKPOINT_VERSION,
        "surrogate": surrogate,
        "state": dict(state),
    }
    names = [*(parts or {}), *([WEIGHTS] if weights is not None else [])]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = _old_files(folder, [*names, WEIGHTS])
        files = {name: _SECOND + name if name in old else name for name in names}
        if moved := {name: file for name, file in files.items() if file != name}:
            manifest["files"] = moved
        for name, write in (parts or {}).items():
            write(folder / files[name])
        if weights is not None:
            from safetensors.torch import save

            contiguous = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
            write_atomically(folder / files[WEIGHTS], save(contiguous))
        write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
        for file in old - set(files.values()):
            _remove(folder / file)
    except OSError as error:
        raise CheckpointError(
            f"A checkpoint must be writable, but {folder} is not: {error.strerror}. "
            "Choose another folder."
        ) from error


def read_manifest(folder: Path, surrogate: str | None = None) -> dict[str, Any]:
    """Return the manifest of a checkpoint.

    Args:
        folder: Written by :func:`write_checkpoint`.
        surrogate: The name that it must have, if given.

    Raises:
        CheckpointError: If it is missing, damaged, of another version or of another surrogate.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, name, state = manifest["version"], manifest["surrogate"], manifest["state"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f"A checkpoint folder must hold {MANIFEST}, but {folder} does not. "
            "Train one with `nas-rlm train`."
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path} must be readable, but: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} must be a manifest, but it is damaged: {error!r}."
        ) from error
    if version != CHECKPOINT_VERSION:
        raise CheckpointError(
            f"{path} must have version {CHECKPOINT_VERSION}, but has {version!r}. Train it again."
        )
    if surrogate is not None and name != surrogate:
        raise CheckpointError(f"{path} must hold a {surrogate!r}, but holds a {name!r}.")
    files = manifest.get("files", {})
    if not isinstance(files, dict) or not all(map(_is_name, files.values())):
        raise CheckpointError(f"{path} must name files of its folder, but names {files!r}.")
    return {"version": version, "surrogate": name, "state": state, "files": files}


def place_of(folder: Path, name: str) -> Path:
    """Return where a checkpoint has its weights, or the part of a name.

    Args:
        folder: Written by :func:`write_checkpoint`.
        name: `WEIGHTS`, or that of a part.

    Raises:
        CheckpointError: As :func:`read_manifest`.
    """
    file: str = read_manifest(folder)["files"].get(name, name)
    return folder / file


def read_checkpoint(folder: Path, surrogate: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return state and tensors of a checkpoint.

    Args:
        folder: Written by :func:`write_checkpoint`.
        surrogate: The name that it must have.

    Raises:
        CheckpointError: As :func:`read_manifest` and :func:`read_weights`.
    """
    manifest = read_manifest(folder, surrogate)
    return manifest["state"], _tensors(folder / manifest["files"].get(WEIGHTS, WEIGHTS))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint.

    Raises:
        CheckpointError: If the file or the manifest is missing, or it is not safetensors.
    """
    return _tensors(place_of(folder, WEIGHTS))


def _tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(path.read_bytes()))
    except OSError as error:
        raise CheckpointError(
            f"A checkpoint must hold {path.name}, but {path.parent} does not."
        ) from error
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} must be safetensors, but it is damaged: {error}."
        ) from error


def weights_under(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the file, flush to disk, and move into place.

    Raises:
        OSError: If it cannot be written; then the old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_counter)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _old_files(folder: Path, names: Sequence[str]) -> set[str]:
    """Files and folders of the checkpoint that is there, as far as there are some of these names."""
    try:
        files = read_manifest(folder)["files"]
    except CheckpointError:  # there is none, or none that could be lost
        return set()
    return {*files.values(), *(files.get(name, name) for name in names)}


def _is_name(value: object) -> bool:
    """Whether a value of a manifest names something in the folder itself."""
    return isinstance(value, str) and Path(value).name == value and bool(value.strip("."))


def _remove(path: Path) -> None:
    """Remove a file, or the folder of a part."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
