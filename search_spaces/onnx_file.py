"""Read an ONNX file that may come from anywhere: binary protobuf or ONNX text.

Nothing outside the file is ever read, and every refusal is one sentence. Not for training
checkpoints, and not for archives.
"""

import os
from pathlib import Path

import onnx
import onnx.checker
import onnx.shape_inference
from google.protobuf.message import DecodeError

from search_spaces.errors import InvalidTextError, ModelFileError, UnsupportedModelError
from search_spaces.graph import Graph
from search_spaces.onnx_bridge import from_model
from search_spaces.onnx_text import from_text, graph_to_text

__all__ = ["MAX_FILE_BYTES", "load_onnx", "load_text"]

MAX_FILE_BYTES = 1 << 29
"""Largest file that is read, in bytes (512 MiB)."""

_FIRST_BYTE = b"\x08"
"""Protobuf tag of ``ir_version``, with which every ONNX file starts."""


def load_onnx(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """Read a model and check that canonical text can say it.

    Args:
        path: A ``.onnx`` file, or a file with ONNX text.

    Returns:
        The model as stored; give it to `search_spaces.to_text` or `search_spaces.canonicalize`.

    Raises:
        ModelFileError: If the file cannot be read, is too large, truncated or not ONNX.
        UnsupportedModelError: If it is ONNX with a cycle, an unknown operator, dynamic shapes,
            external data, too many nodes or recursive functions.
    """
    return _checked(Path(path))[0]


def load_text(path: str | os.PathLike[str]) -> str:
    """Read a model as canonical text, at once; raises what :func:`load_onnx` does.

    Args:
        path: A ``.onnx`` file, or a file with ONNX text.
    """
    return graph_to_text(_checked(Path(path))[1])


def _checked(path: Path) -> tuple[onnx.ModelProto, Graph]:
    """Read a model and what canonical text is made of."""
    content = _read(path)
    if content[:1] == _FIRST_BYTE:
        model = _parse_binary(content, path)
    else:
        model = _parse_text(content, path)
    if not model.graph.node:
        raise ModelFileError(f"{path.name}: ONNX model must have a graph, but it is empty.")
    try:
        graph = from_model(model)
    except UnsupportedModelError as error:
        raise UnsupportedModelError(f"{path.name}: {error}") from error
    _check_by_onnx(model, path)
    return model, graph


def _read(path: Path) -> bytes:
    """Read the bytes of a regular file."""
    try:
        if not path.is_file():
            raise ModelFileError(f"{path}: model must be a regular file, but there is none.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelFileError(
                f"{path.name}: model file must have at most {MAX_FILE_BYTES} bytes, but has {size}."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if not content:
        raise ModelFileError(f"{path.name}: model file must not be empty, but it is.")
    return content


def _parse_binary(content: bytes, path: Path) -> onnx.ModelProto:
    """Parse protobuf."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ModelFileError(
            f"{path.name}: file starts like ONNX, but is truncated or damaged."
        ) from error
    if not model.opset_import:
        raise ModelFileError(
            f"{path.name}: file must be an ONNX model, but it imports no operator set; it is "
            "truncated or something else."
        )
    return model


def _parse_text(content: bytes, path: Path) -> onnx.ModelProto:
    """Parse ONNX text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{path.name}: file must be ONNX (binary or text), but is neither."
        ) from error
    try:
        return from_text(text)
    except InvalidTextError as error:
        raise ModelFileError(
            f"{path.name}: file must be ONNX (binary or text), but is neither. {error}"
        ) from error


def _check_by_onnx(model: onnx.ModelProto, path: Path) -> None:
    """Run ONNX's own checker; it reads no other file, since external data is refused before."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:240]
        raise UnsupportedModelError(f"{path.name}: model must be valid ONNX: {reason}") from error
