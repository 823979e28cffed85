"""Two-Path: two chains of blocks side by side, each block a chain of one to three operations."""

from search_spaces.twopath.architecture import Path, TwoPathArchitecture
from search_spaces.twopath.space import TwoPath

__all__ = ["Path", "TwoPath", "TwoPathArchitecture"]
