"""Counts by hand, against numpy, and shapes against ONNX's own inference."""

import numpy as np
import onnx
import onnx.inliner
import onnx.shape_inference
import pytest

from search_spaces import UnsupportedModelError, count, from_text, get_space

HEAD = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'


def test_a_convolution_and_a_linear_layer_by_hand() -> None:
    model = from_text(
        HEAD
        + "g (float[1,4,8,8] x, float[6,2,3,3] w, float[6] b, float[54,5] u) => (float[1,5] y)"
        "{ c = Conv<group=2, strides=[2,2]>(x, w, b)\n f = Flatten(c)\n y = MatMul(f, u) }"
    )
    counts = count(model)
    assert counts.parameters == 6 * 2 * 9 + 6 + 54 * 5
    assert counts.mult_adds == 6 * 9 * 2 * 9 + 54 * 5
    assert counts.activations == 6 * 9 + 5
    assert [row.op for row in counts.per_op] == ["Conv", "Flatten", "MatMul"]
    assert counts.per_op[0].output_shape == (1, 6, 3, 3)


def test_shared_weight_counts_once_and_runs_twice() -> None:
    model = from_text(
        HEAD + "g (float[1,4] x, float[4,4] w) => (float[1,4] y)"
        "{ a = Gemm(x, w)\n y = Gemm<transB=1>(a, w) }"
    )
    assert (count(model).parameters, count(model).mult_adds) == (16, 32)


def test_transposed_operands_and_transposed_convolution() -> None:
    model = from_text(
        HEAD + "g (float[3,2] x, float[3,5] w) => (float[2,5] y) { y = Gemm<transA=1>(x, w) }"
    )
    assert count(model).mult_adds == 2 * 3 * 5
    model = from_text(
        HEAD + "g (float[1,3,4,4] x, float[3,2,2,2] w) => (float[1,2,8,8] y)"
        "{ y = ConvTranspose<strides=[2,2]>(x, w) }"
    )
    assert count(model).mult_adds == 3 * 16 * 2 * 4


@pytest.mark.parametrize("name", ["nasbench201", "fbnet"])
def test_shapes_through_call_sites_equal_those_of_the_inlined_graph(
    name: str, rng: np.random.Generator
) -> None:
    space = get_space(name)
    model = space.to_onnx(space.sample(rng))
    flat = onnx.shape_inference.infer_shapes(
        onnx.inliner.inline_local_functions(model), strict_mode=True, data_prop=True
    )
    shapes = {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in (*flat.graph.value_info, *flat.graph.output)
    }
    expected = [shapes[node.output[0]] for node in flat.graph.node]
    assert [row.output_shape for row in count(model).per_op] == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = Conv(x, w)", "must fit each other"),
        ("a = Flatten(x)\n y = Gemm(a, w)", "must fit each other|cannot be inferred"),
        ("a = NonZero(x)\n b = Cast<to=1>(a)\n y = Relu(b)", "must be static"),
        ("y = Add(x, w)", "must fit each other"),
    ],
)
def test_operands_that_do_not_fit_are_refused(body: str, message: str) -> None:
    model = from_text(
        HEAD + f"g (float[1,4,8,8] x, float[6,5,3,3] w) => (float[1,6,6,6] y) {{{body}}}"
    )
    with pytest.raises(UnsupportedModelError, match=message):
        count(model)
