"""Which cells of NAS-Bench-201 are the same network.

Cells are the same if their canonical statements are: dead edges and zeros dropped, ``skip_connect``
an identity, sums flattened, equal pools shared, nodes renamed. That leaves 5,260 networks among the
15,625 cells (brute force over all renamings of weights agrees, see the tests). The paper's 6,466
come from its unique string, which keeps a zero summand as a term of its own; with zero summands
dropped, the same string gives 5,390. The remaining 130 differ because the string sorts only inside
a node, so that nested sums keep their grouping, and because it writes a value that is used
twice as two copies.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from itertools import product

from search_spaces.canonical import canonicalize_graph
from search_spaces.graph import Node
from search_spaces.graph_builder import GraphBuilder
from search_spaces.nasbench201.cell import EDGES, OPS, Cell
from search_spaces.nasbench201.network import write_cell

__all__ = ["representative", "signature"]

Term = tuple[object, ...]


def representative(cell: Cell) -> Cell:
    """Return the first cell, in genome order, that is the same network.

    Cells are compared only where their cheap `signature` agrees; the first call sorts all 15,625
    cells by it, which takes some tenths of a second.
    """
    statements = _statements(cell)
    candidates = _cells_by_signature()[signature(cell)]
    return next(c for c in candidates if _statements(c) == statements)


def signature(cell: Cell) -> Term:
    """Return the output as a nested, sorted sum of terms, every shared value written out.

    Equal networks have equal signatures; a few different ones, which differ in what they share,
    have too.
    """
    values: dict[int, list[Term]] = {0: [()], 1: [], 2: [], 3: []}
    for source, target, op in cell.live_edges():
        if op == "skip_connect":
            values[target] += values[source]
        else:
            values[target].append((op, *sorted(values[source])))
    return tuple(sorted(values[3]))


@lru_cache(maxsize=1)
def _cells_by_signature() -> Mapping[Term, list[Cell]]:
    """Group all cells, each group in genome order."""
    groups: defaultdict[Term, list[Cell]] = defaultdict(list)
    for ops in product(OPS, repeat=len(EDGES)):
        cell = Cell(ops)
        groups[signature(cell)].append(cell)
    return groups


@lru_cache(maxsize=16_384)
def _statements(cell: Cell) -> tuple[Node, ...]:
    """Return the canonical statements of the cell alone."""
    builder = GraphBuilder((1, 4, 8, 8))
    return canonicalize_graph(builder.build(write_cell(builder, builder.x, cell))).nodes
