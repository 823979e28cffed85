"""The command line: a table of commands, one file each.

A command parses, calls the library and prints; it holds no library code. Only typer and the
standard library are imported here, so that ``nas-rlm --help`` answers at once.
"""

from typing import Annotated

import typer

from nas_rlm.cli.add_device import add_device
from nas_rlm.cli.compare import compare
from nas_rlm.cli.convert import convert
from nas_rlm.cli.data import data
from nas_rlm.cli.export import export
from nas_rlm.cli.failures import command_name, reported
from nas_rlm.cli.finetune import finetune
from nas_rlm.cli.measure import measure
from nas_rlm.cli.model import model
from nas_rlm.cli.rank import rank
from nas_rlm.cli.search import search
from nas_rlm.cli.show import show
from nas_rlm.cli.spaces import spaces
from nas_rlm.cli.train import train

COMMANDS = (
    search,
    rank,
    measure,
    export,
    train,
    finetune,
    add_device,
    model,
    compare,
    data,
    convert,
    spaces,
    show,
)  # in the order in which help shows them

app = typer.Typer(
    name="nas-rlm",
    help="Rank and search neural architectures without training them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in COMMANDS:
    app.command(command_name(command))(reported(command))


def print_version(value: bool) -> None:
    """Print the version and stop, when the flag was given."""
    if value:
        from importlib.metadata import version

        typer.echo(f"nas-rlm {version('nas-rlm')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Rank and search neural architectures without training them."""


def main() -> None:
    """Run the command that ``sys.argv`` names; the entry point of ``nas-rlm``."""
    app(prog_name="nas-rlm")
