"""Graph features: by hand, against a second counter, and against brute force over all ways."""

from collections.abc import Callable

import numpy as np
import onnx.inliner
import onnx.printer
import pytest

from search_spaces import SPACES, get_space, to_text
from search_spaces.counts import count
from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.feature_table import FeatureTable
from surrogates.inputs.graph_features import graph_features
from surrogates.inputs.operations import pair_name

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
FUNCTION = '<domain: "nas", opset_import: ["" : 17]>\n'

FORK = f"""{HEADER}main (float[1,4,8,8] x, float[4,4,3,3] w0, float[6,4,1,1] w1) => (float[1,6,4,4] y) {{
 a = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(x, w0)
 b = Add(a, x)
 c = MaxPool<kernel_shape=[2,2], strides=[2,2]>(b)
 y = Conv<kernel_shape=[1,1]>(c, w1)
}}
"""


def test_a_fork_by_hand() -> None:
    found = graph_features(FORK)
    expected = {
        "count Conv 3x3": 1,
        "count Conv 1x1": 1,
        "count Add": 1,
        "count MaxPool 2x2": 1,
        "edges Input>Conv 3x3": 1,
        "edges Input>Add": 1,
        "edges Conv 3x3>Add": 1,
        "edges Add>MaxPool 2x2": 1,
        "params": 4 * 4 * 9 + 6 * 4,
        "macs": 64 * 4 * 36 + 16 * 6 * 4,
        "activations": 256 + 256 + 64 + 96,
        "level 0 Conv 3x3": 1,
        "level 1 Conv 1x1": 1,
        "level 1 MaxPool 2x2": 1,
        "macs Conv 1x1": 16 * 6 * 4,
        "level 1 macs": 16 * 6 * 4,
        "channels": 4 + 4 + 6,
        "most channels": 6,
        "most operands": 2,
        "most readers": 2,
        "input size": 8,
        "shortest": 3,
        "longest": 4,
        "shortest Conv 3x3": 0,
        "longest Conv 3x3": 1,
        "shortest Conv 1x1|Conv 3x3": 1,
        "longest Conv 1x1|Conv 3x3": 2,
        "entry Conv 3x3": 1,
        "entry Add": 1,
        "exit MaxPool 2x2": 1,
    }
    assert {name: found[name] for name in expected} == expected


ZEROS = f"""{HEADER}main (float[1,4,8,8] x, float[4,4,3,3] w0, float[4,4,1,1] w1) => (float[1,4,8,8] y) {{
 z = Constant<value_float=0.0>()
 a = Mul(x, z)
 b = Conv<kernel_shape=[1,1]>(a, w1)
 c = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(x, w0)
 y = Add(b, c)
}}
"""


def test_what_is_alive_is_counted_beside_the_whole() -> None:
    found = graph_features(ZEROS)
    expected = {
        "count Conv 1x1": 1,
        "macs": 64 * 4 * 36 + 64 * 4 * 4,
        "shortest": 2,
        "longest": 3,
        "live count Conv 3x3": 1,
        "live macs": 64 * 4 * 36,
        "live shortest": 1,
        "live longest": 1,
        "live longest Conv 3x3": 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert "live count Conv 1x1" not in found
    assert not [name for name in graph_features(FORK) if name.startswith("live ")]


CALLED = f"""{HEADER}main (float[1,4,8,8] x, float[4,4,3,3] w0, float[4,4,3,3] w1) => (float[1,4,8,8] y) {{
 a = nas.f(x, w0, x)
 y = nas.f(a, w1, x)
}}
{FUNCTION}f (p, w, q) => (r) {{
 s = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(p, w)
 r = Add(s, q)
}}
"""
INLINED = f"""{HEADER}main (float[1,4,8,8] x, float[4,4,3,3] w0, float[4,4,3,3] w1) => (float[1,4,8,8] y) {{
 s = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(x, w0)
 a = Add(s, x)
 t = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(a, w1)
 y = Add(t, x)
}}
"""


def without_ends(found: dict[str, float]) -> dict[str, float]:
    """Entries and exits are of functions, and readers are of one scope."""
    scoped = ("entry", "exit", "most readers")
    return {name: value for name, value in found.items() if value and not name.startswith(scoped)}


def test_a_call_counts_as_what_it_calls() -> None:
    found, flat = graph_features(CALLED), graph_features(INLINED)
    assert without_ends(dict(found)) == without_ends(dict(flat))
    assert (found["entry Conv 3x3"], found["entry Add"], found["exit Conv 3x3"]) == (2, 2, 2)
    assert (flat["entry Conv 3x3"], flat["entry Add"], flat["exit Conv 3x3"]) == (1, 2, 1)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_sizes_are_those_of_the_search_space(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(3)
    for _ in range(2):
        model = space.to_onnx(space.sample(rng))
        found, counts = graph_features(to_text(model)), count(model)
        assert found["params"] == counts.parameters
        assert found["macs"] == counts.mult_adds


@pytest.mark.parametrize("name", ["nasbench201", "nds_nasnet", "ofa_mbv3", "inception"])
def test_functions_change_nothing_in_a_real_network(name: str) -> None:
    space = get_space(name)
    model = space.to_onnx(space.sample(np.random.default_rng(5)))
    flat = onnx.inliner.inline_local_functions(model)
    found = without_ends(dict(graph_features(to_text(model))))
    assert found == pytest.approx(without_ends(dict(graph_features(onnx.printer.to_text(flat)))))


def random_graph(seed: int) -> tuple[str, list[tuple[str, list[int]]]]:
    """Nodes of three kinds with up to two operands each; node -1 is the input."""
    rng = np.random.default_rng(seed)
    lines, nodes = [], []
    for k in range(7):
        operands = sorted({int(rng.integers(-1, k)) for _ in range(2)} | {k - 1})[:3]
        names = ["x" if o < 0 else f"v{o}" for o in operands]
        if rng.random() < 0.5:
            size = int(rng.choice([1, 3]))
            pads = [size // 2] * 4
            lines.append(
                f" s{k} = Sum({', '.join(names)})\n v{k} = AveragePool"
                f"<kernel_shape=[{size},{size}], pads={pads}>(s{k})"
            )
            nodes.append((f"AveragePool {size}x{size}", operands))
        else:
            lines.append(f" v{k} = Sum({', '.join(names)})")
            nodes.append(("Sum", operands))
    body = "\n".join(lines)
    text = f"{HEADER}main (float[1,2,8,8] x) => (float[1,2,8,8] v6) {{\n{body}\n}}\n"
    return text, nodes


def every_way(nodes: list[tuple[str, list[int]]], end: int) -> list[list[str]]:
    if end < 0:
        return [[]]
    kind, operands = nodes[end]
    steps = ["Sum"] if kind == "Sum" else ["Sum", kind]
    return [way + steps for operand in operands for way in every_way(nodes, operand)]


@pytest.mark.parametrize("seed", range(6))
def test_ways_equal_brute_force(seed: int) -> None:
    text, nodes = random_graph(seed)
    found, ways = graph_features(text), every_way(nodes, 6)
    assert (found["shortest"], found["longest"]) == (min(map(len, ways)), max(map(len, ways)))
    kinds = sorted({kind for kind, _ in nodes} | {"Sum"})
    for kind in kinds:
        steps = [way.count(kind) for way in ways]
        assert (found[f"shortest {kind}"], found[f"longest {kind}"]) == (min(steps), max(steps))
    pools = [kind for kind in kinds if kind != "Sum"]
    if len(pools) == 2:
        steps = [way.count(pools[0]) + way.count(pools[1]) for way in ways]
        name = pair_name(*pools)
        assert (found[f"shortest {name}"], found[f"longest {name}"]) == (min(steps), max(steps))


def test_attributes_of_a_call_reach_the_body() -> None:
    text = (
        f"{HEADER}main (float[1,4,8,8] x, float[4,1,3,3] w) => (float[1,4,8,8] y) "
        "{\n y = nas.f<g=4>(x, w)\n}\n"
        f"{FUNCTION}f <g>(p, w) => (r) {{\n r = Conv<group: int = @g, pads=[1,1,1,1]>(p, w)\n}}\n"
    )
    found = graph_features(text)
    assert found["count Conv 3x3 grouped"] == 1
    assert found["macs"] == 64 * 4 * 9


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = Relu(z)", "Every operand must be defined before it is used, but Relu reads 'z'"),
        ("z = Relu(x)", "Every result must be defined, but 'y' is not"),
        ("y = nas.f(x)", r"must not call themselves, but nas\.f does"),
    ],
)
def test_a_graph_that_does_not_hold_together_is_refused(body: str, message: str) -> None:
    text = (
        f"{HEADER}main (float[1,4] x) => (float[1,4] y) {{\n {body}\n}}\n"
        f"{FUNCTION}f (p) => (r) {{\n r = nas.f(p)\n}}\n"
    )
    with pytest.raises(TextError, match=message):
        graph_features(text)


def test_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(TextError, match="does not parse"):
        graph_features("?")


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(TextError, match="must have an input or a node"):
        graph_features(f"{HEADER}main () => () {{\n}}\n")


def test_a_text_is_walked_once(text_of: Callable[[int, int], str]) -> None:
    assert graph_features(text_of(2, 3)) is graph_features(text_of(2, 3))


def test_a_call_that_names_more_results_than_there_are_is_refused() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
        "main (float[1,4,8,8] x) => (float[1,4,8,8] z) {\n y, z = nas.f(x)\n}\n"
        '<domain: "nas", opset_import: ["" : 17]>\nf (x) => (y) {\n y = Relu(x)\n}\n'
    )
    with pytest.raises(TextError, match="at most the 1 results of its function, but a call of f"):
        graph_features(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "main (float[4000000000000000000,4,4000000000000000,400000000000000] x)"
            " => (float y) { y = Relu(x) }",
            "activations",
        ),
        (
            "main (float[1,4] x, float[" + ",".join(["4000000000000000000"] * 20) + "] w)"
            " => (float y) { y = Relu(x) }",
            "params",
        ),
        (
            "main (float[4000000000,4000000000] x, float[4000000000,4000000000] w)"
            " => (float y) { y = MatMul(x, w) }",
            None,
        ),
        (
            "main (float[4000000000000,4000000000] x, float[4000000000,4000000000000] w)"
            " => (float y) { y = MatMul(x, w) }",
            "macs",
        ),
    ],
)
def test_totals_are_refused_where_they_would_overflow(text: str, name: str | None) -> None:
    if name is None:
        assert np.isfinite(FeatureTable.fit([FORK]).scaled([HEADER + text])).all()
        return
    with pytest.raises(TextError, match=f"must be at most 1e\\+30, but '{name}' is more"):
        graph_features(HEADER + text)


def test_a_negative_size_counts_as_unknown() -> None:
    unknown, negative = FORK.replace("float[1,", "float[N,"), FORK.replace("float[1,", "float[-1,")
    assert graph_features(negative) == graph_features(unknown)


def test_a_function_with_very_many_operands_and_statements_is_refused() -> None:
    formals = ", ".join(f"a{k}" for k in range(600))
    body = "\n".join(f"v{k + 1} = Relu(v{k})" for k in range(600))
    text = (
        f"{HEADER}main (float[1,4] x) => (float[1,4] y) {{ y = nas.f({', '.join(['x'] * 600)}) }}\n"
        f"{FUNCTION}f ({formals}) => (v600) {{ v0 = Sum({formals})\n{body} }}\n"
    )
    with pytest.raises(TextTooLongError, match="at most 65536 ways"):
        graph_features(text)


def test_a_text_without_weights_has_no_mult_adds() -> None:
    found = graph_features(f"{HEADER}main (float[1,8] x) => (float[1,8] y) {{ y = Relu(x) }}\n")
    assert (found["macs"], found["params"]) == (0.0, 0.0)
