"""NAS-Bench-Macro: eight layers, each one of three mobile blocks, in a fixed skeleton."""

from search_spaces.nasbench_macro.blocks import OPS, MacroArchitecture
from search_spaces.nasbench_macro.space import NasBenchMacro

__all__ = ["OPS", "MacroArchitecture", "NasBenchMacro"]
