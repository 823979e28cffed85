"""FBNet: 22 layers, each one of nine mobile blocks, in a fixed skeleton."""

from search_spaces.fbnet.blocks import OPS, FBNetArchitecture
from search_spaces.fbnet.space import FBNet

__all__ = ["OPS", "FBNet", "FBNetArchitecture"]
