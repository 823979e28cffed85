"""How a command fails: one sentence and a status for what was foreseen, a traceback for the rest."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from nas_rlm.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, NasRlmError

_NOT_RESUMED = "Nothing is half-written; run it again."

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
        except (Exception, KeyboardInterrupt) as error:
            if is_interrupt(error):
                notes = getattr(error, "__notes__", [_NOT_RESUMED])
                status, message = EXIT_INTERRUPTED, f"interrupted. {' '.join(notes)}"
            elif isinstance(error, error_roots()):
                status, message = EXIT_BAD_INPUT, one_line(error)
            else:
                raise
            sys.stderr.write(f"nas-rlm {command_name(command)}: {message}\n")
            raise typer.Exit(status) from error

    return run


def command_name(command: Callable[..., object]) -> str:
    """Return the name under which a function is called: `add_device` is ``add-device``."""
    return command.__name__.replace("_", "-")


def is_interrupt(error: BaseException) -> bool:
    """Return whether Ctrl-C is behind an error.

    An extension module that is interrupted while it loads raises an ``ImportError`` from the
    ``KeyboardInterrupt``, so the causes count too.
    """
    current: BaseException | None = error
    while current is not None and not isinstance(current, KeyboardInterrupt):
        current = current.__cause__ or current.__context__
    return current is not None


def error_roots() -> tuple[type[Exception], ...]:
    """Return the root errors of the three packages; imported late, since two are not light."""
    from search_spaces.errors import SearchSpaceError
    from surrogates.errors import SurrogateError

    return NasRlmError, SearchSpaceError, SurrogateError


def one_line(error: BaseException) -> str:
    """Return the message of an error with its line breaks and runs of blanks folded."""
    return " ".join(str(error).split()) or type(error).__name__
