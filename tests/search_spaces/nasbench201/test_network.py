import numpy as np
import onnxruntime
import pytest

from search_spaces import SearchSpace, get_space, materialize
from search_spaces.canonical import canonicalize_graph
from search_spaces.graph_printer import print_graph
from search_spaces.nasbench201.cell import OPS, Cell
from search_spaces.nasbench201.network import build_network

NONE = ("none",) * 6


def functions_called(cell: Cell) -> list[str]:
    model = get_space("nasbench201").to_onnx(cell)
    return [node.op_type for node in model.graph.node if node.domain == "nas"]


def test_cell_is_one_function_called_fifteen_times() -> None:
    called = functions_called(Cell((OPS[3],) * 6))
    assert len(called) == 17
    assert sorted(called.count(name) for name in set(called)) == [2, 15]


def test_cell_that_hands_on_its_input_leaves_no_trace() -> None:
    assert (
        len(functions_called(Cell(("none", "none", "none", "skip_connect", "none", "none")))) == 2
    )


def test_relu_of_a_node_is_written_once() -> None:
    model = get_space("nasbench201").to_onnx(
        Cell((OPS[3], OPS[3], "none", OPS[2], "none", "none"))
    )
    cell = model.functions[0]
    assert [node.op_type for node in cell.node].count("Relu") == 1


def test_average_pool_excludes_padding() -> None:
    model = get_space("nasbench201").to_onnx(
        Cell(("none", "none", "none", OPS[4], "none", "none"))
    )
    (pool,) = model.functions[0].node
    assert {a.name for a in pool.attribute} == {"kernel_shape", "pads"}


@pytest.mark.parametrize("ops", [NONE, ("none", "none", OPS[3], "none", OPS[3], OPS[3])])
def test_cell_without_a_path_gives_zeros_and_runs(ops: tuple[str, ...]) -> None:
    """Zeros pass the reduction blocks as biases, so the output must not depend on the image."""
    space: SearchSpace[Cell] = get_space("nasbench201")
    model = materialize(space.to_onnx(Cell(ops)), seed=0)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = np.random.default_rng(0).standard_normal((2, 1, 3, 32, 32)).astype(np.float32)
    first, second = (session.run(None, {"x": image})[0] for image in images)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()


@pytest.mark.parametrize(
    ("name", "image", "classes"),
    [
        ("nasbench201", [1, 3, 32, 32], [1, 10]),
        ("nasbench201_cifar100", [1, 3, 32, 32], [1, 100]),
        ("nasbench201_imagenet16", [1, 3, 16, 16], [1, 120]),
    ],
)
def test_shapes_of_the_three_skeletons(name: str, image: list[int], classes: list[int]) -> None:
    graph = get_space(name).to_onnx(Cell((OPS[2],) * 6)).graph
    values = (graph.input[0], graph.output[0])
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in values]
    assert shapes == [image, classes]


def test_whole_cell_is_the_pruned_one_where_nothing_is_dead() -> None:
    for ops in ((OPS[3],) * 6, (OPS[3], OPS[4], OPS[2], OPS[3], OPS[2], OPS[3])):
        whole = build_network(Cell(ops), 32, 10, is_pruned=False)
        pruned = build_network(Cell(ops), 32, 10)
        texts = [print_graph(canonicalize_graph(graph)) for graph in (whole, pruned)]
        assert texts[0] == texts[1]


def test_whole_cell_writes_six_edges() -> None:
    whole = build_network(
        Cell((OPS[3], OPS[0], OPS[2], OPS[1], OPS[0], OPS[0])), 32, 10, is_pruned=False
    )
    (cell,) = [body for name, body in whole.functions.items() if "whole" in name]
    assert [node.op for node in cell.nodes].count("Conv") == 2
    assert [node.op for node in cell.nodes].count("Mul") == 3
