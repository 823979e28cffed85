"""The design spaces of "On Network Design Spaces for Visual Recognition"."""

from search_spaces.nds.cell import Cell, CellNetwork
from search_spaces.nds.cell_space import CellSpace

__all__ = ["Cell", "CellNetwork", "CellSpace"]
