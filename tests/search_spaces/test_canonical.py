"""Functions in canonical form: arguments, results, merging, order."""

import onnx
import pytest

from search_spaces import UnsupportedModelError, canonicalize, from_text, to_text

HEAD = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
DOMAIN = '<domain: "nas", opset_import: ["" : 17, "nas" : 1]>\n'
TANH = "g (x) => (y) { y = Tanh(x) }"


def model(main: str, *functions: str, weights: str = "float[4,4,1,1] w") -> onnx.ModelProto:
    head = HEAD + f"g (float[1,4,2,2] x, {weights}) => (float[1,4,2,2] y) {{{main}}}\n"
    return from_text(head + "".join(DOMAIN + function + "\n" for function in functions))


def calls(result: onnx.ModelProto) -> list[tuple[str, list[str]]]:
    return [(n.op_type, list(n.input)) for n in result.graph.node if n.domain == "nas"]


def test_unused_input_goes_from_function_call_and_graph() -> None:
    result = canonicalize(
        model(
            "y = nas.f(x, w, u)",
            "f (x, w, u) => (y) { d = Mul(x, u)\n y = Conv(x, w) }",
            weights="float[4,4,1,1] w, float[4,1,1] u",
        )
    )
    assert calls(result) == [("f0", ["x", "w0"])]
    assert [value.name for value in result.graph.input] == ["x", "w0"]


def test_equal_functions_become_one_and_are_numbered_by_first_call() -> None:
    body = "(a, k) => (z) { c = Conv(a, k)\n z = Relu(c) }"
    other = "(k, a) => (q) { r = Conv(a, k)\n q = Relu(r) }"
    result = canonicalize(
        model(
            "a = nas.late(w, x)\n b = nas.tail(a)\n y = nas.early(b, u)",
            f"early {body}",
            "tail (x) => (y) { y = Sigmoid(x) }",
            f"late {other}",
            weights="float[4,4,1,1] w, float[4,4,1,1] u",
        )
    )
    assert calls(result) == [("f0", ["x", "w0"]), ("f1", ["v0"]), ("f0", ["v1", "w1"])]
    assert [f.name for f in result.functions] == ["f0", "f1"]


def test_function_that_hands_on_its_input_is_dissolved() -> None:
    result = canonicalize(
        model(
            "a = nas.f(x, w)\n b, c = nas.g(a)\n y = Add(b, c)",
            "f (x, w) => (y) { y = Conv(x, w) }",
            "g (x) => (y, z) { y = Identity(x)\n z = Relu(x) }",
        )
    )
    assert calls(result) == [("f0", ["x", "w0"]), ("f1", ["v0"])]
    assert [list(f.output) for f in result.functions] == [["y"], ["y"]]


def test_unused_result_and_what_it_needs_is_dropped() -> None:
    result = canonicalize(
        model(
            "a, b = nas.f(x, w)\n y = Relu(a)",
            "f (x, w) => (y, z) { y = Sigmoid(x)\n z = Conv(x, w) }",
        )
    )
    assert [node.op_type for node in result.functions[0].node] == ["Sigmoid"]
    assert len(result.graph.input) == 1


def test_dead_call_is_dropped_with_its_function() -> None:
    result = canonicalize(
        model("a = nas.f(x, w)\n y = Relu(x)", "f (x, w) => (y) { y = Conv(x, w) }")
    )
    assert not result.functions
    assert len(result.graph.input) == 1


def test_a_dead_call_says_nothing_of_what_a_function_is_called_with() -> None:
    function = "f (x, w) => (y) { y = Conv(x, w) }"
    weights = "float[4,4,1,1] w, int64[4] s"
    live = to_text(model("y = nas.f(x, w)", function))
    dead = to_text(
        model("r = Reshape(x, s)\n d = nas.f(x, r)\n y = nas.f(x, w)", function, weights=weights)
    )
    assert dead == live == to_text(from_text(dead))


def test_functions_of_two_domains_must_have_names_of_their_own() -> None:
    def of_two_domains(first: str, second: str) -> onnx.ModelProto:
        """Two functions, named by domain and name joined by a colon."""
        built = model("z = nas.f(x)\n y = nas.g(z)", "f (x) => (y) { y = Relu(x) }", TANH)
        for place, name in enumerate((first, second)):
            domain, called = name.split(":")
            function, node = built.functions[place], built.graph.node[place]
            function.domain = node.domain = domain
            function.name = node.op_type = called
            built.opset_import.append(onnx.helper.make_opsetid(domain, 1))
        return built

    apart = canonicalize(of_two_domains("a:b_f", "a_c:f"))
    assert sorted(f.node[0].op_type for f in apart.functions) == ["Relu", "Tanh"]
    with pytest.raises(UnsupportedModelError, match="Rename one of them"):
        canonicalize(of_two_domains("a:b_f", "a_b:f"))


def test_equal_statements_that_leave_out_different_results_stay_apart() -> None:
    pooled = canonicalize(
        model(
            "b, i = MaxPool<kernel_shape=[1,1]>(x)\n"
            'a, "" = MaxPool<kernel_shape=[1,1]>(x)\n'
            'c = Clip(a, "", k)\n j = Cast<to=1>(i)\n e = Add(c, j)\n y = Add(e, b)',
            weights="float k",
        )
    )
    (clip,) = [node for node in pooled.graph.node if node.op_type == "Clip"]
    assert clip.input[1] == ""
    assert sum(node.op_type == "MaxPool" for node in pooled.graph.node) == 2


def test_nested_functions_keep_their_calls() -> None:
    result = canonicalize(
        model(
            "a = nas.outer(x, w)\n y = nas.inner(a, u)",
            "outer (x, w) => (y) { a = nas.inner(x, w)\n y = Relu(a) }",
            "inner (x, w) => (y) { c = Conv(x, w)\n y = Sigmoid(c) }",
            weights="float[4,4,1,1] w, float[4,4,1,1] u",
        )
    )
    assert calls(result) == [("f0", ["x", "w0"]), ("f1", ["v0", "w1"])]
    assert result.functions[0].node[0].op_type == "f1"
    onnx.checker.check_model(result, full_check=True)


@pytest.mark.parametrize(
    ("main", "statements"),
    [
        ("y = Identity(x)", ["Identity"]),
        ("a = Dropout(x)\n y = Relu(a)", ["Relu"]),
        ("a = Sum(x)\n y = Relu(a)", ["Relu"]),
        (
            "a, m = Dropout(x)\n b = Relu(a)\n c = Cast<to=1>(m)\n y = Add(b, c)",
            ["Dropout", "Relu", "Cast", "Add"],
        ),
        (
            "a = RandomNormalLike(x)\n b = RandomNormalLike(x)\n y = Add(a, b)",
            ["RandomNormalLike", "RandomNormalLike", "Add"],
        ),
    ],
)
def test_identities_go_and_random_numbers_stay(main: str, statements: list[str]) -> None:
    result = canonicalize(model(main))
    assert sorted(node.op_type for node in result.graph.node) == sorted(statements)


def test_integer_sums_are_not_flattened() -> None:
    text = to_text(
        model(
            "a = Shape(x)\n b = Add(a, a)\n c = Add(b, a)\n d = Cast<to=1>(c)\n"
            " e = Conv(x, w)\n y = Mul(e, d)",
        )
    )
    assert "Sum" not in text


def test_output_that_is_given_twice_gets_a_statement_of_its_own() -> None:
    head = HEAD + "g (float[2] x) => (float[2] a, float[2] b) { a = Relu(x)\n b = Identity(a) }"
    result = canonicalize(from_text(head))
    assert [value.name for value in result.graph.output] == ["y", "y1"]
    onnx.checker.check_model(result, full_check=True)
