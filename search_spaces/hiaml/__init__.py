"""HiAML: four stages of two blocks each, fourteen blocks to choose from."""

from search_spaces.hiaml.blocks import BLOCKS, HiamlArchitecture
from search_spaces.hiaml.space import Hiaml

__all__ = ["BLOCKS", "Hiaml", "HiamlArchitecture"]
