"""Rank, search and measure neural architectures; the only package that may import both others.

The public names are imported when they are first used, so that ``import nas_rlm`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas_rlm.benchmark_rows import benchmark_rows
    from nas_rlm.budget import Budget
    from nas_rlm.config import SearchConfig, default_search_config, read_search_config
    from nas_rlm.dataset import Dataset
    from nas_rlm.export import export_architectures
    from nas_rlm.metrics import Direction, Metric, parse_metric
    from nas_rlm.ranking import rank_files, rank_new_space
    from nas_rlm.row_files import read_rows
    from nas_rlm.search.job import run_search
    from nas_rlm.search.outcome import SearchOutcome
    from nas_rlm.training import train_surrogate

__all__ = [
    "Budget",
    "Dataset",
    "Direction",
    "Metric",
    "SearchConfig",
    "SearchOutcome",
    "benchmark_rows",
    "default_search_config",
    "export_architectures",
    "parse_metric",
    "rank_files",
    "rank_new_space",
    "read_rows",
    "read_search_config",
    "run_search",
    "train_surrogate",
]

_MODULES = {
    "Budget": "nas_rlm.budget",
    "Dataset": "nas_rlm.dataset",
    "Direction": "nas_rlm.metrics",
    "Metric": "nas_rlm.metrics",
    "SearchConfig": "nas_rlm.config",
    "SearchOutcome": "nas_rlm.search.outcome",
    "benchmark_rows": "nas_rlm.benchmark_rows",
    "default_search_config": "nas_rlm.config",
    "export_architectures": "nas_rlm.export",
    "parse_metric": "nas_rlm.metrics",
    "rank_files": "nas_rlm.ranking",
    "rank_new_space": "nas_rlm.ranking",
    "read_rows": "nas_rlm.row_files",
    "read_search_config": "nas_rlm.config",
    "run_search": "nas_rlm.search.job",
    "train_surrogate": "nas_rlm.training",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _MODULES:
        message = f"module 'nas_rlm' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_MODULES[name]), name)
