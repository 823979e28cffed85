"""Refusals that only a hand-made protobuf can provoke; those of files are in test_onnx_file."""

from collections.abc import Callable

import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper

from search_spaces import UnsupportedModelError, count, to_text
from search_spaces.model_checks import check_structure

TEXT = """<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>
g (float[1,4] x, float[4] w) => (float[1,4] y) { y = nas.f(x, w) }
<domain: "nas", opset_import: ["" : 17]>
f (x, w) => (y) { y = Add(x, w) }"""


def model() -> onnx.ModelProto:
    return onnx.parser.parse_model(TEXT)


def without_opset(m: onnx.ModelProto) -> None:
    del m.opset_import[0]


def future_opset(m: onnx.ModelProto) -> None:
    m.opset_import[0].version = 999


def same_function_twice(m: onnx.ModelProto) -> None:
    m.functions.append(m.functions[0])


def too_many_operands(m: onnx.ModelProto) -> None:
    m.graph.node[0].input.append("x")


def sparse_weight(m: onnx.ModelProto) -> None:
    m.graph.sparse_initializer.add()


def words_as_weight(m: onnx.ModelProto) -> None:
    m.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"a"]))


def external_constant(m: onnx.ModelProto) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    m.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def sequence_input(m: onnx.ModelProto) -> None:
    m.graph.input.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [1]))


def sparse_constant(m: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    m.graph.node.append(node)


CASES: dict[Callable[[onnx.ModelProto], None], str] = {
    without_opset: "default operator set",
    future_opset: "version in 1",
    same_function_twice: "different names",
    too_many_operands: "at most 2 inputs and 1 outputs, but has 3 and 1",
    sparse_weight: "must be dense",
    words_as_weight: "must hold numbers",
    external_constant: "external data",
    sequence_input: "must be a tensor",
    sparse_constant: "numbers, strings or tensors",
}


@pytest.mark.parametrize("spoil", CASES, ids=lambda spoil: spoil.__name__)
def test_spoilt_models_are_refused(spoil: Callable[[onnx.ModelProto], None]) -> None:
    spoilt = model()
    spoil(spoilt)
    with pytest.raises(UnsupportedModelError, match=CASES[spoil]):
        to_text(spoilt)


def test_the_model_itself_passes() -> None:
    assert check_structure(model()) == 17
    assert "Add (w0, x)" in to_text(model())


def test_trailing_operands_of_a_call_may_be_missing() -> None:
    text = TEXT.replace("nas.f(x, w)", "nas.f(x)").replace("Add(x, w)", "Clip(x, w)")
    canonical = to_text(onnx.parser.parse_model(text))
    assert 'nas.f0 (x, "")' in canonical
    assert to_text(onnx.parser.parse_model(canonical)) == canonical
    assert count(onnx.parser.parse_model(text)).per_op[0].output_shape == (1, 4)
