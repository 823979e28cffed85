"""Statement graphs as lists of edges, one graph after the other: nothing is padded.

A list holds what is there, so memory and time grow with statements and edges, not with the square of
the longest text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.inputs.alike_statements import AlikeStatements
from surrogates.inputs.edge_rounds import N_EDGE_KINDS, EdgeRound
from surrogates.inputs.statements import StatementGraph

_MAX_BATCH_ROWS = 512
_MAX_BATCH_STATEMENTS = 32_768  # each takes some kilobytes in a layer


@dataclass(frozen=True)
class EdgeBatch:
    """Graphs one after the other, T statements in all.

    Attributes:
        tokens: Shape ``(u, t)``; token ids of the distinct statements of the batch.
        places: Shape ``(u, t)``; place of each token inside its field.
        sizes: Shape ``(u, t)``; what each token is multiplied by, see
            :class:`surrogates.inputs.text_tokens.StatementToken`.
        statements: Shape ``(T,)``; row of ``tokens`` for each statement.
        starts: Shape ``(n,)``; the first statement of each graph.
        lengths: Shape ``(n,)``; statements of each graph.
        edges: A round of messages from all statements to all.
    """

    tokens: Tensor
    places: Tensor
    sizes: Tensor
    statements: Tensor
    starts: Tensor
    lengths: Tensor
    edges: EdgeRound

    @cached_property
    def alike(self) -> AlikeStatements:
        """The same rounds among the statements that differ."""
        return AlikeStatements(self.statements, self.edges)


def collate_edges(
    graphs: Sequence[StatementGraph], table: tuple[Tensor, Tensor, Tensor], statements: Tensor
) -> EdgeBatch:
    """Put graphs one after the other.

    Args:
        graphs: At least one.
        table: Tokens, places and sizes of the distinct statements, see :class:`EdgeBatch`.
        statements: Shape ``(T,)``, all graphs.
    """
    starts = np.cumsum([0, *map(len, graphs)])
    total = int(starts[-1])
    producers, consumers = _shifted([graph.defines for graph in graphs], starts)
    calls, bodies = _shifted([graph.calls for graph in graphs], starts)
    returning, returned = _shifted([graph.returns for graph in graphs], starts)
    results = np.concatenate([calls, returning])  # a statement that is returned counts twice
    shares = 1.0 / np.bincount(results, minlength=total).clip(min=1)
    heard_of = (  # listener, speaker and weight of each kind
        (consumers, producers, np.ones(len(consumers))),
        (producers, consumers, np.ones(len(consumers))),
        (results, np.concatenate([bodies, returned]), shares[results]),
        (bodies, calls, np.ones(len(calls))),
    )
    listeners = np.concatenate([listening for listening, _, _ in heard_of])
    messages = np.concatenate(
        [N_EDGE_KINDS * speaking + kind for kind, (_, speaking, _) in enumerate(heard_of)]
    )
    weights = np.concatenate([weighed for _, _, weighed in heard_of]).astype(np.float32)
    return EdgeBatch(
        *table,
        statements=statements,
        starts=torch.from_numpy(starts[:-1]),
        lengths=torch.from_numpy(np.diff(starts)),
        edges=EdgeRound(listeners, messages, weights, total, total),
    )


def _shifted(
    pairs: Sequence[NDArray[np.int32]], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns of the pairs of all graphs, statements numbered through the batch."""
    shifts = np.repeat(starts[:-1], [len(own) for own in pairs])
    first, second = np.concatenate(pairs).astype(np.int64).T + shifts
    return first, second


def in_batches(lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return row numbers in order, in batches of bounded memory; a longer graph comes alone.

    Args:
        lengths: Statements of each graph.
    """
    batches: list[NDArray[np.int64]] = []
    first = held = 0
    for row, length in enumerate(lengths):
        is_full = row - first == _MAX_BATCH_ROWS or held + length > _MAX_BATCH_STATEMENTS
        if is_full and row > first:
            batches.append(np.arange(first, row))
            first, held = row, 0
        held += length
    return [*batches, np.arange(first, len(lengths))] if lengths else []
