"""Counts."""

from typing import NamedTuple

__all__ = ["Counts"]


class Counts(NamedTuple):
    """Counts."""

    parameters: int
    mult_adds: int
    activations: int = 0
    per_op: tuple = ()
