"""Statement graphs as lists of edges: for long texts, whose dense relations would cost their square.

A list holds what is there, so memory and time grow with statements and edges. Two relations could
still have the square of a hub: the many readers of one result are all siblings. Through a hub with
more than ``MAX_FAN`` readers or operands nobody becomes a sibling or is two steps away. A graph short
enough to be batched densely has no such hub, so both forms say the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from surrogates.inputs.statements import StatementGraph

MAX_FAN = 128
"""Readers or operands of a hub that still relates them; at least ``MAX_DENSE_STATEMENTS``."""

MAX_CLASSES = 512
"""Classes of statements that everything looks at; beyond, similar ones share one place."""

N_MESSAGES = 4
"""Kinds of message: from producers, from consumers, from a body, from the calls of a body."""

PAIR_RELATIONS = (
    "producers",
    "consumers",
    "producers_2",
    "consumers_2",
    "siblings",
    "calls",
)
"""Relations of which the pairs are listed, each with the statement itself."""

Index = NDArray[np.int64]


@dataclass(frozen=True)
class EdgeBatch:
    """Graphs one after the other, T statements in all.

    Attributes:
        tokens: Shape ``(u, t)``; token ids of the distinct statements of the batch.
        places: Shape ``(u, t)``; place of each token inside its field.
        sizes: Shape ``(u, t)``; what each token is multiplied by.
        statements: Shape ``(T,)``; row of ``tokens`` for each statement.
        lengths: Statements of each graph.
        heard: Shape ``(e,)``; a message as ``4 * speaker + kind``, ordered by listener.
        heard_starts: Shape ``(T,)``; where the messages of each listener begin.
        heard_weights: Shape ``(e,)``; operands counted, bodies averaged.
        seen: Shape ``(p,)``; the statement that is seen, ordered by relation and by who sees it.
        seen_by: Shape ``(p,)``; ``T * relation + statement`` that sees it.
        classes: One for each layer: which statements differ there, and how many are alike.
    """

    tokens: Tensor
    places: Tensor
    sizes: Tensor
    statements: Tensor
    lengths: tuple[int, ...]
    heard: Tensor
    heard_starts: Tensor
    heard_weights: Tensor
    seen: Tensor
    seen_by: Tensor
    classes: tuple[StatementClasses, ...]


@dataclass(frozen=True)
class StatementClasses:
    """Statements that cannot be told from each other after some layers, graph by graph.

    Beyond ``MAX_CLASSES``, statements that differ only in what is far from them share a class.

    Attributes:
        of_statements: Shape ``(T,)``; the class of each statement, counted in the batch.
        counts: Shape ``(c,)``; statements of each class.
        n_of_graphs: Classes of each graph.
    """

    of_statements: Tensor
    counts: Tensor
    n_of_graphs: tuple[int, ...]


@dataclass(frozen=True)
class EdgeLists:
    """Messages and pairs of one graph of s statements.

    Attributes:
        listeners: Shape ``(e,)``, ascending.
        speakers: Shape ``(e,)``.
        kinds: Shape ``(e,)``, below ``N_MESSAGES``.
        weights: Shape ``(e,)``.
        pairs: Shape ``(2, p)`` for each of ``PAIR_RELATIONS``; who sees, who is seen.
        classes: For each layer, shape ``(s,)``; the class of each statement.
    """

    listeners: Index
    speakers: Index
    kinds: Index
    weights: NDArray[np.float32]
    pairs: tuple[Index, ...]
    classes: tuple[Index, ...]

    @classmethod
    def of(cls, graph: StatementGraph, numbers: Index, n_layers: int) -> EdgeLists:
        """List the edges of a graph.

        Args:
            graph: Of s statements.
            numbers: Shape ``(s,)``; equal for equal statements.
            n_layers: Of the network that will read it.
        """
        defines = _matrix(graph.defines[:, ::-1], len(graph))
        calls = _matrix(graph.calls, len(graph))
        calls.data[:] = 1.0
        returns = _matrix(graph.returns, len(graph))
        returns.data[:] = 1.0
        counted = calls + returns  # a statement that is returned counts twice
        per_call = np.maximum(np.asarray(counted.sum(axis=1)).ravel(), 1.0)
        bodies = sparse.diags(1.0 / per_call) @ counted
        kinds = [defines, defines.T, bodies, calls.T]
        parts = [matrix.tocoo() for matrix in kinds]
        listeners = np.concatenate([part.row for part in parts]).astype(np.int64)
        order = np.argsort(listeners, kind="stable")
        speakers = np.concatenate([part.col for part in parts]).astype(np.int64)[order]
        sizes = [part.nnz for part in parts]
        kind = np.repeat(np.arange(N_MESSAGES), sizes)[order]
        weights = np.concatenate([part.data for part in parts]).astype(np.float32)[order]
        pairs = _pairs(defines, calls)
        edges = (listeners[order], speakers, kind, weights)
        colours = np.unique(numbers, return_inverse=True)[1]
        few = colours if colours.max() < MAX_CLASSES else _few(graph.statements)
        return cls(*edges, pairs, _refined(colours, few, edges, pairs, n_layers))


def _matrix(pairs: NDArray[np.int32], size: int) -> sparse.csr_matrix:
    """Count index pairs."""
    ones = np.ones(len(pairs), dtype=np.float64)
    return sparse.csr_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(size, size))


def _pairs(defines: sparse.csr_matrix, calls: sparse.csr_matrix) -> tuple[Index, ...]:
    """Who sees whom in each of ``PAIR_RELATIONS``, the statement itself included."""
    producers = defines.copy()
    producers.data[:] = 1.0
    n_read = np.asarray(producers.sum(axis=1)).ravel()
    n_readers = np.asarray(producers.sum(axis=0)).ravel()
    narrow = sparse.diags((n_read * n_readers <= MAX_FAN**2).astype(np.float64))
    few_readers = sparse.diags((n_readers <= MAX_FAN).astype(np.float64))
    few_read = sparse.diags((n_read <= MAX_FAN).astype(np.float64))
    twice = producers @ narrow @ producers
    siblings = producers @ few_readers @ producers.T + producers.T @ few_read @ producers
    relations = [producers, producers.T, twice, twice.T, siblings, calls + calls.T]
    itself = sparse.identity(defines.shape[0])
    found = []
    for matrix in relations:
        pairs = sparse.csr_matrix(matrix + itself)
        pairs.sort_indices()
        found.append(np.stack(pairs.nonzero()).astype(np.int64))
    return tuple(found)


def _few(statements: Sequence[str]) -> Index:
    """Put statements into at most ``MAX_CLASSES`` classes, by their text alone.

    Their numbers would not do: they depend on which texts came before.
    """
    digests = [zlib.crc32(statement.encode()) for statement in statements]
    return np.unique(np.array(digests) % MAX_CLASSES, return_inverse=True)[1]


def _refined(
    colours: Index,
    few: Index,
    edges: tuple[Index, Index, Index, NDArray[np.float32]],
    pairs: tuple[Index, ...],
    n_layers: int,
) -> tuple[Index, ...]:
    """Classes of statements whose vectors are equal after the messages of each layer.

    Colours are refined as the layers exchange vectors: first by messages, then by what each
    relation shows. Every statement sees the whole graph alike, so that tells nothing apart.

    Args:
        colours: Of the statements; equal for equal ones.
        few: Classes that they have while there are more than ``MAX_CLASSES`` colours.
        edges: Listeners, speakers, kinds and weights.
        pairs: Of each relation.
        n_layers: Of the network.
    """
    listeners, speakers, kinds, weights = edges
    found = []
    for _ in range(n_layers):
        told = _hashed(colours[speakers], N_MESSAGES * weights.view(np.uint32) + kinds)
        colours = _recoloured(colours, [(listeners, told)])
        few = colours if colours.max() < MAX_CLASSES else few
        found.append(few)
        seen = [
            (by, _hashed(colours[whom], np.full(len(whom), relation)))
            for relation, (by, whom) in enumerate(pairs)
        ]
        colours = _recoloured(colours, seen)
    return tuple(found)


def _hashed(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Mix two columns of integers into 64 bits each."""
    mixed = first.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= second.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)
    for shift in (32, 29):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


def _recoloured(colours: Index, told: Sequence[tuple[Index, NDArray[np.uint64]]]) -> Index:
    """Tell statements apart by their colour and by the multiset of what they are told."""
    heard = _hashed(colours, np.zeros(len(colours), dtype=np.int64))
    for listeners, words in told:
        np.add.at(heard, listeners, words)
    return np.unique(heard, return_inverse=True)[1]


def collate_edges(
    lists: Sequence[EdgeLists], table: tuple[Tensor, Tensor, Tensor], statements: Tensor
) -> EdgeBatch:
    """Put graphs one after the other.

    Args:
        lists: Edges of each graph, at least one.
        table: Tokens, places and sizes of the distinct statements, see :class:`EdgeBatch`.
        statements: Shape ``(T,)``, all graphs.
    """
    tokens, places, sizes = table
    lengths = [len(of_graph.classes[0]) for of_graph in lists]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    total = int(starts[-1])
    shifted = list(zip(lists, starts.tolist(), strict=False))
    listeners = np.concatenate([g.listeners + start for g, start in shifted])
    heard = np.concatenate([N_MESSAGES * (g.speakers + start) + g.kinds for g, start in shifted])
    seen, seen_by = [], []
    for relation in range(len(PAIR_RELATIONS)):
        for of_graph, start in shifted:
            by, whom = of_graph.pairs[relation]
            seen.append(whom + start)
            seen_by.append(by + start + relation * total)
    return EdgeBatch(
        tokens=tokens,
        places=places,
        sizes=sizes,
        statements=statements,
        lengths=tuple(lengths),
        heard=torch.from_numpy(heard),
        heard_starts=torch.from_numpy(np.searchsorted(listeners, np.arange(total))),
        heard_weights=torch.from_numpy(np.concatenate([g.weights for g in lists])),
        seen=torch.from_numpy(np.concatenate(seen)),
        seen_by=torch.from_numpy(np.concatenate(seen_by)),
        classes=tuple(
            _classes([of_graph.classes[layer] for of_graph in lists])
            for layer in range(len(lists[0].classes))
        ),
    )


def _classes(of_graphs: Sequence[Index]) -> StatementClasses:
    """Number the classes of all graphs."""
    sizes = [np.bincount(classes) for classes in of_graphs]
    starts = np.cumsum([0, *map(len, sizes)])
    shifted = [classes + start for classes, start in zip(of_graphs, starts, strict=False)]
    return StatementClasses(
        torch.from_numpy(np.concatenate(shifted)),
        torch.from_numpy(np.concatenate(sizes)).float(),
        tuple(map(len, sizes)),
    )
