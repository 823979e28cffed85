"""NAS-Bench-301: architectures of ``nds_darts`` at width 32 and depth 8, in their compact form.

The compact form lists, for the normal and the reduction cell, eight pairs of an input and the index
of an operation. Order of the operations, as `COMPACT_OPS` has it: that of NASLib, which is the
order of the DARTS list without ``none``. Parameters and FLOPs of published rows fix it but for
the two pools, which count alike.

Source:
    arXiv:2008.09777; ``naslib/search_spaces/nasbench301`` of https://github.com/automl/NASLib.
"""

from collections.abc import Sequence

from search_spaces.errors import InvalidArchitectureError
from search_spaces.nds.cell import N_INPUTS, Cell, CellNetwork

__all__ = ["COMPACT_OPS", "DEPTH", "WIDTH", "from_compact", "to_compact"]

COMPACT_OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Operations by their index in compact form."""
WIDTH = 32
DEPTH = 8

Pairs = Sequence[tuple[int, int]]


def from_compact(normal: Pairs, reduce: Pairs) -> CellNetwork:
    """Read two lists of (input, operation index), two entries a node.

    Raises:
        InvalidArchitectureError: If an input or an index is out of range.
    """
    return CellNetwork(_cell(normal), _cell(reduce), WIDTH, DEPTH)


def to_compact(network: CellNetwork) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the two lists of (input, operation index).

    Raises:
        InvalidArchitectureError: If an edge is ``none`` or of another space.
    """
    pairs = []
    for cell in (network.normal, network.reduce):
        for op, _ in cell.edges:
            if op not in COMPACT_OPS:
                raise InvalidArchitectureError(
                    f"Operation must be one of {', '.join(COMPACT_OPS)}, but got {op!r}."
                )
        pairs.append([(source, COMPACT_OPS.index(op)) for op, source in cell.edges])
    return pairs[0], pairs[1]


def _cell(pairs: Pairs) -> Cell:
    """Build a cell whose output concatenates all nodes."""
    for _, index in pairs:
        if not 0 <= index < len(COMPACT_OPS):
            raise InvalidArchitectureError(
                f"Operation index must be in 0..{len(COMPACT_OPS) - 1}, but got {index!r}."
            )
    edges = tuple([(COMPACT_OPS[index], source) for source, index in pairs])
    return Cell(edges, tuple(range(N_INPUTS, N_INPUTS + len(edges) // N_INPUTS)))
