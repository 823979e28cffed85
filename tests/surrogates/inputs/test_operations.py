"""Single operations: kinds by attributes, mult-adds in closed form."""

import onnx.helper
import pytest

from surrogates.inputs.operations import is_working, kind_of, mult_adds, pair_name


def encoded(**attributes: object) -> tuple[bytes, ...]:
    return tuple(
        onnx.helper.make_attribute(name, value).SerializeToString()
        for name, value in attributes.items()
    )


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, "Conv 3x5"),
        ({"group": 1}, "Conv 3x5"),
        ({"group": 4}, "Conv 3x5 grouped"),
        ({"dilations": [2, 2]}, "Conv 3x5 dilated"),
        ({"dilations": [1, 1]}, "Conv 3x5"),
        ({"group": 4, "dilations": [2, 2]}, "Conv 3x5 grouped dilated"),
    ],
)
def test_kinds_of_convolution(attributes: dict[str, object], kind: str) -> None:
    assert kind_of("Conv", encoded(**attributes), ((1, 4, 8, 8), (4, 4, 3, 5))) == kind


def test_other_kinds() -> None:
    assert kind_of("Relu", (), ((1, 4),)) == "Relu"
    assert kind_of("MaxPool", encoded(kernel_shape=[2, 2]), ((1, 4, 8, 8),)) == "MaxPool 2x2"
    assert kind_of("Gemm", (), ((1, 4), (4, 10))) == "Gemm"


def test_weights_or_a_window_make_a_kind_working() -> None:
    assert is_working("Conv 3x3 grouped")
    assert is_working("MaxPool 2x2")
    assert not is_working("Relu")
    assert not is_working("GlobalAveragePool")


def test_a_pair_has_one_name() -> None:
    assert pair_name("b", "a") == pair_name("a", "b") == "a|b"


@pytest.mark.parametrize(
    ("operator", "result", "operands", "expected"),
    [
        ("Conv", (1, 6, 4, 4), ((1, 4, 8, 8), (6, 4, 3, 3), (6,)), 6 * 16 * 36),
        ("Conv", (1, 4, 4, 4), ((1, 4, 8, 8), (4, 1, 3, 3)), 4 * 16 * 9),
        ("ConvTranspose", (1, 6, 8, 8), ((1, 4, 4, 4), (4, 6, 2, 2)), 4 * 16 * 24),
        ("Gemm", (2, 10), ((2, 64), (10, 64), (10,)), 2 * 640),
        ("MatMul", (3, 2, 10), ((3, 2, 64), (64, 10)), 3 * 2 * 640),
        ("Relu", (1, 4), ((1, 4),), 0),
        ("Conv", (), ((), (6, 4, 3, 3)), 0),
        ("Gemm", (), ((), (10, 64)), 0),
    ],
)
def test_mult_adds_in_closed_form(
    operator: str,
    result: tuple[int, ...],
    operands: tuple[tuple[int, ...], ...],
    expected: int,
) -> None:
    assert mult_adds(operator, result, operands) == expected
