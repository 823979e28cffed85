"""Batches of bounded memory: relations are dense, so a batch costs the square of its longest graph.

Predictions come in whatever batches are small enough. A training batch is given, for all of its
rows are ranked against each other; one that is too large is read in parts, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

MAX_TRAINING_PAIRS = 8_000_000
"""Pairs of statements whose intermediate values are kept at once, 1 to 2 GB; a graph of the known
search spaces has some hundred statements, and a batch of 32 of them a twentieth of this."""

_PREDICTION_BATCH = 256


def batches_by_area(lengths: Sequence[int], max_pairs: int) -> list[NDArray[np.int64]]:
    """Return row numbers in batches of similar length; long graphs come in smaller batches.

    A batch holds the relations of all pairs of its statements, so its size is bounded by pairs.

    Args:
        lengths: Statements of each graph.
        max_pairs: Of a batch; a longer graph comes alone.
    """
    batches: list[list[int]] = [[]]
    for row in np.argsort(np.asarray(lengths), kind="stable").tolist():
        grown = len(batches[-1]) + 1
        if grown > _PREDICTION_BATCH or grown * lengths[row] ** 2 > max_pairs:
            batches.append([])
        batches[-1].append(row)
    return [np.array(batch, dtype=np.int64) for batch in batches if batch]


def training_outputs(
    network: nn.Module,
    collate: Callable[[NDArray[np.int64]], Any],
    rows: NDArray[np.int64],
    lengths: Sequence[int],
) -> Tensor:
    """Return what a network says of a training batch, with gradients.

    A batch of more than `MAX_TRAINING_PAIRS` is read in parts. Nothing of a part is kept but its
    outputs; it is read again, with the same dropout, when its gradients are asked for.

    Args:
        network: In training mode.
        collate: Row numbers to the argument of the network.
        rows: Row numbers of the batch, shape ``(k,)``.
        lengths: Statements of each graph, of all rows.

    Returns:
        Shape ``(k, m)``.
    """
    own = [lengths[row] for row in rows.tolist()]
    if len(own) * max(own) ** 2 <= MAX_TRAINING_PAIRS:
        outputs: Tensor = network(collate(rows))
        return outputs
    parts = batches_by_area(own, MAX_TRAINING_PAIRS)

    def of_part(part: NDArray[np.int64]) -> Tensor:
        found: Tensor = network(collate(rows[part]))
        return found

    found = [checkpoint(of_part, part, use_reentrant=False) for part in parts]
    return torch.cat(found)[torch.from_numpy(np.argsort(np.concatenate(parts)))]
