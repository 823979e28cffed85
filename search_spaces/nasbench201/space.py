"""The search space interface of NAS-Bench-201."""

from collections.abc import Sequence

from search_spaces.base import SearchSpace
from search_spaces.canonical import number_functions
from search_spaces.counts import Counts
from search_spaces.graph import DOMAIN, Graph
from search_spaces.graph_printer import print_graph
from search_spaces.nasbench201.cell import EDGES, OPS, Cell
from search_spaces.nasbench201.counts import published_counts
from search_spaces.nasbench201.equivalence import representative
from search_spaces.nasbench201.network import build_network

__all__ = ["NasBench201"]


class NasBench201(SearchSpace[Cell]):
    """NAS-Bench-201 in one of its three macro skeletons; 15,625 cells, isomorphic ones counted.

    5,260 of them are different networks, see `search_spaces.nasbench201.equivalence`. `sample` is
    uniform over the 15,625, each of which the benchmark has trained.

    Args:
        name: Name in the registry.
        image_size: Height and width of the image in pixels.
        n_classes: Number of classes.
    """

    source = "arXiv:2001.00326; https://github.com/D-X-Y/NAS-Bench-201"
    genome_choices = (len(OPS),) * len(EDGES)
    size = len(OPS) ** len(EDGES)

    def __init__(self, name: str, image_size: int, n_classes: int) -> None:
        self.name = name
        self.image_size = image_size
        self.n_classes = n_classes

    def build(self, architecture: Cell) -> Graph:
        """Write the network of a cell."""
        return build_network(architecture, self.image_size, self.n_classes)

    def to_unpruned_text(self, architecture: Cell) -> str:
        """Export with dead edges and operations on zeros; 15,625 texts for 15,625 cells."""
        graph = build_network(architecture, self.image_size, self.n_classes, is_pruned=False)
        by_call = {f"{DOMAIN}.{name}": function for name, function in graph.functions.items()}
        nodes, functions = number_functions(graph.nodes, by_call)
        return print_graph(graph._replace(nodes=nodes, functions=functions))

    def canonical(self, architecture: Cell) -> Cell:
        """Return the first cell, in genome order, that is the same network."""
        return representative(architecture)

    def to_genome(self, architecture: Cell) -> tuple[int, ...]:
        """Return the index of each operation in `OPS`, edge by edge."""
        return tuple(OPS.index(op) for op in architecture.ops)

    def from_genome(self, genome: Sequence[int]) -> Cell:
        """Return the cell of six operation indices."""
        return Cell(tuple(OPS[gene] for gene in self.check_genome(genome)))

    def parse(self, string: str) -> Cell:
        """Read ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        return Cell.parse(string)

    def format(self, architecture: Cell) -> str:
        """Return ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        return str(architecture)

    def published_counts(self, architecture: Cell) -> Counts:
        """Count as the benchmark does, see `search_spaces.nasbench201.counts`."""
        return published_counts(architecture.ops, self.image_size, self.n_classes)
