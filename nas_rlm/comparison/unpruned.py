"""Texts that keep what canonical ones leave out: dead edges and vertices, and the order written."""

from collections.abc import Sequence

from nas_rlm.errors import ConfigError
from search_spaces.graph_printer import print_graph
from search_spaces.nasbench201.cell import OPS, Cell
from search_spaces.nasbench201.network import build_network

_IMAGE_SIZE, _N_CLASSES = 32, 10


def unpruned_text(space: str, genome: Sequence[int]) -> str:
    """Return the text of an architecture with every edge that the benchmark describes.

    Args:
        space: Only ``nasbench201`` publishes architectures that hold anything dead.
        genome: Of the architecture.

    Raises:
        ConfigError: If the space is another one.
    """
    if space != "nasbench201":
        raise ConfigError(f"Unpruned texts need space 'nasbench201', but got {space!r}.")
    cell = Cell(tuple(OPS[gene] for gene in genome))
    return print_graph(build_network(cell, _IMAGE_SIZE, _N_CLASSES, is_pruned=False))
