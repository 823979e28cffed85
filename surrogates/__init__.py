"""Surrogates: ONNX text to numbers with uncertainty. This package knows no search space."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from surrogates.base import Labels, Prediction, PredictiveDistribution, Progress, Surrogate
from surrogates.errors import CheckpointError, SettingsError, SurrogateError

if TYPE_CHECKING:
    from pathlib import Path

# A new surrogate adds one line here: name -> "module:class".
SURROGATES: Mapping[str, str] = MappingProxyType(
    {
        "rlm": "surrogates.rlm.regressor:RlmRegressor",
        "gcn": "surrogates.gnn.regressor:GcnRegressor",
        "gat": "surrogates.gnn.regressor:GatRegressor",
        "gin": "surrogates.gnn.regressor:GinRegressor",
        "graph_transformer": "surrogates.gnn.regressor:GraphTransformerRegressor",
        "flan": "surrogates.gnn.regressor:FlanRegressor",
        "ta_gates": "surrogates.gnn.regressor:TaGatesRegressor",
        "brp_nas": "surrogates.gnn.regressor:BrpNasRegressor",
        "graph_trees": "surrogates.baselines.graph_trees:GraphTreesRegressor",
        "graph_gp": "surrogates.baselines.graph_gp:GraphGpRegressor",
        "graph_mlp": "surrogates.baselines.graph_mlp:GraphMlpRegressor",
        "mixture": "surrogates.mixture:Mixture",
        "extended": "surrogates.extended:ExtendedSurrogate",
        "constant": "surrogates.baselines.constant:ConstantPredictor",
        "memorizer": "surrogates.baselines.memorizer:Memorizer",
    }
)
"""Name of every surrogate, to where its class is; classes are imported when asked for."""


def surrogate_class(name: str) -> type[Surrogate]:
    """Return the class of a surrogate.

    Raises:
        SettingsError: If there is no surrogate of that name.
    """
    if name not in SURROGATES:
        raise SettingsError(f"Surrogate must be one of {sorted(SURROGATES)}, but got {name!r}.")
    module, _, attribute = SURROGATES[name].partition(":")
    found: type[Surrogate] = getattr(importlib.import_module(module), attribute)
    return found


def get_surrogate(name: str, **settings: object) -> Surrogate:
    """Create an unfitted surrogate.

    Args:
        name: One of ``SURROGATES``.
        **settings: Keyword arguments of its class.

    Raises:
        SettingsError: If the name or a setting is unknown or out of range.
    """
    try:
        return surrogate_class(name)(**settings)
    except TypeError as error:
        raise SettingsError(f"Settings of surrogate {name!r} are wrong: {error}.") from error


def load_surrogate(folder: Path) -> Surrogate:
    """Read a checkpoint folder, whichever surrogate wrote it.

    Raises:
        CheckpointError: If the folder does not hold a readable checkpoint.
    """
    from surrogates.checkpoint import read_manifest

    name = str(read_manifest(folder)["surrogate"])
    if name not in SURROGATES:
        raise CheckpointError(
            f"{folder} must hold one of {sorted(SURROGATES)}, but holds a {name!r}."
        )
    return surrogate_class(name).load(folder)


__all__ = [
    "SURROGATES",
    "Labels",
    "Prediction",
    "PredictiveDistribution",
    "Progress",
    "Surrogate",
    "SurrogateError",
    "get_surrogate",
    "load_surrogate",
    "surrogate_class",
]
