"""Checkpoint folders: tensors as safetensors, everything else as JSON, never a pickle.

A folder holds ``manifest.json`` (which surrogate, format version, its settings and state) and,
where the surrogate has tensors, ``weights.safetensors``. Files are written beside their place and
moved there, the manifest last, so a folder either has a whole checkpoint or no manifest.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogates.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_VERSION = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"


def write_checkpoint(
    folder: Path,
    surrogate: str,
    state: Mapping[str, Any],
    weights: Mapping[str, Tensor] | None = None,
    parts: Mapping[str, Callable[[Path], None]] | None = None,
) -> None:
    """Write a checkpoint, replacing an older one in the same folder.

    Args:
        folder: Created if missing.
        surrogate: Registered name.
        state: Values that JSON can hold.
        weights: Tensors, or None.
        parts: Name of a folder within it to what writes another checkpoint there, or None.

    Raises:
        CheckpointError: If the folder cannot be written.
    """
    manifest = {"version": CHECKPOINT_VERSION, "surrogate": surrogate, "state": dict(state)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for name, write in (parts or {}).items():
            write(folder / name)
        if weights is not None:
            from safetensors.torch import save

            contiguous = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
            write_atomically(folder / WEIGHTS, save(contiguous))
        write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
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
    except OSError as error:
        raise CheckpointError(
            f"A checkpoint folder must hold {MANIFEST}, but {folder} does not. "
            "Train one with `nas-rlm train`."
        ) from error
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
    return {"version": version, "surrogate": name, "state": state}


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint.

    Raises:
        CheckpointError: If the file is missing or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = folder / WEIGHTS
    try:
        return dict(load(path.read_bytes()))
    except OSError as error:
        raise CheckpointError(
            f"A checkpoint must hold {WEIGHTS}, but {folder} does not."
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
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
