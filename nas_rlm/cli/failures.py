"""How a command fails: one sentence and a status for what was foreseen, a traceback for the rest."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from nas_rlm.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, NasRlmError

P = ParamSpec("P")
R = TypeVar("R")


def reported(command: Callable[P, R]) -> Callable[P, R]:
    """Return the command with its foreseen errors printed as one line on standard error.

    The three error roots of the packages end with status 2, Ctrl-C with status 130 and, where the
    exception carries a note (how to resume), that note. Any other exception passes through.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Exception as error:
            if not isinstance(error, error_roots()):
                raise
            sys.stderr.write(f"nas-rlm {command.__name__}: {one_line(error)}\n")
            raise typer.Exit(EXIT_BAD_INPUT) from error
        except KeyboardInterrupt as error:
            notes = getattr(error, "__notes__", ["Nothing was half-written; run it again."])
            sys.stderr.write(f"nas-rlm {command.__name__}: interrupted. {' '.join(notes)}\n")
            raise typer.Exit(EXIT_INTERRUPTED) from error

    return run


def error_roots() -> tuple[type[Exception], ...]:
    """Return the root errors of the three packages; imported late, since two are not light."""
    from search_spaces.errors import SearchSpaceError
    from surrogates.errors import SurrogateError

    return NasRlmError, SearchSpaceError, SurrogateError


def one_line(error: BaseException) -> str:
    """Return the message of an error with its line breaks and runs of blanks folded."""
    return " ".join(str(error).split()) or type(error).__name__
