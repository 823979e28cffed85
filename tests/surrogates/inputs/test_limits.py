"""What nests too deep or expands to too much is refused before anything recursive reads it."""

from collections.abc import Callable

import pytest

from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.graph_features import graph_features
from surrogates.inputs.limits import (
    MAX_BRACKET_DEPTH,
    MAX_CALL_DEPTH,
    MAX_EXPANDED_STEPS,
    check_brackets,
)
from surrogates.inputs.statements import read_statements

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
FUNCTION = '<domain: "nas", opset_import: ["" : 17, "nas" : 1]>\n'
READERS = pytest.mark.parametrize("read", [read_statements, graph_features])

Reader = Callable[[str], object]


def nested_types(depth: int, between: str = "") -> str:
    opened, closed = f"seq({between}" * depth, ")" * depth
    return f"{HEADER}main ({opened}float{closed} x) => (float y) {{ y = Relu(x) }}\n"


def nested_branches(depth: int) -> str:
    opened = "y = If<then_branch = g () => (float y) {" * depth
    return f"{HEADER}main (float x) => (float y) {{ {opened} y = Relu(x) {'}>(x)' * depth} }}\n"


def nested_calls(depth: int, body: str = "y = nas.f{}(x)") -> str:
    """As many functions, each but the last with this body, which calls the next."""
    functions = [f"f{k} (x) => (y) {{ {body.replace('{}', str(k + 1))} }}\n" for k in range(depth)]
    functions[-1] = f"f{depth - 1} (x) => (y) {{ y = Relu(x) }}\n"
    main = f"{HEADER}main (float[1,4,8,8] x) => (float[1,4,8,8] y) {{ y = nas.f0(x) }}\n"
    return main + "".join(FUNCTION + function for function in functions)


@READERS
@pytest.mark.parametrize(
    "text",
    [
        nested_types(1_000),
        nested_types(20_000),
        nested_types(20_000, between=" # )\n"),
        nested_branches(1_000),
        nested_branches(20_000),
        nested_branches(20_000).replace("<then", '<a = "}}>", then'),
    ],
    ids=["types", "more types", "hidden types", "branches", "more branches", "hidden branches"],
)
def test_brackets_nested_deep_are_refused(read: Reader, text: str) -> None:
    with pytest.raises(TextError, match=f"nest brackets at most {MAX_BRACKET_DEPTH} deep"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "{(<" * (MAX_BRACKET_DEPTH // 3) + ">)}" * MAX_BRACKET_DEPTH,
        "(x) => (y) {}\n" * 1_000,
        '"' + "(" * 1_000 + '"',
        r'"\"' + "(" * 1_000 + '" # ' + "(" * 1_000 + "\n",
    ],
)
def test_brackets_side_by_side_and_in_strings_are_not_nested(text: str) -> None:
    check_brackets(text)
    with pytest.raises(TextError, match="nest brackets"):
        check_brackets(text + "(" * (MAX_BRACKET_DEPTH + 1))


@READERS
def test_calls_nested_deep_are_refused(read: Reader) -> None:
    read(nested_calls(MAX_CALL_DEPTH))
    for depth in (MAX_CALL_DEPTH + 1, 1_000):
        with pytest.raises(TextError, match=f"nested at most {MAX_CALL_DEPTH} deep, but nas.f"):
            read(nested_calls(depth))


@READERS
def test_a_function_that_was_measured_before_still_counts_where_it_stands_deeper(
    read: Reader,
) -> None:
    text = nested_calls(MAX_CALL_DEPTH + 1)
    with pytest.raises(TextError, match="nested at most"):
        read(text.replace("y = nas.f0(x)", "z = nas.f9(x)\n y = nas.f0(z)", 1))


@READERS
def test_calls_that_double_at_every_level_are_refused(read: Reader) -> None:
    """Every call has other operand shapes, so none is remembered from another."""
    body = (
        "a = Concat<axis=2>(x, x)\n b = MaxPool<kernel_shape=[1,1], pads=[1,0,0,0]>(a)\n"
        "c = nas.f{}(a)\n d = nas.f{}(b)\n y = Add(c, d)"
    )
    read(nested_calls(4, body))
    with pytest.raises(TextTooLongError, match=f"at most {MAX_EXPANDED_STEPS} nodes .* expanded"):
        read(nested_calls(30, body))


@READERS
def test_a_function_that_nobody_calls_may_be_anything(read: Reader) -> None:
    unused = f"{FUNCTION}g (x) => (y) {{ y = nas.g(x) }}\n"
    read(nested_calls(2) + unused)
