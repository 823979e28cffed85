"""The contract of ONNX text: one network, one text, whatever the order and the names were."""

import time
from collections.abc import Callable

import numpy as np
import onnx
import onnx.checker
import onnx.printer
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import canonicalize, from_text, materialize, to_text
from search_spaces.canonical import canonicalize_graph
from search_spaces.graph import Function, Graph, Node
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.graph_printer import print_graph
from search_spaces.onnx_bridge import to_model

OPS = ("conv1", "conv3", "relu", "pool", "identity", "sigmoid", "add", "concat_conv")


def random_cell(body: Body, x: Value, plan: tuple[tuple[str, int, int], ...]) -> Value:
    """Write a random cell; (operation, first operand, second operand) for each statement."""
    values = [x]
    for op, i, j in plan:
        a, b = values[i % len(values)], values[j % len(values)]
        if op == "conv1":
            value = body.conv(a, x.channels, 1)
        elif op == "conv3":
            value = body.conv(a, x.channels, 3, bias=j % 2 == 0)
        elif op == "relu":
            value = body.relu(a)
        elif op == "pool":
            value = body.avg_pool(a, 3)
        elif op == "identity":
            value = body.node("Identity", [a], a.shape)
        elif op == "sigmoid":
            value = body.sigmoid(a)
        elif op == "add":
            value = body.add(a, b)
        else:
            value = body.conv(body.concat(a, b), x.channels, 1)
        values.append(value)
    return values[-1]


plans = st.lists(
    st.tuples(st.sampled_from(OPS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9
).map(tuple)


def random_graph(plan: tuple[tuple[str, int, int], ...]) -> Graph:
    builder = GraphBuilder((1, 4, 6, 6))
    value = builder.call(random_cell, builder.x, plan=plan)
    value = random_cell(builder, value, plan)
    return builder.build(builder.call(random_cell, value, plan=plan))


def shuffled_body(body: Function, rng: np.random.Generator, *, rename_inputs: bool) -> Function:
    """Rename every value, shuffle statements (topologically) and commutative operands."""
    waiting = list(body.nodes)
    done = {*body.inputs, ""}
    nodes = []
    while waiting:
        ready = [node for node in waiting if done.issuperset(node.inputs)]
        node = ready[int(rng.integers(len(ready)))]
        waiting.remove(node)
        done.update(node.outputs)
        inputs = node.inputs
        if node.op in {"Add", "Sum"}:
            inputs = tuple(str(name) for name in rng.permutation(np.array(inputs)))
        nodes.append(node._replace(inputs=inputs))
    names = sorted({name for node in nodes for name in node.outputs} - {""})
    if rename_inputs:
        names += [name for name in body.inputs if name != "x"]
    new = {name: f"n{k}" for name, k in zip(names, rng.permutation(len(names)), strict=True)}
    get = new.get
    return Function(
        tuple(get(n, n) for n in body.inputs),
        tuple(get(n, n) for n in body.outputs),
        tuple(
            Node(
                n.op,
                tuple(get(i, i) for i in n.inputs),
                tuple(get(o, o) for o in n.outputs),
                n.attributes,
            )
            for n in nodes
        ),
    )


def shuffled(graph: Graph, rng: np.random.Generator) -> Graph:
    body = Function(
        tuple(name for name, _ in graph.inputs),
        tuple(name for name, _ in graph.outputs),
        graph.nodes,
    )
    main = shuffled_body(body, rng, rename_inputs=True)
    kinds = [kind for _, kind in graph.inputs]
    inputs = list(zip(main.inputs, kinds, strict=True))
    order = [0, *(1 + rng.permutation(len(inputs) - 1))]
    return Graph(
        inputs=tuple(inputs[i] for i in order),
        outputs=tuple(zip(main.outputs, [kind for _, kind in graph.outputs], strict=True)),
        nodes=main.nodes,
        functions={
            name: shuffled_body(function, rng, rename_inputs=True)
            for name, function in graph.functions.items()
        },
    )


@settings(max_examples=60, deadline=None)
@given(plans, st.integers(0, 2**32 - 1))
def test_isomorphic_graphs_have_equal_text(
    plan: tuple[tuple[str, int, int], ...], seed: int
) -> None:
    graph = random_graph(plan)
    other = shuffled(graph, np.random.default_rng(seed))
    assert print_graph(canonicalize_graph(other)) == print_graph(canonicalize_graph(graph))


@settings(max_examples=60, deadline=None)
@given(plans)
def test_text_is_a_fixpoint_of_parsing_and_canonicalisation(
    plan: tuple[tuple[str, int, int], ...],
) -> None:
    text = print_graph(canonicalize_graph(random_graph(plan)))
    model = from_text(text)
    onnx.checker.check_model(model, full_check=True)
    assert onnx.printer.to_text(model) == text
    assert onnx.printer.to_text(canonicalize(model)) == text
    assert to_text(model) == text


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    result: np.ndarray = session.run(None, {"x": x})[0]
    return result


@settings(max_examples=25, deadline=None)
@given(plans)
def test_canonical_form_computes_the_same(plan: tuple[tuple[str, int, int], ...]) -> None:
    graph = random_graph(plan)
    rng = np.random.default_rng(0)
    data = {
        name: (0.3 * rng.standard_normal(kind.shape)).astype(np.float32)
        for name, kind in graph.inputs[1:]
    }
    model = to_model(graph._replace(data=data))
    x = rng.standard_normal((1, 4, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(run(canonicalize(model), x), run(model, x), rtol=1e-4, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(plans)
def test_inlined_functions_compute_the_same(plan: tuple[tuple[str, int, int], ...]) -> None:
    model = to_model(canonicalize_graph(random_graph(plan)))
    x = np.random.default_rng(1).standard_normal((1, 4, 6, 6)).astype(np.float32)
    flat = materialize(model, seed=5, inline=True)
    assert not flat.functions
    np.testing.assert_allclose(
        run(flat, x), run(materialize(model, seed=5), x), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("y = Add(x, a)\n", "y = Add(a, x)\n"),
        ("b = Relu(a)\n y = Add(b, a)\n", "z = Relu(a)\n y = Sum(a, z)\n"),
        ("b = Identity(a)\n c = Relu(b)\n y = Add(c, x)\n", "c = Relu(a)\n y = Add(x, c)\n"),
        ("d = Relu(x)\n y = Relu(a)\n", "y = Relu(a)\n"),
        ("b = Relu(a)\n c = Relu(a)\n y = Add(b, c)\n", "b = Relu(a)\n y = Add(b, b)\n"),
        (
            "b = Conv<group=1, strides=[1,1], pads=[0,0,0,0]>(a, w)\n y = Relu(b)\n",
            "b = Conv(a, w)\n y = Relu(b)\n",
        ),
        ("b = Add(a, a)\n y = Add(b, x)\n", "y = Sum(x, a, a)\n"),
    ],
)
def test_spellings_of_one_network_have_one_text(first: str, second: str) -> None:
    head = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,2,4,4] x, float[2,2,1,1] u, float[2,2,1,1] w) => (float[1,2,4,4] y) {
     a = Conv(x, u)
     """
    assert to_text(from_text(head + first + "}")) == to_text(from_text(head + second + "}"))


def test_different_networks_have_different_text() -> None:
    def one(stride: int, op: str) -> str:
        builder = GraphBuilder((1, 4, 8, 8))
        hidden = builder.conv(builder.x, 4, 3, stride=stride)
        value = builder.relu(hidden) if op == "relu" else builder.sigmoid(hidden)
        return print_graph(canonicalize_graph(builder.build(value)))

    assert len({one(stride, op) for stride in (1, 2) for op in ("relu", "sigmoid")}) == 4


def many_branches(n: int) -> Graph:
    builder = GraphBuilder((1, 4, 4, 4))
    branches = [builder.relu(builder.conv(builder.x, 4, 1)) for _ in range(n)]
    return builder.build(builder.add(*branches))


def ladder(n: int) -> Graph:
    builder = GraphBuilder((1, 4, 4, 4))
    value = builder.x
    for _ in range(n):
        value = builder.add(builder.conv(value, 4, 1), builder.conv(value, 4, 1))
    return builder.build(value)


def late_difference(n: int) -> Graph:
    builder = GraphBuilder((1, 4, 4, 4))
    first, second = builder.conv(builder.x, 4, 1), builder.conv(builder.x, 4, 1)
    for _ in range(n):
        first, second = builder.relu(first), builder.relu(second)
    return builder.build(builder.concat(second, first))


@pytest.mark.parametrize("write", [many_branches, ladder, late_difference])
def test_exchangeable_statements_cost_linear_work_and_one_text(
    write: Callable[[int], Graph],
) -> None:
    graph = write(600)
    start = time.perf_counter()
    text = print_graph(canonicalize_graph(graph))
    assert time.perf_counter() - start < 5
    other = shuffled(graph, np.random.default_rng(3))
    assert print_graph(canonicalize_graph(other)) == text
    assert to_text(from_text(text)) == text
