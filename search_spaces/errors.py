"""Errors of the search_spaces package: one root, each class also a built-in."""

__all__ = [
    "InfiniteSpaceError",
    "InvalidArchitectureError",
    "InvalidTextError",
    "ModelFileError",
    "SearchSpaceError",
    "UnknownSpaceError",
    "UnsupportedModelError",
]


class SearchSpaceError(Exception):
    """Root of every error that search_spaces raises on purpose."""


class UnknownSpaceError(SearchSpaceError, ValueError):
    """No search space has this name."""


class InvalidArchitectureError(SearchSpaceError, ValueError):
    """An architecture, a genome or a published string breaks the rules of its space."""


class InfiniteSpaceError(SearchSpaceError, RuntimeError):
    """The space is too large to be enumerated."""


class InvalidTextError(SearchSpaceError, ValueError):
    """The text is not ONNX text."""


class ModelFileError(SearchSpaceError, ValueError):
    """The file does not hold a usable ONNX model."""


class UnsupportedModelError(SearchSpaceError, ValueError):
    """The model is ONNX, but outside what canonical text can say (cycles, dynamic shapes, ...)."""
