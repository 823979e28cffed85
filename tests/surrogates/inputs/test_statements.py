"""The reader, on texts small enough to write the answer by hand."""

import re
from pathlib import Path

import numpy as np
import pytest

from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.nodes import MAX_FIELD_CHARACTERS
from surrogates.inputs.statements import StatementGraph, read_statements

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
FUNCTION = '<domain: "nas", opset_import: ["" : 17, "nas" : 1]>\n'


def main(body: str, inputs: str = "float[1,4,8,8] x", output: str = "float[1,4,8,8] y") -> str:
    return f"{HEADER}main ({inputs}) => ({output}) {{\n{body}\n}}\n"


CALLED_TWICE = (
    main(
        "a = nas.cell(x, w0)\n b = Relu(a)\n y = nas.cell(b, w1)",
        "float[1,4,8,8] x, float[4,4,3,3] w0, float[4,4,3,3] w1",
    )
    + FUNCTION
    + "cell (x, w) => (y) {\n r = Relu(x)\n y = Conv<pads=[1,1,1,1]>(r, w)\n}\n"
)


def edges(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in pairs}


def same(first: StatementGraph, second: StatementGraph) -> bool:
    return first.statements == second.statements and all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("defines", "calls", "returns")
    )


def test_statements_and_edges_of_a_small_graph() -> None:
    graph = read_statements(
        main(
            "a = Conv<pads=[1,1,1,1], kernel_shape=[3,3]>(x, w, b)\n c = Relu(a)\n y = Add(a, c)",
            "float[1,4,8,8] x, float[4,4,3,3] w, float[4] b",
        )
    )
    assert graph.statements == (
        "Input out0=1 out1=4 out2=8 out3=8",
        "Conv kernel_shape=3,3 pads=1,1,1,1 w0.0=4 w0.1=4 w0.2=3 w0.3=3 w1.0=4 "
        "out0=1 out1=4 out2=8 out3=8",
        "Relu out0=1 out1=4 out2=8 out3=8",
        "Add out0=1 out1=4 out2=8 out3=8",
    )
    assert graph.defines.tolist() == [[0, 1], [1, 2], [1, 3], [2, 3]]
    assert graph.calls.shape == graph.returns.shape == (0, 2)
    assert len(graph) == 4


def test_an_operand_read_twice_counts_twice() -> None:
    graph = read_statements(main("y = Add(x, x)"))
    assert graph.defines.tolist() == [[0, 1], [0, 1]]


def test_renaming_values_changes_nothing() -> None:
    renamed = CALLED_TWICE.replace("cell", "zebra")
    for old, new in (("a", "first"), ("b", "second"), ("w0", "k9"), ("w1", "k2"), ("y", "end")):
        renamed = re.sub(rf"\b{old}\b", new, renamed)
    assert renamed != CALLED_TWICE
    assert same(read_statements(renamed), read_statements(CALLED_TWICE))


def test_no_name_enters_a_statement() -> None:
    text = CALLED_TWICE.replace("cell", "acc_9137").replace("a =", "lbl_4711 =")
    text = text.replace("Relu(a)", "Relu(lbl_4711)")
    assert "9137" not in " ".join(read_statements(text).statements)
    assert "4711" not in " ".join(read_statements(text).statements)


def test_a_function_is_read_once_and_every_call_points_to_it() -> None:
    graph = read_statements(CALLED_TWICE)
    assert [s.split()[0] for s in graph.statements] == [
        "Input",
        "Call",
        "Input",
        "Conv",
        "Relu",
        "Call",
    ]
    assert edges(graph.calls) == {(call, body) for call in (1, 5) for body in (2, 3)}
    assert edges(graph.returns) == {(1, 3), (5, 3)}
    assert edges(graph.defines) == {(0, 1), (2, 3), (1, 4), (4, 5)}


def test_a_body_shows_the_weights_of_the_first_call() -> None:
    text = CALLED_TWICE.replace("float[4,4,3,3] w1", "float[4,4,5,5] w1")
    assert read_statements(text).statements[3] == (
        "Conv pads=1,1,1,1 w0.0=4 w0.1=4 w0.2=3 w0.3=3 out0=1 out1=4 out2=8 out3=8 before=Relu"
    )


def test_a_function_may_call_another() -> None:
    text = (
        main("y = nas.outer(x)")
        + FUNCTION
        + "outer (x) => (y) {\n a = nas.inner(x)\n y = Sigmoid(a)\n}\n"
        + FUNCTION
        + "inner (x) => (y) {\n y = Relu(x)\n}\n"
    )
    graph = read_statements(text)
    assert [s.split()[0] for s in graph.statements] == [
        "Input",
        "Call",
        "Input",
        "Call",
        "Input",
        "Relu",
        "Sigmoid",
    ]
    assert edges(graph.calls) == {(1, 2), (1, 3), (1, 6), (3, 4), (3, 5)}
    assert edges(graph.returns) == {(1, 6), (3, 5)}


def test_a_result_that_is_returned_twice_is_listed_once() -> None:
    text = (
        main("a, b = nas.cell(x)\n y = Add(a, b)")
        + FUNCTION
        + "cell (x) => (r, r) {\n r = Relu(x)\n}\n"
    )
    assert read_statements(text).returns.tolist() == [[1, 3]]


def test_a_chain_of_equal_statements_carries_its_count() -> None:
    graph = read_statements(main("a = Relu(x)\n b = Relu(a)\n c = Relu(b)\n y = Sigmoid(c)"))
    assert graph.statements[1] == "Relu out0=1 out1=4 out2=8 out3=8 times=3"
    assert graph.defines.tolist() == [[0, 1], [1, 2]]


def test_a_chain_of_calls_is_one_call() -> None:
    text = CALLED_TWICE.replace("b = Relu(a)\n y = nas.cell(b, w1)", "y = nas.cell(a, w1)")
    graph = read_statements(text)
    assert graph.statements[1].endswith("times=2")
    assert edges(graph.calls) == {(1, 2), (1, 3)}


@pytest.mark.parametrize(
    "body",
    [
        "a = Relu(x)\n b = Relu(a)\n y = Add(a, b)",  # the middle has a second reader
        "a = Relu(x)\n b = Relu(x)\n y = Add(a, b)",  # side by side
        "a = Abs(x)\n b = Neg(a)\n y = Abs(b)",  # another operator between
        "a = Flatten<axis=1>(x)\n y = Flatten<axis=2>(a)",  # other attributes
    ],
)
def test_what_only_looks_like_a_chain_stays_apart(body: str) -> None:
    graph = read_statements(main(body))
    assert len(graph) == 2 + body.count("\n")
    assert not any("times=" in statement for statement in graph.statements)


def test_a_chain_with_other_weight_shapes_stays_apart() -> None:
    graph = read_statements(
        main(
            "a = Conv(x, w0)\n y = Conv(a, w1)",
            "float[1,4,8,8] x, float[4,4,1,1] w0, float[4,4,3,3] w1",
            "float[1,4,6,6] y",
        )
    )
    assert len(graph) == 3


def test_the_first_input_is_the_data_when_none_is_named_x() -> None:
    graph = read_statements(main("y = Conv(image, x2)", "float[1,4,8,8] image, float[4,4,1,1] x2"))
    assert graph.statements[0] == "Input out0=1 out1=4 out2=8 out3=8"
    assert "w0.0=4" in graph.statements[1]


def test_initializers_are_weights() -> None:
    text = HEADER + (
        "main (float[1,4] x) => (float[1,2] y)\n"
        "<float[4,2] w = {1, 2, 3, 4, 5, 6, 7, 8}>\n{\n y = MatMul(x, w)\n}\n"
    )
    graph = read_statements(text)
    assert graph.statements == ("Input out0=1 out1=4", "MatMul w0.0=4 w0.1=2 out0=1 out1=2")
    assert graph.defines.tolist() == [[0, 1]]


def test_attributes_are_sorted_and_of_every_type() -> None:
    graph = read_statements(
        main('y = Op<zeta="two words", alpha=0.25, ints=[1,2], floats=[0.5,1.5], one=3>(x)')
    )
    assert graph.statements[1].startswith(
        "Op alpha=0.25 floats=0.5,1.5 ints=1,2 one=3 zeta=two_words"
    )


def test_a_small_constant_shows_its_values_and_a_large_one_its_shape() -> None:
    small = read_statements(main("c = Constant<value = float[2] {1.0, 2.5}>()\n y = Add(x, c)"))
    assert small.statements[1].endswith(" c1.value=[2]1,2.5")
    numbers = ", ".join(["3.25"] * 9)
    large = read_statements(
        main(f"c = Constant<value = float[9] {{{numbers}}}>()\n y = Add(x, c)")
    )
    assert large.statements[1].endswith(" c1.value=[9]")


def test_a_constant_that_is_stored_in_a_file_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.bin").write_bytes(bytes(8))
    for name in ("there.bin", "gone.bin"):
        constant = f'c = Constant<value = float[2] c ["location": "{name}"]>()'
        graph = read_statements(main(f"{constant}\n y = Add(x, c)"))
        assert graph.statements[1].endswith(" c1.value=[2]")


@pytest.mark.parametrize(
    ("start", "end"),
    [("y = Op<a=[", "]>(x)"), ('y = Op<a="', '">(x)'), ("y = Op<a", "=1>(x)"), ("y = Op", "(x)")],
)
def test_a_long_field_is_begun_counted_and_digested(start: str, end: str) -> None:
    filling = "1,1," * 25_000 + "{}" if "[" in start else "11_1" * 25_000 + "{}"
    one, two = (
        read_statements(main(start + filling.format(last) + end)).statements[1] for last in "12"
    )
    assert len(one) < 150
    assert one != two
    assert one.partition("[")[0] == two.partition("[")[0]
    shape = " out0=1 out1=4 out2=8 out3=8"
    field = one.removesuffix(shape).split(" ")[-1]
    assert re.fullmatch(r".{32}\[\d{6}\][0-9a-f]{16}", field)


def test_a_field_is_spelt_out_up_to_the_limit() -> None:
    value = "a" * (MAX_FIELD_CHARACTERS - 2)
    spelt, cut = (read_statements(main(f'y = Op<s="{v}">(x)')) for v in (value, value + "a"))
    assert spelt.statements[1].startswith(f"Op s={value} out0")
    assert value not in cut.statements[1]


def test_a_statement_with_very_many_fields_is_refused() -> None:
    attributes = ", ".join(f"name_{k}={k}" for k in range(1_000))
    with pytest.raises(TextTooLongError, match="at most 4096 characters, but one of Op has 1"):
        read_statements(main(f"y = Op<{attributes}>(x)"))


def test_an_attribute_of_the_function_is_a_reference() -> None:
    text = (
        main("y = nas.f<alpha=0.1>(x)")
        + FUNCTION
        + "f <alpha>(x) => (y) {\n y = LeakyRelu<alpha: float = @alpha>(x)\n}\n"
    )
    assert read_statements(text).statements[-1] == "LeakyRelu alpha=@"


def test_several_results_of_one_node_lead_to_it() -> None:
    graph = read_statements(main("a, b = Split<axis=1>(x)\n y = Concat<axis=1>(b, a)"))
    assert graph.defines.tolist() == [[0, 1], [1, 2], [1, 2]]


def test_an_omitted_operand_is_no_edge() -> None:
    graph = read_statements(main('y = Clip(x, "", w)', "float[1,4,8,8] x, float w"))
    assert graph.defines.tolist() == [[0, 1]]


def test_a_symbolic_dimension_is_zero() -> None:
    graph = read_statements(main("y = Relu(x)", "float[N,4,8,8] x", "float[N,4,8,8] y"))
    assert graph.statements[0] == "Input out0=0 out1=4 out2=8 out3=8"


@pytest.mark.parametrize(
    "text", ["", "not onnx", HEADER, main("y = Relu(x"), CALLED_TWICE[:-4], "\ud800"]
)
def test_text_that_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="must be ONNX text, but it does not parse"):
        read_statements(text)


@pytest.mark.parametrize(
    "body", ["y = Relu(nowhere)", "y = Relu(a)\n a = Relu(x)", "y = Add(x, y)"]
)
def test_a_name_must_be_defined_before_it_is_read(body: str) -> None:
    with pytest.raises(
        TextError, match=r"must be defined before it is used, but (Relu|Add) reads"
    ):
        read_statements(main(body))


def test_an_undefined_name_inside_a_function_is_refused() -> None:
    text = main("y = nas.f(x)") + FUNCTION + "f (x) => (y) {\n y = Relu(w0)\n}\n"
    with pytest.raises(TextError, match="Relu reads 'w0'"):
        read_statements(text)


def test_a_result_must_be_defined() -> None:
    with pytest.raises(TextError, match="Every result must be defined, but 'y' is not"):
        read_statements(main("z = Relu(x)"))
    text = main("y = nas.f(x)") + FUNCTION + "f (x) => (z) {\n y = Relu(x)\n}\n"
    with pytest.raises(TextError, match="Every result must be defined, but 'z' is not"):
        read_statements(text)


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(TextError, match="must have an input or a node"):
        read_statements(f"{HEADER}main () => () {{\n}}\n")


def test_recursion_is_refused() -> None:
    text = (
        main("y = nas.f(x)")
        + FUNCTION
        + "f (x) => (y) {\n y = nas.g(x)\n}\n"
        + FUNCTION
        + "g (x) => (y) {\n y = nas.f(x)\n}\n"
    )
    with pytest.raises(TextError, match=r"must not call themselves, but nas\.f does"):
        read_statements(text)


def test_texts_are_never_cut() -> None:
    body = "\n".join(f" v{k + 1} = {'Abs' if k % 2 else 'Neg'}(v{k})" for k in range(9))
    text = main(f" v0 = Floor(x)\n{body}\n y = Floor(v9)")
    assert len(read_statements(text, max_statements=12)) == 12
    with pytest.raises(TextTooLongError, match="at most 11 statements"):
        read_statements(text, max_statements=11)
