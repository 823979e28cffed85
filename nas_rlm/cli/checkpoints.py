"""The checkpoint that a command works with: a named folder, or the one that comes with the package."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import say

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Checkpoint folder that `nas-rlm train` wrote; the one that comes with nas-rlm "
        "otherwise.",
    ),
]


def say_if_shipped(model: Path | None) -> None:
    """Say on standard error that the shipped checkpoint was used, where no other was named."""
    if model is None:
        say("Checkpoint: the one that comes with nas-rlm; --model FOLDER takes another.")
