"""Errors of the surrogates package: one root, every class also a built-in.

Messages state the rule, the value that broke it and the way out. This module raises nothing.
"""


class SurrogateError(Exception):
    """Root of every error that the surrogates package raises on purpose."""


class TextError(SurrogateError, ValueError):
    """A text is not ONNX text, or describes a graph that cannot be read."""


class TextTooLongError(TextError):
    """A text holds more statements than the surrogate accepts; texts are never cut."""


class LabelError(SurrogateError, ValueError):
    """A label is missing, not finite, or cannot be written as a numeral."""


class UnknownMetricError(SurrogateError, KeyError):
    """A metric was asked for that the surrogate was not trained on."""

    def __str__(self) -> str:
        """Return the sentence itself; ``KeyError`` would print its representation."""
        return str(self.args[0]) if self.args else ""


class NotFittedError(SurrogateError, RuntimeError):
    """A surrogate was asked to predict or to be saved before it was fitted."""


class CheckpointError(SurrogateError, ValueError):
    """A checkpoint folder is missing a file, is damaged, or has another version."""


class SettingsError(SurrogateError, ValueError):
    """A setting of a surrogate is unknown or out of range."""
