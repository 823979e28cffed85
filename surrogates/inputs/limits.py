"""How deep a text may nest, and how much its calls may expand to, before anything recursive reads it.

The parser follows brackets by recursion in C, and would take the interpreter down; readers follow
calls by recursion, and walk a body once for each list of operand shapes, of which there may be twice
as many at every level. Both are bounded here, in time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.nodes import Step

MAX_BRACKET_DEPTH = 24
"""Deepest nesting of brackets; a graph inside an attribute takes two."""

MAX_CALL_DEPTH = 32
"""Deepest chain of functions that call each other."""

MAX_EXPANDED_STEPS = 20_000
"""Most nodes of a text, calls of functions expanded."""

_OPAQUE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|#[^\n]*', re.DOTALL)
"""Strings and comments, which may hold characters that look like brackets."""

_CLOSING = b")}>"
_OTHERS = bytes(set(range(256)).difference(b"({<", _CLOSING))

Key = tuple[str, str]
"""Domain and name of a function."""


def check_brackets(text: str) -> None:
    """Refuse a text that nests brackets deeper than :data:`MAX_BRACKET_DEPTH`.

    Raises:
        TextError: If it does.
    """
    bare = _OPAQUE.sub(" ", text).replace("=>", " ")
    brackets = bare.encode("utf-8", "replace").translate(None, _OTHERS)
    depth = 0
    for bracket in brackets:
        if bracket in _CLOSING:
            depth -= depth > 0
        else:
            depth += 1
            if depth > MAX_BRACKET_DEPTH:
                raise TextError(
                    f"A text must nest brackets at most {MAX_BRACKET_DEPTH} deep, but nests them "
                    "deeper. Export the model without control flow and nested types."
                )


def called_functions(
    main: Sequence[Step], functions: Mapping[Key, Sequence[Step]]
) -> Collection[Key]:
    """Return which functions are called; none calls itself, nests too deep or expands to too much.

    Args:
        main: Nodes of the main graph.
        functions: Nodes of every function.

    Raises:
        TextError: If a function calls itself, or a chain of calls is longer than
            :data:`MAX_CALL_DEPTH`.
        TextTooLongError: If there are more than :data:`MAX_EXPANDED_STEPS` nodes, calls expanded.
    """
    calls = _Calls(functions)
    n_steps, _ = calls.expanded(main)
    if n_steps > MAX_EXPANDED_STEPS:
        raise TextTooLongError(
            f"A text must have at most {MAX_EXPANDED_STEPS} nodes with its functions expanded, but "
            f"has {n_steps if n_steps < 10**18 else 'over 10**18'}. Call fewer functions from "
            "functions; texts are never cut."
        )
    return calls.known


class _Calls:
    """Measures functions, each once."""

    def __init__(self, functions: Mapping[Key, Sequence[Step]]) -> None:
        self._functions = functions
        self.known: dict[Key, tuple[int, int]] = {}
        self._open: dict[Key, None] = {}

    def expanded(self, steps: Sequence[Step]) -> tuple[int, int]:
        """Nodes with calls expanded, and the longest chain of calls."""
        n_steps, depth = len(steps), 0
        for step in steps:
            key = (step.domain, step.operator)
            if key in self._functions:
                n_inner, inner_depth = self.of_function(key)
                n_steps += n_inner
                depth = max(depth, 1 + inner_depth)
        return n_steps, depth

    def of_function(self, key: Key) -> tuple[int, int]:
        """Nodes of a function with calls expanded, and the longest chain of calls below it."""
        if key in self._open:
            raise TextError(
                f"Functions must not call themselves, but {'.'.join(key)} does. "
                "Inline the function."
            )
        above = 1 + len(self._open)
        found = self.known.get(key)
        if found is None and above <= MAX_CALL_DEPTH:
            self._open[key] = None
            found = self.known[key] = self.expanded(self._functions[key])
            del self._open[key]
        if found is None or above + found[1] > MAX_CALL_DEPTH:
            raise TextError(
                f"Functions must be nested at most {MAX_CALL_DEPTH} deep, but {'.'.join(key)} is "
                "part of a longer chain of calls. Inline some of them."
            )
        return found
