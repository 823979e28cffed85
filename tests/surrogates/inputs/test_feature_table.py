"""The table of features: which columns, what a text lacks, scaling, round trip."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from surrogates.errors import TextError
from surrogates.inputs.feature_table import UNSEEN, FeatureTable
from surrogates.inputs.graph_features import graph_features

TextOf = Callable[[int, int], str]


def test_columns_are_what_differs_and_a_few_always(text_of: TextOf) -> None:
    table = FeatureTable.fit([text_of(1, 3), text_of(2, 3)])
    assert {"count Conv 3x3", "params", "macs", "longest", UNSEEN} <= set(table.names)
    assert "count Add" not in table.names  # one in each text
    same = FeatureTable.fit([text_of(1, 3)] * 2)
    assert set(same.names) == {"params", "macs", "longest", UNSEEN}


def test_the_matrix_holds_the_features(text_of: TextOf) -> None:
    texts = [text_of(1, 3), text_of(3, 1)]
    table = FeatureTable.fit(texts)
    matrix = table.matrix(texts)
    for row, text in enumerate(texts):
        for column, name in enumerate(table.names):
            if name != UNSEEN and "|" not in name:
                assert matrix[row, column] == graph_features(text).get(name, 0.0)


def test_operations_of_unseen_kinds_are_counted(text_of: TextOf) -> None:
    table = FeatureTable.fit([text_of(1, 3), text_of(2, 3)])
    column = table.names.index(UNSEEN)
    assert table.matrix([text_of(3, 5), text_of(3, 3)])[:, column].tolist() == [3.0, 0.0]


def test_a_pair_with_an_absent_kind_is_the_other_kind_alone() -> None:
    header = '<ir_version: 8, opset_import: ["" : 17]>\n'

    def text(*kernels: int) -> str:
        weights = "".join(f", float[4,4,{k},{k}] w{n}" for n, k in enumerate(kernels))
        lines = "".join(
            f" v{n + 1} = Conv<pads=[{k // 2},{k // 2},{k // 2},{k // 2}]>(v{n}, w{n})\n"
            for n, k in enumerate(kernels)
        ).replace("v0", "x")
        last = f"v{len(kernels)}"
        return f"{header}main (float[1,4,8,8] x{weights}) => (float[1,4,8,8] {last}) {{\n{lines}}}"

    table = FeatureTable.fit([text(1, 3), text(1, 3, 3), text(3, 3, 3, 3)])
    column = table.names.index("longest Conv 1x1|Conv 3x3")
    assert table.matrix([text(1, 3), text(3, 3), text(1)])[:, column].tolist() == [2.0, 2.0, 1.0]


def two_ways(*, is_zero: bool) -> str:
    """A 3x3 and a 1x1 convolution beside one of 3x3; the first may read zeros."""
    zero = " z = Constant<value_float=0.0>()\n a = Mul(x, z)\n" if is_zero else " a = Relu(x)\n"
    return (
        '<ir_version: 8, opset_import: ["" : 17]>\n'
        "main (float[1,4,8,8] x, float[4,4,3,3] v, float[4,4,1,1] w) => (float[1,4,8,8] y) {\n"
        f"{zero} b = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(a, v)\n"
        " c = Conv<kernel_shape=[1,1]>(b, w)\n"
        " d = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(x, v)\n y = Add(c, d)\n}\n"
    )


def test_a_text_without_anything_dead_is_alive_as_it_stands() -> None:
    texts = [two_ways(is_zero=True), two_ways(is_zero=False)]
    table = FeatureTable.fit(texts)
    found = dict(zip(table.names, table.matrix(texts).T.tolist(), strict=True))
    assert found["live macs"] == [64 * 4 * 36, 64 * 4 * 76]
    assert found["live count Conv 1x1"] == [0.0, 1.0]
    assert found["live longest Conv 1x1|Conv 3x3"] == [1.0, 2.0]  # first: of the kind that lives
    assert "live params" not in found  # those of the whole


def test_scaled_training_rows_have_mean_0_and_deviation_1(small_texts: list[str]) -> None:
    table = FeatureTable.fit(small_texts)
    scaled = table.scaled(small_texts)
    assert scaled.mean(axis=0) == pytest.approx(np.zeros(len(table.names)), abs=1e-9)
    expected = np.array([0.0 if name == UNSEEN else 1.0 for name in table.names])
    assert scaled.std(axis=0) == pytest.approx(expected)


def test_the_state_gives_the_table_back(small_texts: list[str]) -> None:
    table = FeatureTable.fit(small_texts)
    assert FeatureTable.from_state(table.to_state()) == table
    with pytest.raises(ValueError, match="differ in number"):
        FeatureTable.from_state(table.to_state() | {"means": [0.0]})


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("names", 3),
        ("names", "longest a|b|c"),
        ("names", "a|b"),
        ("means", math.inf),
        ("means", math.nan),
        ("stds", 0.0),
        ("stds", -1.0),
        ("stds", math.inf),
    ],
)
def test_names_and_scales_of_a_state_are_checked(
    small_texts: list[str], part: str, value: object
) -> None:
    state = FeatureTable.fit(small_texts).to_state()
    with pytest.raises((TypeError, ValueError), match=r"column is named|scales must be finite"):
        FeatureTable.from_state(state | {part: [value, *state[part][1:]]})


def test_a_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(TextError, match="does not parse"):
        FeatureTable.fit(["?"])
