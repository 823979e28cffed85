"""Folding a BatchNorm: computed where weights have values, symbolic where they are inputs."""

import numpy as np
import onnx
import onnx.parser
import onnx.reference
import pytest
from onnx import numpy_helper

from search_spaces import canonicalize, to_text
from search_spaces.onnx_text import from_text

HEAD = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
NORM = "float[4] s, float[4] t, float[4] m, float[4] v"
SHAPES = {"w": (4, 3, 3, 3), "b": (4,), "s": (4,), "t": (4,), "m": (4,), "v": (4,)}


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def with_values(rng: np.random.Generator, *, bias: bool, epsilon: float) -> onnx.ModelProto:
    operands = "x, w, b" if bias else "x, w"
    model = onnx.parser.parse_model(
        HEAD + "g (float[1,3,6,6] x) => (float[1,4,4,4] y) {"
        f"c = Conv({operands})\n y = BatchNormalization<epsilon={epsilon}>(c, s, t, m, v) }}"
    )
    for name, shape in SHAPES.items():
        if name != "b" or bias:
            array = rng.standard_normal(shape).astype(np.float32)
            array = np.abs(array) + 0.1 if name == "v" else array
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_values_are_folded_and_the_function_stays(
    rng: np.random.Generator, bias: bool, epsilon: float
) -> None:
    model = with_values(rng, bias=bias, epsilon=epsilon)
    folded = canonicalize(model)
    assert ops(folded) == ["Conv"]
    assert {tuple(t.dims) for t in folded.graph.initializer} == {(4, 3, 3, 3), (4,)}
    x = rng.standard_normal((1, 3, 6, 6)).astype(np.float32)
    (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    (got,) = onnx.reference.ReferenceEvaluator(folded).run(None, {"x": x})
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_a_weight_that_has_the_name_of_a_folded_one_keeps_its_values(
    rng: np.random.Generator,
) -> None:
    names = {"s": "n.weight", "t": "n.bias"}  # as exporters name them; another norm reads them too
    model = onnx.parser.parse_model(
        HEAD + "g (float[1,3,6,6] x) => (float[1,4,4,4] y) {"
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n r = Relu(n)\n"
        "y = BatchNormalization(r, s, t, m, v) }"
    )
    for name, shape in SHAPES.items():
        if name != "b":
            array = rng.random(shape).astype(np.float32) + 0.5
            tensor = numpy_helper.from_array(array, names.get(name, name))
            model.graph.initializer.append(tensor)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
    folded = canonicalize(model)
    assert ops(folded) == ["Conv", "Relu", "BatchNormalization"]
    x = rng.standard_normal((1, 3, 6, 6)).astype(np.float32)
    (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    (got,) = onnx.reference.ReferenceEvaluator(folded).run(None, {"x": x})
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def symbolic(body: str, weights: str = "float[4,3,3,3] w") -> onnx.ModelProto:
    return from_text(
        HEAD + f"g (float[1,3,6,6] x, {weights}, {NORM}) => (float[1,4,4,4] y) {{{body}}}"
    )


def test_symbolic_fold_leaves_weight_and_bias() -> None:
    plain = from_text(
        HEAD + "g (float[1,3,6,6] x, float[4,3,3,3] w, float[4] b) => (float[1,4,4,4] y)"
        "{ y = Conv(x, w, b) }"
    )
    body = "y = BatchNormalization(c, s, t, m, v)"
    assert to_text(symbolic(f"c = Conv(x, w)\n {body}")) == to_text(plain)
    with_bias = symbolic(f"c = Conv(x, w, b)\n {body}", "float[4,3,3,3] w, float[4] b")
    assert to_text(with_bias) == to_text(plain)


def test_symbolic_fold_inside_a_function_shortens_the_calls() -> None:
    model = from_text(
        HEAD + f"g (float[1,3,6,6] x, float[4,3,3,3] w, {NORM}) => (float[1,4,4,4] y) "
        "{ y = nas.f(x, w, s, t, m, v) }\n"
        '<domain: "nas", opset_import: ["" : 17]>\n'
        "f (x, w, s, t, m, v) => (y) "
        "{ c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n y = Relu(n) }"
    )
    canonical = canonicalize(model)
    assert [node.op_type for node in canonical.functions[0].node] == ["Conv", "Relu"]
    assert list(canonical.graph.node[0].input) == ["x", "w0", "w1"]
    assert len(canonical.graph.input) == 3


@pytest.mark.parametrize(
    "body",
    [
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n y = Add(n, c)",
        "c = Conv(x, w)\n r = Relu(c)\n y = BatchNormalization(r, s, t, m, v)",
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n d = Conv(x, w)\n y = Add(n, d)",
        "c = Conv(x, w)\n y = BatchNormalization(c, s, t, s, v)",
    ],
    ids=["second reader", "not a convolution", "shared weight", "shared scale"],
)
def test_what_cannot_absorb_a_norm_keeps_it(body: str) -> None:
    text = to_text(symbolic(body))
    assert text.count("BatchNormalization") == 1
    assert to_text(from_text(text)) == text


@pytest.mark.parametrize(
    "body",
    [
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n k = Mul(n, s)\n y = Relu(n)",
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n y = Relu(n)\n"
        " d = Conv(x, w)\n k = BatchNormalization(d, s, t, m, v)",
        "c = Conv(x, w)\n n = BatchNormalization(c, s, t, m, v)\n"
        " d = Conv(x, w)\n k = BatchNormalization(d, s, t, m, v)\n a = Relu(n)\n b = Relu(k)\n"
        " y = Max(a, b)",
    ],
    ids=["dead use", "dead copy", "live copy"],
)
def test_a_use_that_goes_away_does_not_keep_a_norm(body: str) -> None:
    text = to_text(symbolic(body))
    assert "BatchNormalization" not in text
    assert to_text(from_text(text)) == text
