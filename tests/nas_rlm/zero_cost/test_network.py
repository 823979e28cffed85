"""A model in torch: the outputs of onnxruntime in every space, refusals, batches."""

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
import torch

from nas_rlm.zero_cost.errors import ZeroCostError
from nas_rlm.zero_cost.network import OnnxNetwork
from search_spaces import SPACES, get_space, materialize

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'


def reference(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0] for image in images])


@pytest.mark.parametrize("name", sorted(SPACES))
def test_outputs_are_those_of_onnxruntime(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(1)
    model = materialize(space.to_onnx(space.sample(rng)), 3)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    images = rng.standard_normal((2, *shape[1:])).astype(np.float32)
    expected = reference(model, images)
    with torch.no_grad():
        found = OnnxNetwork(model)(torch.from_numpy(images)).numpy()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3 * float(np.abs(expected).max()))


@pytest.mark.parametrize(
    "body",
    [
        "y = MaxPool<kernel_shape=[3,3], pads=[1,0,0,1], strides=[2,2]>(x)",
        "y = AveragePool<kernel_shape=[3,3], pads=[0,1,1,0], count_include_pad=1>(x)",
        "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)",
        "y = AveragePool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)",
        "y = Conv<pads=[0,1,2,3], dilations=[2,1]>(x, w)",
        "y = Conv<group=3, pads=[1,1,1,1]>(x, g)",
        "y = HardSigmoid<alpha=0.3, beta=0.4>(x)",
        "y = Sub(x, x)",
        "s = Sigmoid(x)\n y = Mul(s, x)",
        "y = Transpose<perm=[0,2,3,1]>(x)",
        "c = Constant<value = float {0.1}>()\n y = Clip(x, c)",
        "c = Constant<value = float {0.1}>()\n y = Clip(x, , c)",
        "i = Identity(x)\n y = Concat<axis=1>(i, x, i)",
        "f = Flatten<axis=2>(x)\n y = Gemm<alpha=0.5, beta=2.0>(f, m, b)",
        "f = Flatten(x)\n y = Gemm<transA=1>(f, f)",
        "y = MatMul(x, t)",
    ],
)
def test_an_operator_is_that_of_onnxruntime(body: str) -> None:
    text = (
        f"{HEADER}main (float[1,3,5,5] x, float[4,3,3,3] w, float[6,1,3,3] g, float[25,7] m, "
        f"float[7] b, float[5,2] t) => (float[a,c,d,e] y) {{\n {body}\n}}\n"
    )
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    rng = np.random.default_rng(0)
    for value in list(model.graph.input)[1:]:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        array = rng.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        model.graph.input.remove(value)
    images = rng.standard_normal((1, 3, 5, 5)).astype(np.float32)
    with torch.no_grad():
        found = OnnxNetwork(model)(torch.from_numpy(images)).numpy()
    assert found == pytest.approx(reference(model, images), rel=1e-4, abs=1e-5)


def text_model(body: str, result: str = "float[1,4] y") -> onnx.ModelProto:
    return onnx.parser.parse_model(f"{HEADER}main (float[1,4] x) => ({result}) {{\n {body}\n}}\n")


def test_an_operator_that_is_not_known_is_refused() -> None:
    with pytest.raises(ZeroCostError, match=r"Operators must be among .* but got 'Erf'"):
        OnnxNetwork(text_model("y = Erf(x)"))


def test_weights_without_values_are_refused() -> None:
    space = get_space("nasbench201")
    model = space.to_onnx(space.sample(np.random.default_rng(0)))
    with pytest.raises(ZeroCostError, match="must have one input and one output"):
        OnnxNetwork(model)


def test_a_pass_that_linearises_lets_negatives_through() -> None:
    network = OnnxNetwork(text_model("y = Relu(x)"))
    x = torch.tensor([[1.0, -2.0, 0.0, 3.0]])
    assert network(x).tolist() == [[1.0, 0.0, 0.0, 3.0]]
    network.is_linear = True
    assert network(x).tolist() == x.tolist()


def test_signs_are_noted_for_each_image_even_one_by_one() -> None:
    x = torch.tensor([[1.0, -2.0, 0.0, 3.0], [-1.0, 5.0, 1.0, -1.0]])
    expected = [[True, False, False, True], [False, True, True, False]]
    shape = "s = Constant<value = int64[2] {1,4}>()\n "
    for body in ("y = Relu(x)", f"{shape}r = Relu(x)\n y = Reshape(r, s)"):
        network = OnnxNetwork(text_model(body))
        network.signs = []
        assert network(x).shape == (2, 4)
        assert [layer.tolist() for layer in network.signs] == [expected]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = MaxPool<kernel_shape=[2,2], auto_pad=\"SAME_UPPER\">(x)", "`auto_pad` must be NOTSET"),
        ("y = AveragePool<kernel_shape=[2,2], pads=[0,0,1,1]>(x)", "must count them"),
        ("p = Constant<value = int64[8] {0,0,1,1,0,0,1,1}>()\n y = Pad<mode=\"edge\">(x, p)", "Pad must"),
    ],
)  # fmt: skip
def test_what_torch_would_do_otherwise_is_refused(body: str, message: str) -> None:
    text = f"{HEADER}main (float[1,1,4,4] x) => (float[1,1,4,4] y) {{\n {body}\n}}\n"
    with pytest.raises(ZeroCostError, match=message):
        OnnxNetwork(onnx.parser.parse_model(text))(torch.zeros(1, 1, 4, 4))
