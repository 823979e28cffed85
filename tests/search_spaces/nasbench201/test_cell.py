import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nasbench201.cell import Cell

STRING = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"


def test_published_string_round_trips() -> None:
    cell = Cell.parse(STRING)
    assert cell.ops[0] == "avg_pool_3x3"
    assert cell.ops[5] == "nor_conv_3x3"
    assert str(cell) == STRING


@pytest.mark.parametrize(
    "string", ["", STRING[:-1], STRING.replace("~2", "~1"), STRING + STRING, STRING[1:]]
)
def test_malformed_string_is_refused(string: str) -> None:
    with pytest.raises(InvalidArchitectureError, match="must have the form"):
        Cell.parse(string)


def test_unknown_op_is_refused_with_the_choices() -> None:
    with pytest.raises(InvalidArchitectureError, match=r"one of none, .* got 'max_pool'"):
        Cell.parse(STRING.replace("skip_connect", "max_pool"))


def test_wrong_number_of_ops_is_refused() -> None:
    with pytest.raises(InvalidArchitectureError, match="must have 6 ops"):
        Cell(("none",) * 5)


def test_live_edges_lie_on_a_path_from_input_to_output() -> None:
    conv = "nor_conv_3x3"
    assert list(Cell((conv, "none", "none", "none", "none", conv)).live_edges()) == []
    assert list(Cell((conv, "none", "none", conv, "none", conv)).live_edges()) == [(0, 3, conv)]
    assert list(Cell((conv, "none", conv, "none", "none", conv)).live_edges()) == [
        (0, 1, conv),
        (1, 2, conv),
        (2, 3, conv),
    ]
