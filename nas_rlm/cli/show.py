"""`nas-rlm show`: a picture of a network."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import JsonOption, print_json, say, write


def show(
    network: Annotated[
        str,
        typer.Argument(help="An ONNX file, or with --space the string of an architecture."),
    ],
    space: Annotated[
        str | None, typer.Option(help="Search space of the architecture, see `nas-rlm spaces`.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="SVG file to write.")] = None,
    json: JsonOption = False,
) -> None:
    """Draw a network: its cells or blocks, and how often they repeat.

    The picture is drawn in the terminal, or written as SVG (--out).
    """
    from dataclasses import asdict

    from nas_rlm.drawing.show import diagram_of_architecture, diagram_of_file, write_svg
    from nas_rlm.drawing.terminal import text_of

    if space is None:
        diagram = diagram_of_file(Path(network))
    else:
        diagram = diagram_of_architecture(network, space)
    if out is not None:
        write_svg(diagram, out)
        say(f"Picture: {out}")
    if json:
        print_json(asdict(diagram))
    elif out is None:
        write(text_of(diagram))
