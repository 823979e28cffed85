"""Result shapes against those that ONNX itself infers."""

import onnx
import pytest
from onnx import TensorProto, helper

from surrogates.inputs.shapes import result_shape

CASES = [
    ("Conv", {"pads": [1, 1, 1, 1], "strides": [2, 2]}, [(1, 3, 9, 8), (6, 3, 3, 3)]),
    ("Conv", {"dilations": [2, 3], "group": 3}, [(2, 3, 11, 12), (6, 1, 3, 3)]),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, [(1, 3, 9, 8), (6, 3, 3, 3)]),
    ("Conv", {"auto_pad": "SAME_LOWER"}, [(1, 3, 9, 8), (6, 3, 5, 5)]),
    ("Conv", {}, [(1, 3, 9), (6, 3, 4)]),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, [(1, 4, 9, 7)]),
    ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, [(1, 4, 9, 7)]),
    (
        "AveragePool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        [(1, 4, 8, 7)],
    ),
    (
        "MaxPool",
        {"kernel_shape": [1, 1], "strides": [3, 3], "pads": [0, 0, 0, 0], "ceil_mode": 1},
        [(1, 4, 5, 6)],
    ),
    ("GlobalAveragePool", {}, [(2, 4, 9, 7)]),
    ("Flatten", {}, [(2, 4, 9, 7)]),
    ("Flatten", {"axis": 0}, [(2, 4, 9, 7)]),
    ("Flatten", {"axis": -1}, [(2, 4, 9, 7)]),
    ("Gemm", {"transB": 1}, [(2, 5), (7, 5), (7,)]),
    ("Gemm", {"transA": 1}, [(5, 2), (5, 7)]),
    ("MatMul", {}, [(2, 3, 5), (5, 7)]),
    ("MatMul", {}, [(3, 5), (5, 7)]),
    ("Concat", {"axis": 1}, [(1, 2, 4, 4), (1, 3, 4, 4), (1, 5, 4, 4)]),
    ("Concat", {"axis": -1}, [(1, 2), (1, 3)]),
    ("Relu", {}, [(1, 2, 3)]),
    ("HardSwish", {}, [(1, 2, 3)]),
    ("Softmax", {}, [(1, 2, 3)]),
    ("Add", {}, [(1, 2, 4, 4), (2, 1, 1)]),
    ("Mul", {}, [(1, 2, 4, 4), (1,)]),
    ("Sum", {}, [(1, 2, 4), (1, 2, 4), (4,)]),
]


def inferred_shape(
    operator: str, attributes: dict[str, object], operands: list[tuple[int, ...]]
) -> tuple[int, ...]:
    """Ask ONNX."""
    names = [f"i{k}" for k in range(len(operands))]
    node = helper.make_node(operator, names, ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, operands, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, [output]),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0]
    return tuple(dim.dim_value for dim in inferred.type.tensor_type.shape.dim)


@pytest.mark.parametrize(("operator", "attributes", "operands"), CASES)
def test_shape_is_the_one_that_onnx_infers(
    operator: str, attributes: dict[str, object], operands: list[tuple[int, ...]]
) -> None:
    expected = inferred_shape(operator, attributes, operands)
    assert expected
    assert result_shape(operator, attributes, operands) == expected


@pytest.mark.parametrize(
    ("operator", "operands"),
    [
        ("Relu", [()]),
        ("Add", [(1, 2), ()]),
        ("Add", [(1, 2), (1, 3)]),
        ("NonMaxSuppression", [(1, 2, 3)]),
        ("MaxPool", [(1, 2, 4, 4)]),
        ("Conv", [(1, 2, 4, 4)]),
        ("Gemm", [(1, 2)]),
        ("MatMul", [(2,), (2,)]),
        ("Concat", [(1, 2), ()]),
        ("Relu", []),
    ],
)
def test_what_no_rule_covers_is_unknown(operator: str, operands: list[tuple[int, ...]]) -> None:
    assert result_shape(operator, {}, operands) == ()
