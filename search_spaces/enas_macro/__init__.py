"""ENAS macro: six layers, each one of six operations, with skip connections."""

from search_spaces.enas_macro.architecture import OPS, EnasArchitecture
from search_spaces.enas_macro.space import EnasMacro

__all__ = ["OPS", "EnasArchitecture", "EnasMacro"]
