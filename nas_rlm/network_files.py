"""Networks of any origin: ONNX text in canonical form, and files as models that run."""

from pathlib import Path

import onnx

import search_spaces
from nas_rlm.seeding import derived_seed


def text_of(text: str) -> str:
    """Bring ONNX text from elsewhere into canonical form.

    Raises:
        SearchSpaceError: If it is not ONNX text or outside what canonical text can say.
    """
    return search_spaces.to_text(search_spaces.from_text(text))


def read_runnable(path: Path, *, seed: int = 0) -> onnx.ModelProto:
    """Read a network file as a model that runs.

    Args:
        path: The file.
        seed: Seed of the weights, where the file has none: a file without a single stored weight
            and with more than one input is taken as an architecture whose weights are inputs.

    Returns:
        The model of the file, its weights drawn at random if it has none.

    Raises:
        SearchSpaceError: If the file cannot be read, is not ONNX, or is outside what canonical
            text can say; the message names the file.
        ConfigError: If the seed is out of range.
    """
    model = search_spaces.load_onnx(path)
    if model.graph.initializer or len(model.graph.input) < 2:
        return model
    return search_spaces.materialize(model, derived_seed(seed, "materialize", path.name))
