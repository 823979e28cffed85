"""A cell with two inputs and nodes that each sum two edges, and the network of two such cells.

Values 0 and 1 of a cell are the outputs of the cell before last and of the last cell; value
``2 + k`` is node k. A node is the sum of two operations on earlier values; the output of the cell
concatenates some of the nodes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from search_spaces.errors import InvalidArchitectureError
from search_spaces.nds.operations import OPERATIONS

__all__ = ["N_INPUTS", "Cell", "CellNetwork", "Edge", "loose_ends"]

N_INPUTS = 2
"""Inputs of a cell, and edges of a node."""
_MAX_NODES = 16
_MAX_WIDTH = 1_024
_MAX_DEPTH = 100

Edge = tuple[str, int]
"""Operation and the value it reads."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        edges: Two edges for each node, node by node.
        concat: Values that the output concatenates, ascending.
    """

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.edges) // N_INPUTS <= _MAX_NODES or len(self.edges) % N_INPUTS:
            raise InvalidArchitectureError(
                f"Cell must have two edges for each of 1..{_MAX_NODES} nodes, "
                f"but has {len(self.edges)} edges."
            )
        for index, (op, source) in enumerate(self.edges):
            if op not in OPERATIONS:
                raise InvalidArchitectureError(
                    f"Operation must be one of {', '.join(OPERATIONS)}, but got {op!r}."
                )
            value = N_INPUTS + index // N_INPUTS
            if not 0 <= source < value:
                raise InvalidArchitectureError(
                    f"Input of an edge of node {value} must be in 0..{value - 1}, "
                    f"but got {source!r}."
                )
        last = N_INPUTS + self.n_nodes - 1
        if (
            not self.concat
            or list(self.concat) != sorted(set(self.concat))
            or not N_INPUTS <= self.concat[0] <= self.concat[-1] <= last
        ):
            raise InvalidArchitectureError(
                f"Concatenated nodes must be different, ascending and in {N_INPUTS}..{last}, "
                f"but got {self.concat!r}."
            )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.edges) // N_INPUTS

    def nodes(self) -> Iterator[tuple[int, tuple[Edge, ...]]]:
        """Yield value and edges of every node."""
        for index in range(self.n_nodes):
            start = N_INPUTS * index
            yield N_INPUTS + index, self.edges[start : start + N_INPUTS]


@dataclass(frozen=True, slots=True)
class CellNetwork:
    """One architecture: a stack of `depth` cells, `normal` ones and two of kind `reduce`.

    Attributes:
        normal: The cell that keeps the image size.
        reduce: The cell that halves it and doubles the channels.
        width: Channels of a node in the first cells.
        depth: Number of cells.
    """

    normal: Cell
    reduce: Cell
    width: int
    depth: int

    def __post_init__(self) -> None:
        if not 2 <= self.width <= _MAX_WIDTH or self.width % 2:
            raise InvalidArchitectureError(
                f"Width must be even and in 2..{_MAX_WIDTH}, but got {self.width!r}."
            )
        if not 2 <= self.depth <= _MAX_DEPTH:
            raise InvalidArchitectureError(
                f"Depth must be in 2..{_MAX_DEPTH}, but got {self.depth!r}."
            )


def loose_ends(edges: tuple[Edge, ...]) -> tuple[int, ...]:
    """Return the nodes that no edge reads."""
    read = {source for _, source in edges}
    last = N_INPUTS + len(edges) // N_INPUTS
    return tuple([value for value in range(N_INPUTS, last) if value not in read])
