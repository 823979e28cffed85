import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nasbench101.cell import OPS, Cell, matrix_of_edges

C3, C1, POOL = OPS
CHAIN = Cell(matrix_of_edges(4, [(0, 1), (1, 2), (2, 3)]), (C3, POOL))
FAN = [edge for vertex in range(1, 6) for edge in ((0, vertex), (vertex, 6))]


def test_string_has_matrix_and_operations() -> None:
    assert str(CHAIN) == "0100001000010000 input,conv3x3-bn-relu,maxpool3x3,output"
    assert Cell.parse(str(CHAIN)) == CHAIN


@pytest.mark.parametrize(
    "string",
    [
        "0100001000010000 conv3x3,maxpool3x3",
        "  0100001000010000   input, conv3x3, maxpool3x3, output ",
        "0100000110000010000000000 conv3x3,maxpool3x3,conv1x1",
    ],
)
def test_short_and_unpruned_strings_are_read(string: str) -> None:
    assert Cell.parse(string) == CHAIN


@pytest.mark.parametrize(
    ("edges", "ops", "expected_edges", "expected_ops"),
    [
        ([(0, 1), (1, 4), (2, 4)], (C3, C1, POOL), [(0, 1), (1, 2)], (C3,)),
        ([(0, 1), (0, 2), (1, 4)], (C3, C1, POOL), [(0, 1), (1, 2)], (C3,)),
        ([(0, 1), (1, 2), (0, 4)], (C3, C1, POOL), [(0, 1)], ()),
        ([(0, 3), (3, 4), (1, 2)], (C3, C1, POOL), [(0, 1), (1, 2)], (POOL,)),
    ],
)
def test_prune_drops_what_lies_on_no_path(
    edges: list[tuple[int, int]],
    ops: tuple[str, ...],
    expected_edges: list[tuple[int, int]],
    expected_ops: tuple[str, ...],
) -> None:
    cell = Cell.prune(matrix_of_edges(5, edges), ops)
    assert cell == Cell(matrix_of_edges(len(expected_ops) + 2, expected_edges), expected_ops)


def test_a_large_matrix_is_read_if_what_is_alive_is_small() -> None:
    assert Cell.prune(matrix_of_edges(9, [(0, 8), (1, 2)]), (C3,) * 7) == Cell(
        ((0, 1), (0, 0)), ()
    )


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        (((0, 1), (0,)), (), "square"),
        (((0,),), (), "square"),
        (((0, 1), (1, 0)), (), "triangular"),
        (((0, 2), (0, 0)), (), "zeros and ones"),
        (((0, 1), (0, 0)), (C3,), "must have 0 ops, but got 1"),
        (((0, 1, 0), (0, 0, 1), (0, 0, 0)), ("conv7x7",), "must be one of"),
        (((0, 0), (0, 0)), (), "must all lie on a path"),
        (((0, 0, 1), (0, 0, 1), (0, 0, 0)), (C3,), "must all lie on a path"),
        (matrix_of_edges(8, [(i, i + 1) for i in range(7)]), (C3,) * 6, "at most 7 vertices"),
        (matrix_of_edges(7, FAN), (C3,) * 5, "at most 9 edges, but got 10"),
    ],
)
def test_what_is_no_cell_is_refused(
    matrix: tuple[tuple[int, ...], ...], ops: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        Cell(matrix, ops)


@pytest.mark.parametrize("string", ["0110", "01 input,output", "0200 input,output", "01x0 ", " "])
def test_malformed_strings_are_refused(string: str) -> None:
    with pytest.raises(InvalidArchitectureError, match="must"):
        Cell.parse(string)


def test_prune_without_a_path_is_refused() -> None:
    with pytest.raises(InvalidArchitectureError, match="has none"):
        Cell.prune(matrix_of_edges(3, [(0, 1)]), (C3,))
