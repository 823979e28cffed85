"""The five cell spaces that "On Network Design Spaces for Visual Recognition" compares.

They share the network and differ in the operations, the number of nodes, and in what a cell
concatenates: all nodes, or only the loose ends that no other node reads. Both edges of a node may
read any two earlier values, also the same one. The paper counts cells this way: e.g. for DARTS,
8 ** 8 * (2 * 3 * 4 * 5) ** 2 = 242 * 10 ** 9. Besides the two cells, width and depth vary; three
spaces are also published with fixed width and depth.

Decisions: width is 16, 24 or 32, depth 4, 8, 12, 16 or 20 (the paper's section on NAS design
spaces; sampled networks that others quote agree), and the fixed ones are 16 and 20, as in the
networks of https://github.com/facebookresearch/unnas, which sample the same space. The network of
NAS-Bench-301 is a point of ``nds_darts``: width 32, depth 8.

Source:
    arXiv:1905.13214, table 4; operation lists in ``pycls/models/nas/genotypes.py`` of
    https://github.com/facebookresearch/unnas.
"""

import json
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.errors import InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.nds.canonical_cell import canonical_cell
from search_spaces.nds.cell import N_INPUTS, Cell, CellNetwork, loose_ends
from search_spaces.nds.cell_counts import published_counts
from search_spaces.nds.cell_network import build_cell_network
from search_spaces.nds.cell_text import cell_network_text
from search_spaces.nds.genotype import format_genotype, parse_genotype, read_net, write_net

__all__ = ["FAMILIES", "CellFamily", "CellSpace"]

WIDTHS = (16, 24, 32)
DEPTHS = (4, 8, 12, 16, 20)
FIXED_WIDTH = 16
FIXED_DEPTH = 20


class CellFamily(NamedTuple):
    """What tells a cell space from the others.

    Attributes:
        n_nodes: Nodes of a cell.
        is_loose: Whether the output concatenates loose ends only.
        ops: Operations, in published order.
    """

    n_nodes: int
    is_loose: bool
    ops: tuple[str, ...]

    def concat(self, edges: Sequence[tuple[str, int]]) -> tuple[int, ...]:
        """Return what a cell with these edges concatenates."""
        if self.is_loose:
            return loose_ends(tuple(edges))
        return tuple(range(N_INPUTS, N_INPUTS + self.n_nodes))


FAMILIES = {
    "amoeba": CellFamily(
        n_nodes=5,
        is_loose=True,
        ops=(
            "skip_connect",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "sep_conv_7x7",
            "avg_pool_3x3",
            "max_pool_3x3",
            "dil_sep_conv_3x3",
            "conv_7x1_1x7",
        ),
    ),
    "darts": CellFamily(
        n_nodes=4,
        is_loose=False,
        ops=(
            "none",
            "max_pool_3x3",
            "avg_pool_3x3",
            "skip_connect",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "dil_conv_3x3",
            "dil_conv_5x5",
        ),
    ),
    "enas": CellFamily(
        n_nodes=5,
        is_loose=True,
        ops=("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"),
    ),
    "nasnet": CellFamily(
        n_nodes=5,
        is_loose=True,
        ops=(
            "skip_connect",
            "conv_3x1_1x3",
            "conv_7x1_1x7",
            "dil_conv_3x3",
            "avg_pool_3x3",
            "max_pool_3x3",
            "max_pool_5x5",
            "max_pool_7x7",
            "conv_1x1",
            "conv_3x3",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "sep_conv_7x7",
        ),
    ),
    "pnas": CellFamily(
        n_nodes=5,
        is_loose=False,
        ops=(
            "sep_conv_3x3",
            "sep_conv_5x5",
            "sep_conv_7x7",
            "conv_7x1_1x7",
            "skip_connect",
            "avg_pool_3x3",
            "max_pool_3x3",
            "dil_conv_3x3",
        ),
    ),
}
"""The cell spaces by name."""


class CellSpace(SearchSpace[CellNetwork]):
    """A cell space; every assignment of the genes counts as an architecture.

    `sample` is uniform over these assignments, as the paper samples and counts, and so favours
    networks that many of them describe; how many networks are distinct is not known.

    Genes: operation and input of both edges of every node, normal cell before reduction cell; then
    width and depth. The published string is the ``net`` of an NDS file (JSON); where width and
    depth are fixed, it is the genotype. Both are read in either space.

    Args:
        name: Name in the registry.
        family: One of `FAMILIES`.
        is_fixed: Whether width and depth are fixed.
    """

    source = "arXiv:1905.13214; https://github.com/facebookresearch/nds"

    def __init__(self, name: str, family: str, *, is_fixed: bool = False) -> None:
        self.name = name
        self.family = FAMILIES[family]
        self.widths = (FIXED_WIDTH,) if is_fixed else WIDTHS
        self.depths = (FIXED_DEPTH,) if is_fixed else DEPTHS
        n_ops = len(self.family.ops)
        inputs = range(N_INPUTS, N_INPUTS + self.family.n_nodes)
        cell = [n for n_inputs in inputs for n in (n_ops, n_inputs, n_ops, n_inputs)]
        self.genome_choices = (*cell, *cell, len(self.widths), len(self.depths))
        self.size = prod(self.genome_choices)

    def build(self, architecture: CellNetwork) -> Graph:
        """Write the network for CIFAR-10."""
        return build_cell_network(architecture)

    def to_text(self, architecture: CellNetwork) -> str:
        """Export to canonical ONNX text."""
        return cell_network_text(architecture) or super().to_text(architecture)

    def canonical(self, architecture: CellNetwork) -> CellNetwork:
        """Order nodes and edges, see `search_spaces.nds.canonical_cell`."""
        return CellNetwork(
            canonical_cell(architecture.normal, is_reduction=False),
            canonical_cell(architecture.reduce, is_reduction=True),
            architecture.width,
            architecture.depth,
        )

    def to_genome(self, architecture: CellNetwork) -> tuple[int, ...]:
        """Return operation and input of every edge, width and depth, as indices."""
        cells = (architecture.normal, architecture.reduce)
        ops = self.family.ops
        edges = [
            gene for cell in cells for op, source in cell.edges for gene in (ops.index(op), source)
        ]
        return (
            *edges,
            self.widths.index(architecture.width),
            self.depths.index(architecture.depth),
        )

    def from_genome(self, genome: Sequence[int]) -> CellNetwork:
        """Return the architecture of these genes."""
        *genes, width, depth = self.check_genome(genome)
        edges = [
            (self.family.ops[op], source)
            for op, source in zip(genes[::2], genes[1::2], strict=True)
        ]
        half = len(edges) // 2
        normal, reduce = (
            Cell(tuple(own), self.family.concat(own)) for own in (edges[:half], edges[half:])
        )
        return CellNetwork(normal, reduce, self.widths[width], self.depths[depth])

    def parse(self, string: str) -> CellNetwork:
        """Read a genotype (at the fixed width and depth) or the JSON of a ``net``."""
        if string.lstrip().startswith("{"):
            try:
                net = json.loads(string)
            except (ValueError, RecursionError) as error:
                raise InvalidArchitectureError(
                    f"Network must be JSON, but does not parse: {str(error)[:200]}"
                ) from error
            return self.check(read_net(net))
        return self.check(CellNetwork(*parse_genotype(string), FIXED_WIDTH, FIXED_DEPTH))

    def format(self, architecture: CellNetwork) -> str:
        """Return the genotype where width and depth are fixed, else the JSON of the ``net``."""
        if len(self.widths) == 1:
            return format_genotype(architecture.normal, architecture.reduce)
        return json.dumps(write_net(architecture))

    def published_counts(self, architecture: CellNetwork) -> Counts:
        """Count as pycls does, see `search_spaces.nds.cell_counts`."""
        return published_counts(architecture)

    def check(self, architecture: CellNetwork) -> CellNetwork:
        """Return an architecture of this space as it is.

        Raises:
            InvalidArchitectureError: If it is not one.
        """
        for cell in (architecture.normal, architecture.reduce):
            if cell.n_nodes != self.family.n_nodes:
                raise InvalidArchitectureError(
                    f"Cell of {self.name} must have {self.family.n_nodes} nodes, "
                    f"but has {cell.n_nodes}."
                )
            for op, _ in cell.edges:
                if op not in self.family.ops:
                    raise InvalidArchitectureError(
                        f"Operation of {self.name} must be one of "
                        f"{', '.join(self.family.ops)}, but got {op!r}."
                    )
            if cell.concat != self.family.concat(cell.edges):
                rule = "the nodes that no edge reads" if self.family.is_loose else "all nodes"
                raise InvalidArchitectureError(
                    f"Cell of {self.name} must concatenate {rule}, "
                    f"{list(self.family.concat(cell.edges))!r}, but got {list(cell.concat)!r}."
                )
        for what, value, choices in (
            ("Width", architecture.width, self.widths),
            ("Depth", architecture.depth, self.depths),
        ):
            if value not in choices:
                raise InvalidArchitectureError(
                    f"{what} of {self.name} must be one of {choices!r}, but got {value!r}."
                )
        return architecture
