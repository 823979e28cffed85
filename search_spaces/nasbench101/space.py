"""The search space interface of NAS-Bench-101."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.errors import InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.nasbench101.cell import (
    MAX_EDGES,
    MAX_VERTICES,
    OPS,
    Cell,
    matrix_of_edges,
)
from search_spaces.nasbench101.counts import published_counts
from search_spaces.nasbench101.isomorphism import all_classes, representative
from search_spaces.nasbench101.network import build_network

__all__ = ["NasBench101"]

_EDGES = tuple(combinations(range(MAX_VERTICES), 2))
"""(source, target) of each edge gene, row by row."""
_N_INTERIOR = MAX_VERTICES - 2
_SPROUT_PROBABILITY = 0.2
_MAX_ATTEMPTS = 2_000


class NasBench101(SearchSpace[Cell]):
    """NAS-Bench-101; 423,624 cells, isomorphic ones counted once, as the benchmark counts them.

    The genome has 21 edge bits, row by row, and 5 operations. A genome whose cell, pruned, has no
    path or more than nine edges is no architecture; pruned vertices leave no trace in the `Cell`.
    `sample` is uniform over the 423,624 cells and `enumerate` yields each once, both as the
    published representative. Two max pools of the same inputs are one value, so a cell that has
    such a pair can share its network, and its text, with another cell.
    """

    name = "nasbench101"
    source = "arXiv:1902.09635; https://github.com/google-research/nasbench"
    genome_choices = (2,) * len(_EDGES) + (len(OPS),) * _N_INTERIOR
    size = 423_624

    def build(self, architecture: Cell) -> Graph:
        """Write the network that the benchmark trained for this cell or an isomorphic one."""
        return build_network(representative(architecture))

    def canonical(self, architecture: Cell) -> Cell:
        """Return the published representative of the isomorphic cells."""
        return representative(architecture)

    def sample(self, rng: np.random.Generator) -> Cell:
        """Draw one of the 423,624 cells, all equally likely."""
        classes = all_classes()
        return classes.cell(int(rng.integers(len(classes))))

    def enumerate(self) -> Iterator[Cell]:
        """Yield the 423,624 cells in the order in which the benchmark generated them."""
        classes = all_classes()
        return map(classes.cell, range(len(classes)))

    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        """Change an edge or an operation, or add a vertex; never to an isomorphic cell.

        One gene cannot add a vertex, which needs two edges: a fifth of the attempts on cells below
        seven vertices adds one with an edge from below and an edge to above.
        """
        own = representative(architecture)
        for _ in range(_MAX_ATTEMPTS):
            if len(architecture.matrix) < MAX_VERTICES and rng.random() < _SPROUT_PROBABILITY:
                if architecture.n_edges + 2 > MAX_EDGES:
                    continue
                mutant = _sprout(architecture, rng)
            else:
                mutant = super().mutate(architecture, rng)
            if representative(mutant) != own:
                return mutant
        raise InvalidArchitectureError(
            f"A neighbour of {self.format(architecture)!r} must be found in {_MAX_ATTEMPTS} "
            "attempts, but was not. Sample a new architecture."
        )

    def crossover(self, first: Cell, second: Cell, rng: np.random.Generator) -> Cell:
        """Take each gene from one parent at random; the first parent if no mix is valid.

        A mix in which something would have to be pruned is drawn again, so that all genes of the
        child are its parents'.
        """
        parents = np.array([self.to_genome(first), self.to_genome(second)])
        genes = np.arange(parents.shape[1])
        for _ in range(_MAX_ATTEMPTS):
            mix = parents[rng.integers(2, size=len(genes)), genes]
            if mix[: len(_EDGES)].sum() <= MAX_EDGES and self.is_valid_genome(mix.tolist()):
                child = self.from_genome(mix.tolist())
                if (parents == self.to_genome(child)).any(axis=0).all():
                    return child
        return first

    def to_genome(self, architecture: Cell) -> tuple[int, ...]:
        """Return edge bits and operation indices; absent vertices stand before the output."""
        matrix, output = architecture.matrix, len(architecture.matrix) - 1
        at = [*range(output), MAX_VERTICES - 1]
        edges = {
            (at[source], at[target])
            for source, row in enumerate(matrix)
            for target, is_edge in enumerate(row)
            if is_edge
        }
        ops = [OPS.index(op) for op in architecture.ops]
        ops += [0] * (_N_INTERIOR - len(ops))
        return (*[int(edge in edges) for edge in _EDGES], *ops)

    def from_genome(self, genome: Sequence[int]) -> Cell:
        """Return the pruned cell of 21 edge bits and 5 operation indices."""
        genes = self.check_genome(genome)
        edges = [edge for edge, bit in zip(_EDGES, genes, strict=False) if bit]
        ops = [OPS[gene] for gene in genes[len(_EDGES) :]]
        return Cell.prune(matrix_of_edges(MAX_VERTICES, edges), ops)

    def is_valid_genome(self, genome: Sequence[int]) -> bool:
        """Tell whether a genome has a path and, pruned, at most nine edges."""
        try:
            self.from_genome(genome)
        except InvalidArchitectureError:
            return False
        return True

    def parse(self, string: str) -> Cell:
        """Read ``0110... input,op,...,output``."""
        return Cell.parse(string)

    def format(self, architecture: Cell) -> str:
        """Return ``0110... input,op,...,output``."""
        return str(architecture)

    def published_counts(self, architecture: Cell) -> Counts:
        """Count the published representative, see `search_spaces.nasbench101.counts`."""
        return published_counts(representative(architecture))


def _sprout(cell: Cell, rng: np.random.Generator) -> Cell:
    """Add a vertex with a random operation between two vertices."""
    n = len(cell.matrix)
    at = 1 + int(rng.integers(n - 1))
    new_name = [vertex + (vertex >= at) for vertex in range(n)]
    edges = [
        (new_name[source], new_name[target])
        for source, row in enumerate(cell.matrix)
        for target, is_edge in enumerate(row)
        if is_edge
    ]
    edges.append((int(rng.integers(at)), at))
    edges.append((at, at + 1 + int(rng.integers(n - at))))
    ops = (*cell.ops[: at - 1], OPS[int(rng.integers(len(OPS)))], *cell.ops[at - 1 :])
    return Cell(matrix_of_edges(n + 1, edges), ops)
