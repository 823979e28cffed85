"""Shapes that ONNX is asked for: constants as values, unknown operands, broken nodes."""

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from surrogates.inputs.inferred_shapes import (
    MAX_CONSTANT_VALUES,
    constant_value,
    inferred_shapes,
    small_tensor,
)


def whole(*values: int) -> bytes:
    encoded = small_tensor(onnx.numpy_helper.from_array(np.array(values, np.int64), "name"))
    assert encoded is not None
    return encoded


def attribute(name: str, value: object) -> bytes:
    return onnx.helper.make_attribute(name, value).SerializeToString()


def test_reshape_slice_and_pad_follow_their_constants() -> None:
    shape = (1, 8, 6, 6)
    assert inferred_shapes("Reshape", (), (shape, whole(2, -1, 6, 6)), 1, 17) == ((2, 4, 6, 6),)
    sliced = (shape, whole(2), whole(7), whole(1))
    assert inferred_shapes("Slice", (), sliced, 1, 17) == ((1, 5, 6, 6),)
    padded = (shape, whole(0, 0, 1, 1, 0, 0, 0, 0))
    assert inferred_shapes("Pad", (), padded, 1, 17) == ((1, 8, 7, 7),)


def test_every_result_has_its_shape() -> None:
    found = inferred_shapes("Split", (attribute("axis", 1),), ((1, 8, 6, 6),), 2, 17)
    assert found == ((1, 4, 6, 6), (1, 4, 6, 6))


def test_a_missing_operand_is_passed_over() -> None:
    shapes = ((1, 3, 4, 4), None, whole(), None)
    assert inferred_shapes("Relu", (), shapes[:1], 1, 17) == ((1, 3, 4, 4),)
    found = inferred_shapes("Clip", (), ((1, 3, 4, 4), None), 1, 17)
    assert found == ((1, 3, 4, 4),)


def test_what_onnx_does_not_know_is_unknown() -> None:
    assert inferred_shapes("Reshape", (), ((), whole(2, -1)), 1, 17) == ((),)
    assert inferred_shapes("NoSuchOperator", (), ((1, 3),), 2, 17) == ((), ())
    broken = ((1, 3, 4, 4), (5, 7, 1, 1))
    assert inferred_shapes("MatMul", (), broken, 1, 17) == ((),)


def test_only_small_constants_are_values() -> None:
    short = onnx.numpy_helper.from_array(np.zeros(MAX_CONSTANT_VALUES), "short")
    long = onnx.numpy_helper.from_array(np.zeros(MAX_CONSTANT_VALUES + 1), "long")
    assert small_tensor(short) is not None
    assert small_tensor(long) is None
    assert constant_value((attribute("value", long),)) is None
    assert constant_value((attribute("value_floats", [0.0] * (MAX_CONSTANT_VALUES + 1)),)) is None
    assert constant_value((attribute("value_string", "3"),)) is None
    assert constant_value((attribute("value", short),)) == small_tensor(short)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("value_float", 0.5, np.float32(0.5)),
        ("value_floats", [1.0, 2.0], np.array([1, 2], np.float32)),
        ("value_int", 3, np.int64(3)),
        ("value_ints", [4, 5], np.array([4, 5])),
    ],
)
def test_plain_numbers_are_values_too(
    name: str, value: object, expected: np.typing.NDArray[np.generic]
) -> None:
    encoded = constant_value((attribute(name, value),))
    assert encoded == small_tensor(onnx.numpy_helper.from_array(np.asarray(expected)))
