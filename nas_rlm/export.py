"""Architectures of a search space as files: canonical ONNX text or runnable ``.onnx``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import search_spaces
from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.dataset import digest
from nas_rlm.errors import ConfigError
from nas_rlm.seeding import derived_seed, generator

_MAX_FRUITLESS_DRAWS = 10_000
"""Draws in a row without a new network after which a space counts as exhausted."""


@dataclass(frozen=True)
class ExportedArchitecture:
    """One file that was written."""

    architecture: str
    """Published string form."""
    digest: str
    """Of the canonical text, in both formats."""
    file: Path


def export_architectures(
    space: str,
    folder: Path,
    *,
    strings: Sequence[str] = (),
    n_random: int = 0,
    as_onnx: bool = False,
    seed: int = 0,
) -> tuple[ExportedArchitecture, ...]:
    """Write named and random architectures of a search space to a folder.

    Every architecture is built before the first file is written, and each file appears complete
    or not at all. A file is named after space and digest, so the same network has one file.

    Args:
        space: Name of the search space.
        folder: Made when it is missing.
        strings: Published strings of architectures to write.
        n_random: How many distinct random networks to write beside them.
        as_onnx: Whether to write runnable models with random weights instead of canonical text.
        seed: Seed of the random architectures and of the weights.

    Returns:
        The files: first the named ones, then the random ones.

    Raises:
        ConfigError: If nothing is asked for, or the space has fewer distinct networks.
        SearchSpaceError: If the space or an architecture is unknown.
        RunFolderError: If the folder cannot be written.
    """
    if not strings and n_random < 1:
        message = "Nothing to export: name architectures, or ask for at least 1 random one."
        raise ConfigError(message)
    chosen = search_spaces.get_space(space)
    texts: dict[str, str] = {}  # canonical text to published string
    for string in strings:
        architecture = chosen.parse(string)
        texts[chosen.to_text(architecture)] = chosen.format(architecture)
    if n_random > chosen.size:
        message = f"Space {space!r} has {chosen.size:,} architectures, but {n_random} are wanted."
        raise ConfigError(f"{message} Ask for fewer.")
    wanted = len(texts) + n_random
    rng = generator(seed, "export", space)
    fruitless = 0
    while len(texts) < wanted:
        if fruitless == _MAX_FRUITLESS_DRAWS:
            message = (
                f"Space {space!r} gave only {len(texts)} distinct networks, but {wanted} are "
                f"wanted; the last {fruitless:,} draws were all known. Ask for fewer."
            )
            raise ConfigError(message)
        architecture = chosen.sample(rng)
        text = chosen.to_text(architecture)
        fruitless = fruitless + 1 if text in texts else 0
        texts.setdefault(text, chosen.format(architecture))
    with explained(folder, "be written"):
        folder.mkdir(parents=True, exist_ok=True)
    exported = []
    for text, string in texts.items():
        name = digest(text)
        content = text.encode()
        if as_onnx:
            model = chosen.to_onnx(chosen.parse(string))
            weights_seed = derived_seed(seed, "materialize", name)
            content = search_spaces.materialize(model, weights_seed).SerializeToString()
        file = folder / f"{space}-{name}.{'onnx' if as_onnx else 'txt'}"
        with explained(file, "be written"):
            write_atomically(file, content)
        exported.append(ExportedArchitecture(string, name, file))
    return tuple(exported)
