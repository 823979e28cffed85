"""How library code tells how far it is, without knowing who shows it.

A job gets a `Phases`: called with the name of a phase, it gives a context manager whose value is
a `Progress` to call as the phase goes on. The command line passes bars, tests pass `silent`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Called with (step, total steps, scalars such as the loss)."""

Phases = Callable[[str], AbstractContextManager[Progress]]
"""Called with the name of a phase, e.g. ``"training"``; entered for as long as it lasts."""


def no_progress(step: int, total: int, scalars: Mapping[str, float]) -> None:
    """Take a step and show nothing: a `Progress` for those who want none."""
    del step, total, scalars


@contextmanager
def silent(phase: str) -> Iterator[Progress]:
    """Show nothing: the default of every job.

    Args:
        phase: Name of the phase, unused.

    Yields:
        A function that does nothing.
    """
    del phase
    yield no_progress
