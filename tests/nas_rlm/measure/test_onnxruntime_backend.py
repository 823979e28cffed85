"""onnxruntime: fixed options and inputs, and one sentence for every model it cannot run."""

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime
import pytest

from nas_rlm.errors import MeasurementError
from nas_rlm.measure import onnxruntime_backend
from nas_rlm.measure.onnxruntime_backend import OnnxruntimeModel, random_inputs, session_options


def make_model(
    *nodes: onnx.NodeProto,
    shape: list[int | str | None] | None = None,
    elem_type: int = onnx.TensorProto.FLOAT,
    weights: dict[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    initializers = [
        onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()
    ]
    graph = onnx.helper.make_graph(
        list(nodes) or [onnx.helper.make_node("Relu", ["x"], ["y"])],
        "main",
        [onnx.helper.make_tensor_value_info("x", elem_type, [1, 4] if shape is None else shape)],
        [onnx.helper.make_tensor_value_info("y", elem_type, None)],
        initializer=initializers,
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )


def test_a_forward_pass_is_that_of_numpy() -> None:
    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    model = make_model(onnx.helper.make_node("MatMul", ["x", "w"], ["y"]), weights={"w": weight})
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    outputs = OnnxruntimeModel(model, rng=rng).run()
    np.testing.assert_allclose(
        outputs[0], same.standard_normal((1, 4), dtype=np.float32) @ weight, rtol=1e-5
    )


def test_inputs_repeat_with_the_seed_and_weights_are_none_of_them() -> None:
    model = make_model(weights={"w": np.zeros(1, np.float32)})
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [1]))
    first, second, other = (random_inputs(model, np.random.default_rng(s)) for s in (0, 0, 1))
    assert set(first) == {"x"}
    np.testing.assert_array_equal(first["x"], second["x"])
    assert not np.array_equal(first["x"], other["x"])


@pytest.mark.parametrize(
    ("elem_type", "kind"),
    [(onnx.TensorProto.INT64, np.int64), (onnx.TensorProto.FLOAT16, np.float16)],
)
def test_inputs_have_the_type_of_the_model(elem_type: int, kind: type) -> None:
    assert (
        random_inputs(make_model(elem_type=elem_type), np.random.default_rng(0))["x"].dtype == kind
    )


def test_the_options_are_fixed() -> None:
    options = session_options(3)
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


def test_the_arithmetic_of_the_process_is_left_alone() -> None:
    """A session that flushes denormal numbers would change what is trained after measuring."""
    OnnxruntimeModel(make_model(), rng=np.random.default_rng(0)).run()
    tiny = np.full(64, np.finfo(np.float32).tiny)
    assert (tiny / np.float32(2) > 0).all()


@pytest.mark.parametrize("shape", [["batch", 4], [None, 4], [0, 4], [-1, 4]])
def test_an_open_shape_is_refused(shape: list[int | str | None]) -> None:
    with pytest.raises(MeasurementError, match="Input 'x' must have a fixed shape"):
        OnnxruntimeModel(make_model(shape=shape), rng=np.random.default_rng(0))


def test_an_input_without_a_shape_is_refused() -> None:
    model = make_model()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(MeasurementError, match="must have a fixed shape"):
        OnnxruntimeModel(model, rng=np.random.default_rng(0))


def test_text_as_input_is_refused() -> None:
    model = make_model(elem_type=onnx.TensorProto.STRING)
    with pytest.raises(MeasurementError, match="must be a tensor of numbers"):
        OnnxruntimeModel(model, rng=np.random.default_rng(0))


def test_a_huge_input_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_backend, "MAX_INPUT_ELEMENTS", 10)
    with pytest.raises(MeasurementError, match=r"has shape \[11\]; at most 10 numbers"):
        random_inputs(make_model(shape=[11]), np.random.default_rng(0))
    with pytest.raises(MeasurementError, match="at most 10 numbers"):
        random_inputs(make_model(shape=[2**40, 2**40]), np.random.default_rng(0))


def test_an_unknown_operator_is_one_sentence() -> None:
    model = make_model(onnx.helper.make_node("Frobnicate", ["x"], ["y"]))
    with pytest.raises(MeasurementError, match=r"cannot load the model: .*Frobnicate") as caught:
        OnnxruntimeModel(model, rng=np.random.default_rng(0))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_cycle_is_one_sentence() -> None:
    model = make_model(
        onnx.helper.make_node("Add", ["x", "b"], ["a"]),
        onnx.helper.make_node("Add", ["x", "a"], ["b"]),
        onnx.helper.make_node("Relu", ["b"], ["y"]),
    )
    with pytest.raises(MeasurementError, match="cannot load the model"):
        OnnxruntimeModel(model, rng=np.random.default_rng(0))


def test_a_pass_that_fails_is_one_sentence() -> None:
    indices = np.array([[99]], dtype=np.int64)
    model = make_model(
        onnx.helper.make_node("GatherElements", ["x", "i"], ["y"]), weights={"i": indices}
    )
    loaded = OnnxruntimeModel(model, rng=np.random.default_rng(0))
    with pytest.raises(MeasurementError, match="cannot run the model: ") as caught:
        loaded.run()
    assert "\n" not in str(caught.value)
