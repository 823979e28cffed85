"""NAS-Bench-101: cells of at most seven vertices and nine edges in a fixed skeleton."""

from search_spaces.nasbench101.cell import OPS, Cell
from search_spaces.nasbench101.module_hash import module_hash
from search_spaces.nasbench101.space import NasBench101

__all__ = ["OPS", "Cell", "NasBench101", "module_hash"]
