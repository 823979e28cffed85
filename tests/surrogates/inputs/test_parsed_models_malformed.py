"""Texts of one line that are wrong: each is read with what is unknown left out, or refused."""

import math
from collections.abc import Callable

import pytest

from surrogates.errors import TextError
from surrogates.inputs.graph_features import graph_features
from surrogates.inputs.statements import read_statements

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
FUNCTION = '<domain: "nas", opset_import: ["" : 17]>\n'
READERS = pytest.mark.parametrize("read", [read_statements, graph_features])

Reader = Callable[[str], object]


def main(body: str, *others: str, image: str = "1,4,8,8") -> str:
    inputs = ", ".join([f"float[{image}] x", *others])
    return f"{HEADER}main ({inputs}) => (float[1,4,8,8] y) {{\n {body}\n}}\n"


WEIGHT = "float[4,4,3,3] w"
BOUND = (
    FUNCTION + "f <k> (x) => (y) { c = Constant<value_ints: ints = @k>()\n y = Reshape(x, c) }\n"
)


@READERS
@pytest.mark.parametrize(
    "text",
    [
        main("y = Conv<strides=[0,1]>(x, w)", WEIGHT),
        main("y = Conv<strides=[-1,1]>(x, w)", WEIGHT),
        main("y = Conv<strides=[2]>(x, w)", WEIGHT),
        main("y = Conv<pads=[1]>(x, w)", WEIGHT),
        main("y = Conv<dilations=[0]>(x, w)", WEIGHT),
        main("y = Conv<kernel_shape=[3]>(x, w)", WEIGHT),
        main("y = MaxPool<kernel_shape=[3]>(x)"),
        main('y = MaxPool<kernel_shape=[3,3], strides=[0,0], auto_pad="SAME_UPPER">(x)'),
        main("y = MaxPool<kernel_shape=[9,9]>(x)"),
        main("a = MaxPool<kernel_shape=[99,99]>(x)\n y = Conv(a, w)", WEIGHT),
        main("y = Concat<axis=4>(x, x)"),
        main("y = Concat<axis=-5>(x, x)"),
        main("y = Concat<axis=3>(x, w)", "float[4] w"),
        main("y = Flatten<axis=9>(x)"),
        main("y = Relu(x)", image="-1,4,8,8"),
        main("a = Flatten<axis=0>(x)\n y = MatMul(a, w)", "float[-3,-2] w", image="-1,4,-8,8"),
        main("= Constant<value_ints=[1,2]>()\n y = Relu(x)"),
        main('c = Constant<value_ints="two">()\n y = Reshape(x, c)'),
        main("c = Constant<value_int=1e30>()\n y = Add(x, c)"),
        main("c = Constant<value_floats=3>()\n y = Add(x, c)"),
        main("y = nas.f(x)") + BOUND,
        main("y = nas.f<k=[1,4,64]>(x)") + BOUND,
        main("y = Relu(x)\n = nas.f<k=[1,4,64]>(x)") + BOUND,
    ],
)
def test_what_does_not_fit_is_unknown(read: Reader, text: str) -> None:
    read(text)
    assert all(0 <= value < math.inf for value in graph_features(text).values())


@READERS
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (main("y = Relu<a=99999999999999999999>(x)"), "a whole number does not fit 64 bits"),
        (main("y = Relu<a=1e999999>(x)"), "Failed to parse float from string: 1e999999"),
        (main("y = Relu(x)", image="99999999999999999999"), "does not fit 64 bits"),
        (
            main("c = Constant<value = float[3] {1}>()\n y = Mul(x, c)"),
            "A tensor must hold as many values as its shape",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(read: Reader, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)
