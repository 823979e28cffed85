"""What to draw: an architecture of a search space, or a network file."""

from pathlib import Path

import search_spaces
from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.drawing.diagram import Diagram, diagram_of
from nas_rlm.drawing.svg import svg_of


def diagram_of_architecture(string: str, space: str) -> Diagram:
    """Describe an architecture of a search space.

    Args:
        string: Its published string.
        space: Name of the space.

    Raises:
        SearchSpaceError: If the space is unknown or the string is no architecture of it.
        DrawingError: If the network is too large to be drawn.
    """
    chosen = search_spaces.get_space(space)
    return diagram_of(chosen.to_onnx(chosen.parse(string)), title=space)


def diagram_of_file(path: Path) -> Diagram:
    """Describe the network of an ONNX file, binary or text.

    Raises:
        SearchSpaceError: If the file is refused.
        DrawingError: If the network is too large to be drawn.
    """
    return diagram_of(search_spaces.load_onnx(path), title=path.name)


def write_svg(diagram: Diagram, path: Path) -> None:
    """Write a diagram as an SVG file.

    Raises:
        RunFolderError: If it cannot be written.
    """
    with explained(path, "be written"):
        write_atomically(path, svg_of(diagram).encode(errors="replace"))
