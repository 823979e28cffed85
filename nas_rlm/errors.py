"""Errors of the nas_rlm package and the exit statuses of its commands.

Every error that a user can cause has a class here, below one root; each class is also the
built-in error that a caller without knowledge of this package would catch. A message states the
rule, the value that broke it and the way out. The command line prints it as one line and exits
with `EXIT_BAD_INPUT`.
"""

import difflib
from collections.abc import Iterable, Sequence

EXIT_FAILURE = 1
"""A defect of this program, and the traceback is printed; or a check found something wrong."""
EXIT_BAD_INPUT = 2
"""The input, a file or the machine broke a rule: one line on standard error."""
EXIT_INTERRUPTED = 130
"""Stopped by Ctrl-C; what was done so far is stored and can be resumed."""


class NasRlmError(Exception):
    """Root of every error that nas_rlm raises on purpose."""


class ConfigError(NasRlmError, ValueError):
    """A configuration file or option breaks a rule."""


class UnknownMetricError(NasRlmError, ValueError):
    """A metric, or the task or device behind its slash, is not known."""


class BudgetError(NasRlmError, ValueError):
    """A budget cannot be read, or no architecture meets it."""


class ArrayError(NasRlmError, ValueError):
    """Numbers given to a computation have a wrong shape or are not finite."""


class DatasetError(NasRlmError, ValueError):
    """Rows of texts and labels disagree, or a split cannot be made from them."""


class DataFolderError(NasRlmError, OSError):
    """The folder of measured architectures is not named, missing or unreadable."""


class DataFileError(NasRlmError, ValueError):
    """A file of measured architectures does not hold what it should."""


class BenchmarkError(NasRlmError, RuntimeError):
    """A benchmark table is not installed or does not hold what it should."""


class SamplerError(NasRlmError, ValueError):
    """A sampler does not fit the study or its parameters, or lacks what it needs."""


class SpaceExhaustedError(NasRlmError, RuntimeError):
    """Every network of a search space was proposed already."""


class TruthError(NasRlmError, ValueError):
    """The true values of a metric are not to be had for a search space."""


class DrawingError(NasRlmError, ValueError):
    """A network is too large for a picture."""


class PretrainedError(NasRlmError, FileNotFoundError):
    """The checkpoint that should come with the package is not there."""


class RunFolderError(NasRlmError, OSError):
    """A run folder cannot be created, read or written."""


class RunFolderBusyError(RunFolderError):
    """Another process works in the run folder."""


class OutputError(NasRlmError, OSError):
    """Standard output cannot be written."""


class MeasurementError(NasRlmError, RuntimeError):
    """A model cannot be measured: it does not load, does not run, or has no fixed shapes."""


class UnstableLatencyError(MeasurementError):
    """Repeated measurements of one model spread too far to be trusted.

    Attributes:
        samples_ms: Every sample of the last attempt, in milliseconds, in the order taken.
    """

    samples_ms: tuple[float, ...]

    def __init__(self, message: str, samples_ms: Sequence[float] = ()) -> None:
        """Store the message and the samples reached.

        Args:
            message: The sentence for the user.
            samples_ms: Samples in milliseconds.
        """
        super().__init__(message)
        self.samples_ms = tuple(samples_ms)


def suggest(name: str, choices: Iterable[str], *, kind: str = "names", limit: int = 12) -> str:
    """Say which of the known names a misspelt one may have meant.

    Args:
        name: What was given.
        choices: Every known name.
        kind: Plural noun for the list, e.g. ``"metrics"``.
        limit: Longest list that is printed whole; a longer one shows only near matches.

    Returns:
        One or two sentences without a leading space, never empty.

    Example:
        >>> suggest("popluation_size", ["seed", "population_size"], kind="keys")
        "Did you mean 'population_size'? Known keys: population_size, seed."
    """
    known = sorted(set(choices))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    sentences = []
    if near:
        sentences.append(f"Did you mean {' or '.join(repr(match) for match in near)}?")
    if len(known) <= limit or not near:
        shown = ", ".join(known[:limit]) + (", ..." if len(known) > limit else "")
        sentences.append(f"Known {kind}: {shown or 'none'}.")
    return " ".join(sentences)
