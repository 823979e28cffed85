"""`nas-rlm export`: architectures of a search space as files."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import JsonOption, SeedOption, print_json, print_table


def export(
    space: Annotated[str, typer.Option(help="Search space, see `nas-rlm spaces`.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; made when it is missing.")],
    random: Annotated[
        int, typer.Option(min=0, help="How many distinct random architectures.")
    ] = 0,
    architecture: Annotated[
        list[str] | None, typer.Option(help="Published string of an architecture; repeatable.")
    ] = None,
    onnx: Annotated[
        bool,
        typer.Option(
            "--onnx/--text",
            help="A runnable .onnx file with random weights, or the canonical text.",
        ),
    ] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Write architectures as ONNX files.

    Each is written as canonical text, or as a runnable .onnx file with random weights.
    """
    from nas_rlm.export import export_architectures

    exported = export_architectures(
        space, out, strings=architecture or (), n_random=random, as_onnx=onnx, seed=seed
    )
    if json:
        rows = [
            {"architecture": row.architecture, "digest": row.digest, "file": str(row.file)}
            for row in exported
        ]
        print_json({"space": space, "seed": seed, "files": rows})
        return
    print_table(("file", "architecture"), [(row.file, row.architecture) for row in exported])
