"""NAS-Bench-201: cells of four nodes and six operations in a fixed skeleton."""

from search_spaces.nasbench201.cell import OPS, Cell
from search_spaces.nasbench201.space import NasBench201

__all__ = ["OPS", "Cell", "NasBench201"]
