"""Canonical ONNX text: the one thing that passes from search spaces to surrogates.

`to_text` = canonical form + the official printer; `from_text` = the official parser with clear
errors. ``docs/onnx_text.md`` is the contract. The text holds structure and shapes, never a weight's
value, a label or a name that the architecture does not have.
"""

import hashlib
import re

import onnx
import onnx.parser
from google.protobuf.message import DecodeError

from search_spaces.canonical import canonicalize_graph
from search_spaces.errors import InvalidTextError
from search_spaces.fast_text import fast_text
from search_spaces.graph import Graph
from search_spaces.graph_printer import print_graph
from search_spaces.onnx_bridge import from_model, to_model

__all__ = ["TEXT_VERSION", "canonicalize", "digest", "from_text", "graph_to_text", "to_text"]

TEXT_VERSION = 1
"""Rises when the same network gets another text."""


def canonicalize(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the canonical form of a model; it computes what the model computed.

    Dead nodes and identities are gone, BatchNorm is folded into its convolution, equal statements
    and equal functions are merged, order and names depend on the structure alone. Idempotent.

    Args:
        model: Static shapes, nodes in topological order. Read files with
            `search_spaces.load_onnx`, which checks that.

    Returns:
        A new model. Initializers stay initializers; weights that were inputs stay inputs.

    Raises:
        UnsupportedModelError: If the model holds what canonical text cannot say.
    """
    return to_model(canonicalize_graph(from_model(model)))


def to_text(model: onnx.ModelProto) -> str:
    """Return the canonical ONNX text of a model; all weights are typed inputs without values.

    Raises:
        UnsupportedModelError: If the model holds what canonical text cannot say.
    """
    return graph_to_text(from_model(model))


def graph_to_text(graph: Graph) -> str:
    """Return the canonical ONNX text of a graph that a builder wrote."""
    return fast_text(graph) or print_graph(canonicalize_graph(graph))


def from_text(text: str) -> onnx.ModelProto:
    """Parse ONNX text.

    Raises:
        InvalidTextError: If the text is not ONNX text; the message has line and reason.
    """
    depth = _bracket_depth(text)
    if depth > _MAX_BRACKET_DEPTH:
        raise InvalidTextError(
            f"Text must nest brackets at most {_MAX_BRACKET_DEPTH} deep, but nests them {depth} deep."
        )
    try:
        model: onnx.ModelProto = onnx.parser.parse_model(text)
    except _PARSER_ERRORS as error:
        reason = " ".join(str(error).split())[:300]
        if isinstance(error, IndexError):  # the parser names no more than its own function
            reason = "a whole number does not fit 64 bits"
        raise InvalidTextError(f"Text must be ONNX text, but does not parse: {reason}") from error
    return model


_PARSER_ERRORS = (onnx.parser.ParseError, DecodeError, IndexError, RuntimeError, ValueError)
"""Besides its own: numbers out of range, characters that are none, and what it wrote but cannot read."""
_MAX_BRACKET_DEPTH = 24
_PIECES = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|#[^\n]*|=>|[(){}<>]', re.DOTALL)
"""Brackets, and what may hold characters that look like them: strings, comments and arrows."""


def _bracket_depth(text: str) -> int:
    """Bound the nesting of a text before the recursive parser sees it."""
    depth = deepest = 0
    for piece in _PIECES.findall(text):
        if piece in "({<":
            depth += 1
            deepest = max(deepest, depth)
        elif piece in ")}>":
            depth = max(depth - 1, 0)
    return deepest


def digest(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text.

    Example:
        >>> digest("")
        'e3b0c44298fc1c14'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:16]
