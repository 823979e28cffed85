"""Parsing in pieces: the same as parsing the whole, also where the pieces mislead."""

import numpy as np
import onnx.parser
import pytest

from search_spaces import SPACES, get_space
from surrogates.errors import TextError
from surrogates.inputs import parsed_models
from surrogates.inputs.nodes import read_steps
from surrogates.inputs.parsed_models import parse_model

HEAD = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
MAIN = HEAD + "main (float[1,2] x) => (float[1,2] y)\n{\n   y = nas.f0 (x)\n}\n"
FUNCTION = (
    '<\n  domain: "nas",\n  opset_import: ["" : 17]\n>\nf0 (x) => (y)\n{\n   y = Relu (x)\n}\n'
)


def expected(text: str) -> object:
    """What the protocol buffer of the whole text says."""
    model = onnx.parser.parse_model(text)
    functions = [
        (f.domain, f.name, tuple(f.input), tuple(f.output), read_steps(f.node))
        for f in model.functions
    ]
    inputs = [value.name for value in model.graph.input]
    return inputs, read_steps(model.graph.node), functions


def found(text: str) -> object:
    model = parse_model(text)
    functions = [(*f.key, f.formals, f.outputs, f.steps) for f in model.functions]
    return list(model.main.inputs), model.main.steps, functions


@pytest.mark.parametrize("name", sorted(SPACES))
def test_every_space_is_parsed_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    space = get_space(name)
    text = space.to_text(space.sample(np.random.default_rng(0)))
    whole = expected(text)
    wholes = []
    real = parsed_models.parse_text
    monkeypatch.setattr(
        parsed_models, "parse_text", lambda piece: wholes.append(piece == text) or real(piece)
    )
    assert found(text) == whole
    has_functions = bool(real(text).functions)
    assert not (has_functions and any(wholes)), "the whole text was parsed after all"


def test_a_shared_function_is_one_object() -> None:
    other = MAIN.replace("float[1,2]", "float[1,3]")
    assert parse_model(MAIN + FUNCTION).functions[0] is parse_model(other + FUNCTION).functions[0]


def test_a_boundary_inside_a_string_does_not_cut() -> None:
    text = MAIN.replace("nas.f0 (x)", 'nas.f0 <a: string = "\n}\n<\n"> (x)') + FUNCTION
    assert found(text) == expected(text)


@pytest.mark.parametrize(
    "text",
    [
        MAIN + FUNCTION + "junk\n",
        MAIN + FUNCTION.replace("(x)\n}", "(x) } junk\n}"),
        MAIN + FUNCTION + FUNCTION.replace("<\n", "<\n<\n", 1),
        MAIN.replace("}\n", "} junk\n}\n") + FUNCTION,
        MAIN + MAIN.replace(HEAD, '<\n  ir_version: 8, opset_import: ["" : 17]\n>\n'),
    ],
)
def test_what_is_no_model_as_a_whole_is_refused(text: str) -> None:
    with pytest.raises(onnx.parser.ParseError):
        onnx.parser.parse_model(text)
    with pytest.raises(TextError, match="does not parse"):
        parse_model(text)
