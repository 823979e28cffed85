"""Which NAS-Bench-101 cells are one: all of them enumerated, and the published representative.

A matrix is a number: bit ``x + y (y - 1) / 2`` is the edge from x to y. The benchmark walked the
matrices of 2 to 7 vertices in the order of this number, for each of them all operations in product
order, and kept the first cell of every isomorphism class; that cell was trained. So the
representative has the smallest number among all renamings of its vertices, and the first operations
among the renamings that keep the number.

Here this is one table per number of vertices, a few thousand matrices by at most 120 renamings,
filled by NumPy. All 423,624 classes follow in well under a second:

    >>> len(all_classes())
    423624
"""

from functools import lru_cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search_spaces.nasbench101.cell import (
    MAX_EDGES,
    MAX_VERTICES,
    OPS,
    Cell,
    Matrix,
    matrix_of_edges,
)

__all__ = ["ClassTable", "all_classes", "representative"]

Ints = NDArray[np.int64]
_NO_IMAGE = 1 << 40
"""Number of a renaming that turns an edge around."""


class ClassTable(NamedTuple):
    """One row for every isomorphism class, in the order in which the benchmark met it.

    Attributes:
        n_vertices: Shape (n,).
        numbers: Matrix as a number, shape (n,).
        codes: Operations as a number to base 3, the first vertex the highest digit, shape (n,).
    """

    n_vertices: Ints
    numbers: Ints
    codes: Ints

    def __len__(self) -> int:
        return len(self.codes)

    def cell(self, index: int) -> Cell:
        """Return the representative of a class."""
        n_vertices = int(self.n_vertices[index])
        ops = _all_ops(n_vertices)[self.codes[index]]
        return Cell(_matrix(n_vertices, int(self.numbers[index])), ops)


class _Renamings(NamedTuple):
    """All matrices of some number of vertices and where renaming the interior takes them.

    Attributes:
        numbers: Matrices without dead vertices, ascending, shape (n,).
        renamings: Renaming p takes interior vertex i (from 0) to ``renamings[p][i]``.
        images: Number of matrix r under renaming p, shape (n, p).
    """

    numbers: Ints
    renamings: tuple[tuple[int, ...], ...]
    images: Ints


def representative(cell: Cell) -> Cell:
    """Return the cell of the benchmark that is isomorphic to this one."""
    number = sum(
        1 << _position(source, target)
        for target in range(len(cell.matrix))
        for source in range(target)
        if cell.matrix[source][target]
    )
    matrix, orders = _best_renamings(len(cell.matrix), number)
    ops = min([tuple([cell.ops[i] for i in order]) for order in orders], key=_op_indices)
    return Cell(matrix, ops)


@lru_cache(maxsize=1)
def all_classes() -> ClassTable:
    """Enumerate the isomorphism classes."""
    parts: list[tuple[Ints, Ints, Ints]] = []
    for n_vertices in range(2, MAX_VERTICES + 1):
        table = _renamings(n_vertices)
        codes_under = _codes_under_renamings(table.renamings)
        own = np.arange(codes_under.shape[1])
        is_first = table.images.min(axis=1) == table.numbers
        for number, images in zip(table.numbers[is_first], table.images[is_first], strict=True):
            codes = own[codes_under[images == number].min(axis=0) == own]
            parts.append((np.full_like(codes, n_vertices), np.full_like(codes, number), codes))
    return ClassTable(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])


def _position(source: int, target: int) -> int:
    """Return the bit of an edge."""
    return source + target * (target - 1) // 2


def _op_indices(ops: tuple[str, ...]) -> list[int]:
    """Return operations as numbers, to be compared as the benchmark orders them."""
    return [OPS.index(op) for op in ops]


@lru_cache(maxsize=8_192)
def _matrix(n_vertices: int, number: int) -> Matrix:
    """Write a number as a matrix."""
    pairs = ((s, t) for t in range(n_vertices) for s in range(t))
    return matrix_of_edges(n_vertices, [(s, t) for s, t in pairs if number >> _position(s, t) & 1])


@lru_cache(maxsize=8)
def _all_ops(n_vertices: int) -> tuple[tuple[str, ...], ...]:
    """List the operations of all interior vertices in product order."""
    return tuple(product(OPS, repeat=n_vertices - 2))


@lru_cache(maxsize=8_192)
def _best_renamings(n_vertices: int, number: int) -> tuple[Matrix, tuple[tuple[int, ...], ...]]:
    """Return the smallest image of a matrix and, for each way there, the old vertex per new one."""
    table = _renamings(n_vertices)
    images = table.images[np.searchsorted(table.numbers, number)]
    smallest = images.min()
    orders = []
    for index in np.flatnonzero(images == smallest):
        renaming = table.renamings[index]
        orders.append(tuple(sorted(range(len(renaming)), key=renaming.__getitem__)))
    return _matrix(n_vertices, int(smallest)), tuple(orders)


@lru_cache(maxsize=8)
def _renamings(n_vertices: int) -> _Renamings:
    """Rename the interior vertices of all matrices in all ways."""
    numbers = _matrices(n_vertices)
    renamings = tuple(permutations(range(n_vertices - 2)))
    images = np.zeros((len(numbers), len(renamings)), np.int64)
    for column, renaming in enumerate(renamings):
        names = (0, *[name + 1 for name in renaming], n_vertices - 1)
        for target in range(n_vertices):
            for source in range(target):
                edge = numbers >> _position(source, target) & 1
                first, second = names[source], names[target]
                bit = 1 << _position(first, second) if first < second else _NO_IMAGE
                images[:, column] |= edge * bit
    return _Renamings(numbers, renamings, images)


def _matrices(n_vertices: int) -> Ints:
    """List the matrices in which every vertex has the edges it needs, ascending.

    Column by column: every vertex but the first has a predecessor; at the end, every vertex but
    the last has a successor.
    """
    numbers = np.zeros(1, np.int64)
    for target in range(1, n_vertices):
        columns = np.arange(1, 1 << target) << _position(0, target)
        numbers = (numbers[:, None] | columns[None, :]).ravel()
        numbers = numbers[_n_edges(numbers) <= MAX_EDGES - (n_vertices - 1 - target)]
    for source in range(n_vertices - 1):
        row = sum(1 << _position(source, target) for target in range(source + 1, n_vertices))
        numbers = numbers[numbers & row != 0]
    return np.sort(numbers)


def _n_edges(numbers: Ints) -> Ints:
    """Count the ones of each number."""
    counts = np.zeros_like(numbers)
    for bit in range(_position(0, MAX_VERTICES)):
        counts += numbers >> bit & 1
    return counts


def _codes_under_renamings(renamings: tuple[tuple[int, ...], ...]) -> Ints:
    """Return the code of all operations (columns) after every renaming (rows)."""
    n = len(renamings[0])
    digits = np.array(list(product(range(len(OPS)), repeat=n)), np.int64).reshape(len(OPS) ** n, n)
    weights = len(OPS) ** np.arange(n - 1, -1, -1, dtype=np.int64)
    return np.stack([digits @ weights[list(renaming)] for renaming in renamings])
