"""Search, rank, measure and compare neural architectures by reading their ONNX text."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_rlm.budget import Budget
    from nas_rlm.config import SearchConfig, default_search_config, read_search_config
    from nas_rlm.dataset import Dataset
    from nas_rlm.errors import NasRlmError
    from nas_rlm.metrics import Direction, Metric, parse_metric
    from nas_rlm.run_store import RunFolder

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Dataset",
    "Direction",
    "Metric",
    "NasRlmError",
    "RunFolder",
    "SearchConfig",
    "default_search_config",
    "parse_metric",
    "read_search_config",
]

_HOME = {
    "Budget": "nas_rlm.budget",
    "Dataset": "nas_rlm.dataset",
    "Direction": "nas_rlm.metrics",
    "Metric": "nas_rlm.metrics",
    "NasRlmError": "nas_rlm.errors",
    "RunFolder": "nas_rlm.run_store",
    "SearchConfig": "nas_rlm.config",
    "default_search_config": "nas_rlm.config",
    "parse_metric": "nas_rlm.metrics",
    "read_search_config": "nas_rlm.config",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import nas_rlm`` stays light."""
    if name not in _HOME:
        message = f"module 'nas_rlm' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])
