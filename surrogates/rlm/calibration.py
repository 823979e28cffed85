"""Calibration: how sharp the distributions of a metric should be, chosen on held-out rows.

Wide soft labels rank best but blur the distributions. One number a metric, the *sharpness*,
multiplies the logits of all its tokens (an inverse temperature, so sampling and exact
distributions stay the same thing). It is the one under which rows that the network was not
trained on are likeliest.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HELD_OUT_SHARE = 0.15
MIN_ROWS = 60
"""Fewer training rows than this are all trained on, and no metric is calibrated."""

_MIN_HELD = 8
_GRID = np.geomspace(0.25, 32.0, 57)


def held_out_rows(n_rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the rows that the first training cycle leaves out, none if rows are few."""
    if n_rows < MIN_ROWS:
        return np.empty(0, dtype=np.int64)
    return np.sort(rng.permutation(n_rows)[: round(HELD_OUT_SHARE * n_rows)])


def best_sharpness(
    logits: Tensor, legal: Tensor, leaf_nodes: Tensor, leaf_tokens: Tensor, leaves: Tensor
) -> float:
    """Return the sharpness under which the true numerals of held-out rows are likeliest.

    Args:
        logits: Shape ``(n, t, v)``, at every prefix of the trie.
        legal: Shape ``(t, v)``.
        leaf_nodes: Shape ``(l, length)``, prefixes along the path of each numeral.
        leaf_tokens: Shape ``(l, length)``, tokens along it.
        leaves: Shape ``(n,)``, the true numeral of each row.

    Returns:
        At least 0.25 and at most 32; 1 for fewer than 8 rows.
    """
    if len(leaves) < _MIN_HELD:
        return 1.0
    rows = torch.arange(len(leaves))[:, None]
    nodes, tokens = leaf_nodes[leaves], leaf_tokens[leaves]
    likelihoods = []
    for sharpness in _GRID.tolist():
        logs = (sharpness * logits).masked_fill(~legal, -torch.inf).log_softmax(dim=-1)
        likelihoods.append(float(logs[rows, nodes, tokens].sum()))
    return float(_GRID[int(np.argmax(likelihoods))])
