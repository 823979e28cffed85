"""What a command prints: one table or one JSON document on standard output, progress on the other.

rich is imported when something is drawn, never for ``--help``.
"""

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from nas_rlm.errors import OutputError
from nas_rlm.progress import Progress

_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?(e[-+][0-9]+)?%?|nan|-?inf")

_SHOWN_SCALARS = 2

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of a table.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="Seed of everything random; same seed, same result.")
]


def write(text: str) -> None:
    """Write to standard output; what its encoding lacks becomes a question mark.

    Raises:
        OutputError: If it cannot be written, e.g. because the disk is full. Where nobody reads any
            more, `BrokenPipeError` passes through.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = (
            f"Standard output cannot be written: {error.strerror}. Name another place for it."
        )
        raise OutputError(message) from error


def print_json(document: object) -> None:
    """Print one JSON document; NaN and infinity are refused, since JSON has neither."""
    write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their column names; numbers to the right, nothing is ever cut.

    Args:
        columns: The column names.
        rows: Each as long as ``columns``. Floats print with four significant digits; format
            them before for anything else.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [_is_numeric([row[index] for row in rows]) for index in range(len(columns))]
    lines = []
    for line in (columns, ["-" * width for width in widths], *cells):
        padded = [
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(line, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip() + "\n")
    write("".join(lines))


def print_titled_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Print a table under a title, with an empty line after it."""
    write(f"{title}\n\n")
    print_table(columns, rows)
    write("\n")


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """Show a bar with the time left on standard error while the block runs.

    Yields:
        A function to call with (step, total steps, scalars); the first scalars follow the bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as RichProgress,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scalars]}"),
    )
    bar = RichProgress(*columns, console=Console(stderr=True))
    task = bar.add_task(description, total=None, scalars="")

    def report(step: int, total: int, scalars: Mapping[str, float]) -> None:
        first = list(scalars.items())[:_SHOWN_SCALARS]
        shown = " ".join(f"{name} {value:.4g}" for name, value in first)
        bar.update(task, completed=step, total=total, scalars=shown)
        bar.start()  # at the first step, so that input refused before shows no bar

    try:
        yield report
    except BaseException:
        bar.live.transient = True  # the sentence that follows says what happened
        bar.live.stop()
        raise
    if bar.live.is_started:
        bar.stop()


def say(sentence: str) -> None:
    """Print a sentence for the person at the terminal, on standard error."""
    sys.stderr.write(sentence + "\n")


def _cell(value: object) -> str:
    """Return the text of one table cell."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _is_numeric(values: Sequence[object]) -> bool:
    """Return whether a column holds numbers only, formatted ones included."""
    return bool(values) and all(
        value is None or _NUMBER.fullmatch(_cell(value)) is not None for value in values
    )
