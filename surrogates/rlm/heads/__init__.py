"""Heads of the RLM: how labels are learned from encoded texts, and how a prediction is read."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from surrogates.errors import SettingsError

if TYPE_CHECKING:
    from surrogates.rlm.heads.base import Head

# A new head adds one line here: name -> "module:class".
HEADS: Mapping[str, str] = MappingProxyType(
    {
        "digits": "surrogates.rlm.heads.digits:DigitsHead",
        "mse": "surrogates.rlm.heads.mse:MseHead",
        "ordinal": "surrogates.rlm.heads.ordinal:OrdinalHead",
        "pairwise": "surrogates.rlm.heads.pairwise:PairwiseHead",
    }
)
"""Name of every head, to where its class is; classes are imported when asked for."""


def head_class(name: str) -> type[Head]:
    """Return the class of a head.

    Raises:
        SettingsError: If there is no head of that name.
    """
    if name not in HEADS:
        raise SettingsError(f"`head` must be one of {sorted(HEADS)}, but got {name!r}.")
    module, _, attribute = HEADS[name].partition(":")
    found: type[Head] = getattr(importlib.import_module(module), attribute)
    return found
