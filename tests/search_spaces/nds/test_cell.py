import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nds.cell import Cell, CellNetwork, loose_ends

SKIPS = (("skip_connect", 0), ("skip_connect", 1))


@pytest.mark.parametrize(
    ("edges", "concat", "message"),
    [
        ((), (2,), "two edges"),
        (SKIPS[:1], (2,), "two edges"),
        (SKIPS * 17, (2,), "two edges"),
        ((("skip_connect", 0), ("sep_conv_9x9", 1)), (2,), "Operation must be one of"),
        ((("skip_connect", 0), ("skip_connect", 2)), (2,), r"must be in 0\.\.1"),
        ((("skip_connect", -1), ("skip_connect", 0)), (2,), r"must be in 0\.\.1"),
        (SKIPS, (), "Concatenated nodes"),
        (SKIPS, (1,), "Concatenated nodes"),
        (SKIPS, (3,), "Concatenated nodes"),
        (SKIPS * 2, (3, 2), "Concatenated nodes"),
        (SKIPS * 2, (2, 2), "Concatenated nodes"),
    ],
)
def test_malformed_cells_are_refused(
    edges: tuple[tuple[str, int], ...], concat: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        Cell(edges, concat)


@pytest.mark.parametrize(("width", "depth"), [(0, 8), (15, 8), (2_000, 8), (16, 1), (16, 101)])
def test_width_and_depth_are_bounded(width: int, depth: int) -> None:
    cell = Cell(SKIPS, (2,))
    with pytest.raises(InvalidArchitectureError, match="must be"):
        CellNetwork(cell, cell, width, depth)


def test_loose_ends_are_the_nodes_that_no_edge_reads() -> None:
    # The example of NNI's documentation of the NDS files: nodes 2 and 4 are read.
    sources = (0, 1, 2, 0, 2, 2, 4, 4, 2, 4)
    assert loose_ends(tuple([("skip_connect", source) for source in sources])) == (3, 5, 6)
