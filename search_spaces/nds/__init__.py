"""The design spaces of "On Network Design Spaces for Visual Recognition"."""

from search_spaces.nds.cell import Cell, CellNetwork
from search_spaces.nds.cell_space import CellSpace
from search_spaces.nds.residual import ResidualNetwork, Stage
from search_spaces.nds.residual_space import ResidualSpace

__all__ = ["Cell", "CellNetwork", "CellSpace", "ResidualNetwork", "ResidualSpace", "Stage"]
