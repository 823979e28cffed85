import onnx
import pytest

from search_spaces import get_space
from search_spaces.nasbench101.cell import OPS, Cell, matrix_of_edges
from search_spaces.nasbench101.network import vertex_channels

C3, C1, POOL = OPS
THREE_LAST = [(0, 1), (1, 2), (0, 2), (2, 3), (1, 4), (2, 4), (3, 4)]
"""Vertices 1, 2 and 3 lead to the output, so 128 channels are 43, 43 and 42."""


def export(edges: list[tuple[int, int]], *ops: str) -> onnx.ModelProto:
    return get_space("nasbench101").to_onnx(Cell(matrix_of_edges(len(ops) + 2, edges), ops))


def body_ops(model: onnx.ModelProto, index: int = 0) -> list[str]:
    return [node.op_type for node in model.functions[index].node]


@pytest.mark.parametrize(
    ("edges", "channels", "expected"),
    [
        ([(0, 1)], 128, [0, 0]),
        ([(0, 1), (1, 2)], 128, [0, 128, 0]),
        (THREE_LAST, 128, [0, 43, 43, 42, 0]),
        (THREE_LAST, 256, [0, 86, 85, 85, 0]),
        (THREE_LAST, 512, [0, 171, 171, 170, 0]),
        ([(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], 128, [0, 64, 64, 64, 0]),
        ([(0, 1), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (2, 5), (3, 5)], 256, [0, 86, 86, 85, 85, 0]),
    ],
)  # fmt: skip
def test_channels_are_divided_among_the_last_vertices(
    edges: list[tuple[int, int]], channels: int, expected: list[int]
) -> None:
    n = len(expected)
    cell = Cell(matrix_of_edges(n, edges), (C3,) * (n - 2))
    assert list(vertex_channels(cell, channels)) == expected


def test_cell_without_operations_is_a_projection() -> None:
    model = export([(0, 1)])
    assert body_ops(model) == ["Conv", "Relu"]
    assert [n.op_type for n in model.graph.node].count("f0") == 9


def test_cell_is_one_function_called_nine_times() -> None:
    model = export([(0, 1), (1, 2), (0, 2)], C3)
    calls = [node.op_type for node in model.graph.node if node.domain == "nas"]
    assert calls == ["f0"] * 9
    assert sorted(body_ops(model)) == ["Add", "Conv", "Conv", "Conv", "Relu", "Relu", "Relu"]


def test_only_the_remainder_of_the_division_makes_another_function() -> None:
    """128 and 512 leave 2, 256 leaves 1: two bodies, in which other values lose a channel."""
    model = export(THREE_LAST, C3, C1, C1)
    calls = [node.op_type for node in model.graph.node if node.domain == "nas"]
    assert calls == ["f0"] * 3 + ["f1"] * 3 + ["f0"] * 3
    assert [body_ops(model, index).count("Slice") for index in range(2)] == [1, 1]


def test_input_is_projected_and_never_sliced() -> None:
    model = export([(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)], C3, C1, POOL)
    for index in range(len(model.functions)):
        assert "Slice" not in body_ops(model, index)
        assert body_ops(model, index).count("Conv") == 5


def test_output_is_a_concatenation_and_the_input_is_added() -> None:
    model = export([(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)], POOL, C3)
    ops = body_ops(model)
    assert ops[-1] == "Add"
    assert "Concat" in ops
    last = model.functions[0].node[-1]
    producers = {node.output[0]: node.op_type for node in model.functions[0].node}
    assert sorted(producers[name] for name in last.input) == ["Concat", "Relu"]


def test_stacks_halve_the_image_with_max_pools_of_two() -> None:
    model = export([(0, 1), (1, 2)], C3)
    pools = [node for node in model.graph.node if node.op_type == "MaxPool"]
    attributes = [{a.name: list(a.ints) for a in pool.attribute} for pool in pools]
    assert attributes == [{"kernel_shape": [2, 2], "strides": [2, 2]}] * 2


def test_isomorphic_cells_have_one_text_though_their_channels_differ() -> None:
    space = get_space("nasbench101")
    edges = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)]
    texts = {
        space.to_text(Cell(matrix_of_edges(5, edges), ops))
        for ops in ((C3, C1, POOL), (POOL, C3, C1), (C1, POOL, C3))
    }
    assert len(texts) == 1


def test_two_equal_pools_are_written_once() -> None:
    """Two published cells, one network: a max pool has no weights to tell two of them apart."""
    space = get_space("nasbench101")
    twice = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6)]
    once = [(0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5)]
    first = Cell(matrix_of_edges(7, twice), (C3, POOL, POOL, C3, C1))
    second = Cell(matrix_of_edges(6, once), (C3, POOL, C3, C1))
    assert space.to_text(first) == space.to_text(second)
    assert space.canonical(first) != space.canonical(second)
