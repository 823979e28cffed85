"""Functions with attributes: one body for calls with different groups, kernels and strides."""

from itertools import permutations

import numpy as np
import onnx
import onnx.checker
import onnx.printer
import onnxruntime
import pytest

from search_spaces import (
    UnsupportedModelError,
    canonicalize,
    count,
    from_text,
    materialize,
    to_text,
)
from search_spaces.graph import Graph, Reference
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.onnx_text import graph_to_text

PLAIN = """<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>
main (float[1,4,8,8] x, float[4,1,3,3] w, float[4,2,5,5] u) => (float[1,4,4,4] z) {
   t = nas.block <p: int = 4, q: ints = [1, 1], r: ints = [1, 1, 1, 1]> (x, w)
   z = nas.block <p: int = 2, q: ints = [2, 2], r: ints = [2, 2, 2, 2]> (t, u)
}
<domain: "nas", opset_import: ["" : 17]>
block <p, q, r>(a, b) => (d) {
   c = Relu (a)
   d = Conv <group: int = @p, strides: ints = @q, pads: ints = @r> (c, b)
}
"""


def renamed(names: tuple[str, str, str]) -> str:
    """Give the attributes of the function other names."""
    p, q, r = names
    return f"""<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>
    main (float[1,4,8,8] x, float[4,1,3,3] w, float[4,2,5,5] u) => (float[1,4,4,4] z) {{
       t = nas.block <{p}: int = 4, {q}: ints = [1, 1], {r}: ints = [1, 1, 1, 1]> (x, w)
       z = nas.block <{p}: int = 2, {q}: ints = [2, 2], {r}: ints = [2, 2, 2, 2]> (t, u)
    }}
    <domain: "nas", opset_import: ["" : 17]>
    block <{r}, {p}, {q}>(a, b) => (d) {{
       c = Relu (a)
       d = Conv <group: int = @{p}, strides: ints = @{q}, pads: ints = @{r}> (c, b)
    }}
    """


def depthwise(body: Body, x: Value) -> Value:
    weight = body.weight(x.channels, 1, 3, 3)
    return body.node(
        "Conv", [x, weight], x.shape, group=Reference("group", "int"), pads=(1, 1, 1, 1)
    )


def two_widths() -> Graph:
    builder = GraphBuilder((1, 3, 8, 8))
    value = builder.conv(builder.x, 8)
    value = builder.call(depthwise, value, attributes={"group": 8})
    value = builder.conv(value, 16)
    value = builder.call(depthwise, value, attributes={"group": 16})
    return builder.build(value)


def test_blocks_with_different_groups_share_a_function() -> None:
    text = graph_to_text(two_widths())
    model = from_text(text)
    onnx.checker.check_model(model, full_check=True)
    assert onnx.printer.to_text(model) == text
    assert len(model.functions) == 1
    assert "group: int = @group" in text
    assert to_text(model) == text


def test_counts_resolve_the_attributes_of_each_call() -> None:
    rows = [row for row in count(from_text(graph_to_text(two_widths()))).per_op if row.function]
    assert [row.mult_adds for row in rows] == [8 * 64 * 9, 16 * 64 * 9]


@pytest.mark.parametrize("names", list(permutations(("group", "strides", "zz"))))
def test_names_of_attributes_leave_no_trace(names: tuple[str, str, str]) -> None:
    text = to_text(from_text(renamed(names)))
    assert text == to_text(from_text(PLAIN))
    assert "<group,pads,strides>" in text
    assert to_text(from_text(text)) == text


def test_two_attributes_that_set_the_same_are_numbered() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>
    main (float[1,4,8,8] x, float[4,1,3,3] w, float[4,1,3,3] u) => (float[1,4,2,2] z) {
       z = nas.f <b: int = 4, a: ints = [2, 2], c: ints = [1, 1]> (x, w, u)
    }
    <domain: "nas", opset_import: ["" : 17]>
    f <b, a, c>(x, w, u) => (z) {
       t = Conv <group: int = @b, strides: ints = @a> (x, w)
       z = Conv <group: int = @b, strides: ints = @c> (t, u)
    }
    """
    canonical = to_text(from_text(text))
    assert "<group,strides,strides1>" in canonical
    assert "strides: ints = [2, 2], strides1: ints = [1, 1]" in canonical
    assert to_text(from_text(canonical)) == canonical


def test_canonical_form_computes_the_same_and_inlining_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 8, 8)).astype(np.float32)
    model = from_text(PLAIN)
    for name, shape in (("w", (4, 1, 3, 3)), ("u", (4, 2, 5, 5))):
        values = rng.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    results = [
        onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"x": x})[0]
        for m in (model, canonicalize(model), materialize(model, 0, inline=True))
    ]
    assert results[0].std() > 0
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-5, atol=1e-6)


def test_a_default_stands_for_what_a_call_leaves_out() -> None:
    model = from_text(PLAIN.replace("<p, q, r>", "<p, r, q: ints = [1, 1]>"))
    without = from_text(PLAIN.replace("<p, q, r>", "<p, r, q: ints = [1, 1]>"))
    del without.graph.node[0].attribute[1]
    assert to_text(without) == to_text(model) == to_text(from_text(PLAIN))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("group: int = @p", "group: int = @s", "References must name an attribute"),
        ("q: ints = [1, 1], ", "", "lacks 'q'"),
        ("q: ints = [1, 1], ", "q: ints = [1, 1], s: int = 1, ", "unknown 's'"),
        ("q: ints = [1, 1]", "q: int = 1", "must be of type ints"),
        ("t = nas.block <p: int = 4", "t = nas.block <p: int = @p", "must stand in a function"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        to_text(from_text(PLAIN.replace(old, new)))
