"""Statement graphs to tensors: every distinct statement has a number, graphs are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.inputs.edge_batches import EdgeBatch, collate_edges
from surrogates.inputs.statements import StatementGraph
from surrogates.inputs.text_tokens import StatementToken, StatementTokenizer


@dataclass(frozen=True)
class GraphBatch:
    """Graphs padded to one length.

    Attributes:
        tokens: Shape ``(u, t)``; token ids of the distinct statements of the batch.
        places: Shape ``(u, t)``; place of each token inside its field.
        sizes: Shape ``(u, t)``; what each token is multiplied by, see
            :class:`surrogates.inputs.text_tokens.StatementToken`.
        statements: Shape ``(n, s)``; row of ``tokens`` for each statement, 0 where padded.
        defines: Shape ``(n, s, s)``; entry (i, j) counts the operands of i that j defines.
        calls: Shape ``(n, s, s)``; 1 where i calls the body that j is in, 2 where j returns it.
        padding: Shape ``(n, s)``; true where there is no statement.
    """

    tokens: Tensor
    places: Tensor
    sizes: Tensor
    statements: Tensor
    defines: Tensor
    calls: Tensor
    padding: Tensor


class StatementInterner:
    """Gives every distinct statement a number and keeps its tokens."""

    def __init__(self, tokenizer: StatementTokenizer) -> None:
        """Start empty.

        Args:
            tokenizer: Turns a new statement into tokens, once.
        """
        self._tokenizer = tokenizer
        self._numbers: dict[str, int] = {}
        self._tokens: list[list[StatementToken]] = []
        self._arrays: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]] | None = (
            None
        )

    def intern(self, graphs: Sequence[StatementGraph]) -> list[NDArray[np.int64]]:
        """Return the statement numbers of each graph, shape (s,) each."""
        new = {
            statement: None
            for graph in graphs
            for statement in graph.statements
            if statement not in self._numbers
        }
        self._tokens += self._tokenizer.encode(list(new))
        if new:
            self._arrays = None
        for statement in new:
            self._numbers[statement] = len(self._numbers)
        number = self._numbers.__getitem__
        return [np.fromiter(map(number, g.statements), np.int64, len(g)) for g in graphs]

    def collate(
        self, graphs: Sequence[StatementGraph], numbers: Sequence[NDArray[np.int64]]
    ) -> GraphBatch:
        """Pad graphs to the longest of them.

        Args:
            graphs: At least one.
            numbers: From :meth:`intern`, in the same order.
        """
        n, s = len(graphs), max(map(len, graphs))
        (tokens, places, sizes), inverse = self._table(numbers)
        lengths = np.array([len(graph) for graph in graphs])
        padding = np.arange(s) >= lengths[:, None]
        statements = np.zeros((n, s), dtype=np.int64)
        statements[~padding] = inverse
        defines = np.zeros((n, s, s), dtype=np.float32)
        calls = np.zeros((n, s, s), dtype=np.float32)
        for row, graph in enumerate(graphs):
            np.add.at(defines[row], (graph.defines[:, 1], graph.defines[:, 0]), 1.0)
            calls[row, graph.calls[:, 0], graph.calls[:, 1]] = 1.0
            calls[row, graph.returns[:, 0], graph.returns[:, 1]] = 2.0
        return GraphBatch(
            tokens=tokens,
            places=places,
            sizes=sizes,
            statements=torch.from_numpy(statements),
            defines=torch.from_numpy(defines),
            calls=torch.from_numpy(calls),
            padding=torch.from_numpy(padding),
        )

    def collate_edges(
        self, graphs: Sequence[StatementGraph], numbers: Sequence[NDArray[np.int64]]
    ) -> EdgeBatch:
        """Put graphs one after the other; arguments as for :meth:`collate`."""
        table, inverse = self._table(numbers)
        return collate_edges(graphs, table, torch.from_numpy(inverse))

    def _table(
        self, numbers: Sequence[NDArray[np.int64]]
    ) -> tuple[tuple[Tensor, Tensor, Tensor], NDArray[np.int64]]:
        """Ids, places, sizes of the distinct statements, (u, t), and the row of each statement."""
        distinct, inverse = np.unique(np.concatenate(numbers), return_inverse=True)
        width = max(len(self._tokens[k]) for k in distinct)
        ids, places, sizes = (
            torch.from_numpy(array[distinct, :width]) for array in self._all_tokens()
        )
        return (ids, places, sizes), inverse

    def _all_tokens(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Ids, places and sizes of all statements, padded once until a new one comes."""
        if self._arrays is None:
            shape = (len(self._tokens), max(map(len, self._tokens)))
            ids, places = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
            sizes = np.ones(shape, np.float32)
            for row, tokens in enumerate(self._tokens):
                own = slice(len(tokens))
                ids[row, own] = [token.id for token in tokens]
                places[row, own] = [token.place for token in tokens]
                sizes[row, own] = [token.size for token in tokens]
            self._arrays = ids, places, sizes
        return self._arrays
