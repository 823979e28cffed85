"""What a box says."""

import numpy as np
import pytest

from nas_rlm.drawing.labels import Kind, constant_text, function_of, kind_of, label_of, shape_text
from search_spaces.graph import Attributes, Node, Reference, Tensor


@pytest.mark.parametrize(
    ("op", "attributes", "weight", "expected"),
    [
        ("Conv", (("kernel_shape", (3, 3)),), (16, 3, 3, 3), "Conv 3×3 → 16"),
        ("Conv", (("kernel_shape", (1, 7)), ("strides", (1, 2))), None, "Conv 1×7 /1×2"),
        (
            "Conv",
            (("dilations", (2, 2)), ("group", 8), ("kernel_shape", (5, 5)), ("strides", (2, 2))),
            (8, 1, 5, 5),
            "Conv 5×5 /2 dilation 2 depthwise → 8",
        ),
        ("Conv", (("group", 2), ("kernel_shape", (1, 1))), (8, 4, 1, 1), "Conv 1×1 2 groups → 8"),
        (
            "Conv",
            (("group", Reference("group", "int")), ("kernel_shape", Reference("k", "ints"))),
            None,
            "Conv k×k grouped",
        ),
        ("MaxPool", (("kernel_shape", (2, 2)), ("strides", (2, 2))), None, "max pool 2×2 /2"),
        ("Gemm", (("transB", 1),), (10, 64), "Gemm → 10"),
        ("Gemm", (), (64, 10), "Gemm → 10"),
        ("nas.f4", (("group", 3), ("kernel_shape", (5, 5)), ("strides", (1, 1))), None, "f4 5×5"),
        ("Relu", (), None, "Relu"),
    ],
)
def test_labels(
    op: str, attributes: Attributes, weight: tuple[int, ...] | None, expected: str
) -> None:
    node = Node(op, ("x", "w0"), ("y",), attributes)
    assert label_of(node, {} if weight is None else {"w0": weight}, {}) == expected


def test_constants_are_part_of_a_label() -> None:
    assert label_of(Node("Clip", ("x", "a", "b"), ("y",)), {}, {"a": "0", "b": "6"}) == "Clip 0 6"


def test_constant_values() -> None:
    def text(name: str, value: object) -> str:
        return constant_text(Node("Constant", (), ("c",), ((name, value),)))  # type: ignore[arg-type]

    assert text("value_float", 0.5) == "0.5"
    assert text("value", Tensor(1, (), np.float32(6).tobytes())) == "6"
    assert text("value", Tensor(7, (3,), np.array([1, -1, 0]).tobytes())) == "[1, -1, 0]"
    assert text("value", Tensor(7, (9,), np.arange(9).tobytes())) == "[0, 1, 2, 3, 4, 5, …]"
    assert text("value", Tensor(9, (), b"\x01")) == "constant"
    no_end = np.array([1, 2**63 - 1], dtype="<i8")
    assert text("value", Tensor(7, (2,), no_end.tobytes())) == "[1, end]"


def test_kinds_and_functions() -> None:
    call = Node("nas.f12", ("x",), ("y",))
    assert (function_of(call), kind_of(call)) == ("f12", Kind.CALL)
    conv = Node("Conv", ("x", "w0"), ("y",))
    assert (function_of(conv), kind_of(conv)) == ("", Kind.CONV)
    assert kind_of(Node("Elu", ("x",), ("y",))) is Kind.OTHER


def test_shapes_leave_out_the_batch() -> None:
    assert (shape_text((1, 16, 8, 4)), shape_text((1, 10)), shape_text((1,))) == (
        "16×8×4",
        "10",
        "1",
    )
