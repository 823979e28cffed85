"""ONNX text to plain values, by ``onnx.parser``; what many texts share is parsed once.

Texts of one search space share most of what they spell: the stem and the blocks are functions that
recur, and often the whole main graph does. So a text is cut where a function begins, at a line that
closes a body followed by one that opens a header, and each piece is parsed by itself and remembered.
A text that is not laid out like that, or of which any piece is not exactly one graph or one
function, is parsed as a whole: then, and for every error, the whole text decides.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
import onnx.parser
from google.protobuf.message import DecodeError

from surrogates.errors import TextError
from surrogates.inputs.inferred_shapes import small_tensor
from surrogates.inputs.limits import called_functions, check_brackets
from surrogates.inputs.nodes import Step, forget_nodes, read_steps, typed_shape
from surrogates.inputs.shapes import Shape

_BOUNDARY = "\n}\n<\n"
DEFAULT_OPSET = 17
"""Of a text that names none."""

_HOST = f'<ir_version: 8, opset_import: ["" : {DEFAULT_OPSET}]>\nhost (float[1] x) => (float[1] x) {{}}\n'
_N_REMEMBERED = 16384
_PARSER_ERRORS = (onnx.parser.ParseError, DecodeError, IndexError, RuntimeError, ValueError)
"""Besides its own: numbers out of range, characters that are none, and what it wrote but cannot read."""


@dataclass(frozen=True, eq=False)
class MainGraph:
    """The main graph of a model.

    Attributes:
        inputs: Shape of every input, by name.
        stored: Shape of every initializer, by name.
        constants: Encoded tensor of every initializer that is a small constant, by name.
        opset: Version of the default domain, `DEFAULT_OPSET` if the text names none.
        declared: Shape of every other value that the text types, outputs included.
        outputs: Names that the graph returns.
        steps: Nodes in text order.
    """

    inputs: Mapping[str, Shape]
    stored: Mapping[str, Shape]
    constants: Mapping[str, bytes]
    opset: int
    declared: Mapping[str, Shape]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def data(self) -> list[str]:
        """Name of the input that carries data: ``x``, or else the first that is not stored."""
        named = [name for name in self.inputs if name == "x"]
        return named or [name for name in self.inputs if name not in self.stored][:1]


@dataclass(frozen=True, eq=False)
class Function:
    """A model-local function; equal texts give the same object while it is remembered.

    Attributes:
        key: Domain and name.
        formals: Names of its inputs.
        outputs: Names that it returns.
        steps: Nodes in text order.
        is_plain: Whether every node is of the default domain.
    """

    key: tuple[str, str]
    formals: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    is_plain: bool


@dataclass(frozen=True)
class ParsedModel:
    """A model as plain values.

    Attributes:
        main: The main graph.
        functions: Those that are called, in text order.
    """

    main: MainGraph
    functions: tuple[Function, ...]


@functools.lru_cache(_N_REMEMBERED)
def parse_model(text: str) -> ParsedModel:
    """Parse ONNX text, once: statements and features are read one after the other.

    Raises:
        TextError: If the text does not parse, or brackets or calls nest too deep or in a circle.
        TextTooLongError: If it has too many nodes with its functions expanded.
    """
    model = _in_pieces(text)
    functions = {function.key: function for function in model.functions}
    called = called_functions(model.main.steps, {key: f.steps for key, f in functions.items()})
    return ParsedModel(model.main, tuple([f for key, f in functions.items() if key in called]))


def forget_parsed() -> None:
    """Forget all texts and their pieces, as a measurement of speed must."""
    for remembered in (parse_model, _main_alone, _function_alone):
        remembered.cache_clear()
    forget_nodes()


def _in_pieces(text: str) -> ParsedModel:
    """Parse each piece, or else the whole."""
    first, *rest = text.split(_BOUNDARY)
    main = _main_alone(first + "\n}" if rest else first)
    functions: list[Function] = []
    for place, piece in enumerate(rest, start=1):
        function = _function_alone("<\n" + piece + ("\n}" if place < len(rest) else ""))
        if function is None:
            break
        functions.append(function)
    if main is not None and len(functions) == len(rest):
        return ParsedModel(main, tuple(functions))
    model = parse_text(text)
    return ParsedModel(_main(model), tuple(map(_function, model.functions)))


def parse_text(text: str) -> onnx.ModelProto:
    """Parse ONNX text to a protocol buffer; it may still read names that nobody defines.

    Raises:
        TextError: If the text does not parse, or nests brackets too deep.
    """
    check_brackets(text)
    try:
        text.encode("utf-8")  # a lone surrogate is no text, and the parser would call it a type
        return onnx.parser.parse_model(text)
    except _PARSER_ERRORS as error:
        reason = str(error).strip().splitlines()[-1:] or [repr(error)]
        if isinstance(error, IndexError):  # the parser names no more than its own function
            reason = ["a whole number does not fit 64 bits"]
        raise TextError(
            f"A text must be ONNX text, but it does not parse: {reason[0]}. "
            "Export models with `nas-rlm export --text`."
        ) from error


@functools.lru_cache(_N_REMEMBERED)
def _main_alone(piece: str) -> MainGraph | None:
    """The main graph, if the piece is a model without functions."""
    try:
        model = parse_text(piece)
    except TextError:
        return None  # the whole text says what is wrong
    return None if model.functions else _main(model)


@functools.lru_cache(_N_REMEMBERED)
def _function_alone(piece: str) -> Function | None:
    """The function, if the piece is exactly one.

    A model is put around it, because the parser checks the end of a model and not of a function.
    """
    try:
        model = parse_text(_HOST + piece)
    except TextError:
        return None  # the whole text says what is wrong
    return _function(model.functions[0]) if len(model.functions) == 1 else None


def _main(model: onnx.ModelProto) -> MainGraph:
    """Copy a graph to plain values."""
    graph = model.graph
    small = {tensor.name: small_tensor(tensor) for tensor in graph.initializer}
    return MainGraph(
        inputs={value.name: typed_shape(value) for value in graph.input},
        stored={tensor.name: tuple(tensor.dims) for tensor in graph.initializer},
        constants={name: encoded for name, encoded in small.items() if encoded is not None},
        opset=next((o.version for o in model.opset_import if not o.domain), DEFAULT_OPSET),
        declared={v.name: typed_shape(v) for v in (*graph.value_info, *graph.output)},
        outputs=tuple(value.name for value in graph.output),
        steps=read_steps(graph.node),
    )


def _function(function: onnx.FunctionProto) -> Function:
    """Copy a function to plain values."""
    steps = read_steps(function.node)
    return Function(
        key=(function.domain, function.name),
        formals=tuple(function.input),
        outputs=tuple(function.output),
        steps=steps,
        is_plain=_are_plain(steps),
    )


def _are_plain(steps: Sequence[Step]) -> bool:
    """Whether every node is of the default domain."""
    return not any(step.domain for step in steps)
