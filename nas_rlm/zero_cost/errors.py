"""The error of zero-cost scores. This module raises nothing."""

from nas_rlm.errors import NasRlmError


class ZeroCostError(NasRlmError, ValueError):
    """A network cannot be run in torch, or a score or batch is not what it should be."""
