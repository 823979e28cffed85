import numpy as np
import onnx
import onnxruntime
import pytest

from search_spaces import get_space
from search_spaces.enas_macro.architecture import OPS, EnasArchitecture
from search_spaces.enas_macro.network import live_reductions, write_reduction
from search_spaces.graph_builder import GraphBuilder
from search_spaces.onnx_bridge import to_model

NO_SKIPS = tuple((0,) * layer for layer in range(6))
ALL_SKIPS = tuple((1,) * layer for layer in range(6))


def export(op: int, skips: tuple[tuple[int, ...], ...] = NO_SKIPS) -> onnx.ModelProto:
    return get_space("enas_macro").to_onnx(EnasArchitecture((OPS[op],) * 6, skips))


def attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def called(model: onnx.ModelProto, op: str) -> tuple[onnx.FunctionProto, int]:
    """Return the one function that has this operator and how often it is called."""
    (function,) = [f for f in model.functions if op in {n.op_type for n in f.node}]
    return function, [n.op_type for n in model.graph.node].count(function.name)


@pytest.mark.parametrize(
    ("op", "statements", "kernel", "groups"),
    [
        (0, ["Conv", "Relu", "Conv", "Relu"], 3, 1),
        (1, ["Conv", "Relu", "Conv", "Conv", "Relu"], 3, 36),
        (2, ["Conv", "Relu", "Conv", "Relu"], 5, 1),
        (3, ["Conv", "Relu", "Conv", "Conv", "Relu"], 5, 36),
        (4, ["Conv", "Relu", "AveragePool"], 3, 1),
        (5, ["Conv", "Relu", "MaxPool"], 3, 1),
    ],
)
def test_operation_is_the_published_branch(
    op: int, statements: list[str], kernel: int, groups: int
) -> None:
    model = export(op)
    (branch,) = [f for f in model.functions if "Slice" not in {n.op_type for n in f.node}]
    assert [node.op_type for node in branch.node] == statements
    assert [n.op_type for n in model.graph.node].count(branch.name) == 6
    window = attributes(branch.node[2])
    assert window["kernel_shape"] == [kernel, kernel]
    assert window["pads"] == [kernel // 2] * 4
    assert window.get("group", 1) == groups
    assert not window.get("count_include_pad", 0)


def test_reductions_without_skips_are_two() -> None:
    _, n_calls = called(export(0), "Slice")
    assert n_calls == 2


def test_reductions_with_all_skips_are_of_every_value() -> None:
    """Three values behind layer 1, five behind layer 3; the last skip bit of layer 5 is layer 3."""
    _, n_calls = called(export(0, ALL_SKIPS), "Slice")
    assert n_calls == 3 + 5


def test_reductions_of_values_that_are_never_read_are_dead() -> None:
    skips = (*NO_SKIPS[:4], (1, 0, 0, 0), (0, 0, 0, 0, 0))
    reductions = live_reductions(EnasArchitecture((OPS[0],) * 6, skips))
    assert reductions == {(2, 1), (0, 1), (0, 2), (4, 2)}


def test_skips_are_summed_before_a_batch_norm() -> None:
    graph = export(5, ((), (1,), (0, 0), (1, 0, 1), (0, 0, 0, 0), (1, 1, 1, 1, 1))).graph
    producers = {node.output[0]: node for node in graph.node}
    norms = [node for node in graph.node if node.op_type == "BatchNormalization"]
    assert len(norms) == 5
    summed = [producers[node.input[0]] for node in norms]
    n_operands = sorted(len(n.input) if n.op_type in {"Add", "Sum"} else 1 for n in summed)
    assert n_operands == [1, 1, 2, 3, 6]


def test_classifier_has_no_bias_and_all_layers_have_36_channels() -> None:
    graph = export(2, ALL_SKIPS).graph
    assert graph.node[-1].op_type == "Gemm"
    assert len(graph.node[-1].input) == 2
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.input[1:]]
    assert {shape[0] for shape in shapes} == {36, 18, 10}


def test_reduction_takes_even_and_odd_pixels() -> None:
    """One half sees pixels 0, 2, ...; the other 1, 3, ... on both axes; run in onnxruntime."""
    builder = GraphBuilder((1, 36, 8, 8))
    model = to_model(builder.build(builder.call(write_reduction, builder.x)))
    image = np.random.default_rng(0).standard_normal((1, 36, 8, 8)).astype(np.float32)
    feed = {"x": image}
    for index, value in enumerate(model.graph.input[1:]):
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        feed[value.name] = np.zeros(shape, np.float32)
        if len(shape) == 4:
            feed[value.name][:, :, 0, 0] = np.eye(36, dtype=np.float32)[index : index + 18]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (y,) = session.run(None, feed)
    assert y.shape == (1, 36, 4, 4)
    np.testing.assert_array_equal(y[:, :18], image[:, 0:18, ::2, ::2])
    np.testing.assert_array_equal(y[:, 18:], image[:, 2:20, 1::2, 1::2])


def test_every_gene_changes_the_text() -> None:
    space = get_space("enas_macro")
    genome = [2, 1, 1, 4, 0, 1, 4, 1, 1, 0, 0, 0, 1, 0, 1, 3, 1, 0, 1, 1, 0]
    neighbours = {
        (*genome[:index], value, *genome[index + 1 :])
        for index, n in enumerate(space.genome_choices)
        for value in range(n)
    }
    assert len(neighbours) == 1 + 6 * 5 + 15
    texts = {space.to_text(space.from_genome(g)) for g in neighbours}
    assert len(texts) == len(neighbours)
