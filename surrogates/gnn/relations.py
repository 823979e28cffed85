"""Dense relations of a batch of statement graphs, in the forms that the networks ask for."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogates.inputs.batches import GraphBatch

MAX_DISTANCE = 4
"""Steps along the data flow that have a bucket of their own."""

N_BUCKETS = 4 + 2 * MAX_DISTANCE
"""Other, self, body of a call, call of a body, producers by distance, consumers by distance."""


def kinds_of_edge(batch: GraphBatch) -> Tensor:
    """Return the four kinds of edge apart: producers, consumers, body of a call, calls of a body.

    Returns:
        Shape ``(n, 4, s, s)``; entry (i, j) counts the edges on which i hears j. A statement that
        a function returns counts twice towards its calls.
    """
    defines, calls = batch.defines, batch.calls
    return torch.stack([defines, defines.transpose(1, 2), calls, calls.transpose(1, 2)], dim=1)


def flow(batch: GraphBatch) -> Tensor:
    """Return the forward flow of data, shape ``(n, s, s)``; its transpose is the backward flow.

    Entry (i, j) counts the operands of i that j defines. A body hears its calls and a call hears
    what the body returns, so data flows through functions.
    """
    enters = (batch.calls > 0).to(batch.defines.dtype).transpose(1, 2)
    leaves = (batch.calls > 1).to(batch.defines.dtype)
    return batch.defines + enters + leaves


def distance_buckets(batch: GraphBatch) -> Tensor:
    """Return how statement j relates to statement i as a bucket number.

    Returns:
        Shape ``(n, s, s)``, integers below ``N_BUCKETS``: 0 where nothing else holds, 1 for the
        statement itself, 2 where i calls the body of j, 3 the other way round, then the distance
        from producer to consumer up to ``MAX_DISTANCE``, both ways.
    """
    step = (batch.defines > 0).float()
    calls = batch.calls > 0
    buckets = torch.zeros(step.shape, dtype=torch.long)
    buckets[calls] = 2
    buckets[calls.transpose(1, 2)] = 3
    reached = step
    seen = torch.eye(step.shape[1], dtype=torch.bool).expand_as(buckets).clone()
    for distance in range(MAX_DISTANCE):
        new = (reached > 0) & ~seen
        seen |= new
        buckets[new] = 4 + distance
        buckets[new.transpose(1, 2)] = 4 + MAX_DISTANCE + distance
        reached = ((reached @ step) > 0).float()
    diagonal = torch.arange(step.shape[1])
    buckets[:, diagonal, diagonal] = 1
    return buckets
