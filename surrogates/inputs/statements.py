"""ONNX text to statements and the relations between them: what every surrogate here reads.

A statement is one node: its operator, its attributes, the shape of each weight and of its result.
Names never enter a statement: what a name says is *which statement defines it*, and that becomes
an edge. A model-local function is read once; a call points to the statements of the body, and
inside the body the weight shapes are those of the first call. A chain of equal statements, such
as one cell stacked five times, is read as one statement that carries its count. Activations and
constants are fields of a neighbour, see :mod:`surrogates.inputs.fusion`.

The text is parsed by ``onnx.parser`` and nothing else. This module knows no tokenizer and no
network, and it never evaluates or loads data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.limits import Key
from surrogates.inputs.parsed_models import ParsedModel, forget_parsed, parse_model
from surrogates.inputs.scope_statements import (
    Call,
    ScopeReader,
    ScopeStatements,
    forget_statements,
)
from surrogates.inputs.text_memory import TextMemory

MAX_STATEMENTS = 4096
"""Longest graph that is read, in statements after chains are merged."""

MAX_STATEMENT_CHARACTERS = 4096
"""Longest statement that is read; tables of tokens are as wide as the longest."""


@dataclass(frozen=True)
class StatementGraph:
    """The statements of one architecture, in text order, and who uses whom.

    Attributes:
        statements: Length s; fields separated by one space, without any name.
        defines: Shape ``(e, 2)``; row (i, j) says that j reads the result of i, once per operand.
        calls: Shape ``(c, 2)``; row (i, j) says that statement i calls a function with statement
            j in its body.
        returns: Shape ``(r, 2)``; row (i, j) says that j returns the result of the call i, once.
    """

    statements: tuple[str, ...]
    defines: NDArray[np.int32]
    calls: NDArray[np.int32]
    returns: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of statements."""
        return len(self.statements)


def read_statements(text: str, *, max_statements: int = MAX_STATEMENTS) -> StatementGraph:
    """Read ONNX text into statements and relations.

    Args:
        text: The official textual syntax of ONNX. The graph input named ``x``, or else the first
            one, carries data; every other graph input or initializer is a weight.
        max_statements: Refuse longer graphs.

    Raises:
        TextError: If the text does not parse, is empty, reads or returns an undefined name, or its
            functions recurse or nest too deep.
        TextTooLongError: If the graph is longer than ``max_statements``, a statement longer than
            :data:`MAX_STATEMENT_CHARACTERS`, or its functions expand to too many nodes, see
            :mod:`surrogates.inputs.limits`.
    """
    return _Assembler(parse_model(text), max_statements).graph()


READ_GRAPHS = TextMemory(read_statements)
"""Statements of recent texts."""


def read_all(texts: Sequence[str]) -> list[StatementGraph]:
    """Read texts, remembering recent ones: a search and a comparison ask for the same again.

    Raises:
        TextError: If a text cannot be read; see :func:`read_statements`.
    """
    return [READ_GRAPHS.of(text) for text in texts]


def forget_texts() -> None:
    """Forget all texts and what they share, as a measurement of speed must."""
    READ_GRAPHS.forget()
    forget_statements()
    forget_parsed()


class _Assembler:
    """Puts the scopes of one model together: a body stands behind its first call."""

    def __init__(self, model: ParsedModel, max_statements: int) -> None:
        self._main = model.main
        self._reader = ScopeReader(model.functions)
        self._left = max_statements
        self._limit = max_statements
        self._bodies: dict[Key, tuple[list[int], list[int]]] = {}
        self._statements: list[str] = []
        self._readers: list[int] = []
        self._producers: list[int] = []
        self._calls: tuple[list[int], list[int]] = ([], [])
        self._returns: tuple[list[int], list[int]] = ([], [])

    def graph(self) -> StatementGraph:
        """Read the main graph and, from its calls, the functions."""
        main = self._reader.main(self._main)
        if not main.statements:
            raise TextError(
                "A graph must have an input or a node, but it is empty. Export the model again."
            )
        self._place(main)
        longest = max(self._statements, key=len)
        if len(longest) > MAX_STATEMENT_CHARACTERS:
            raise TextTooLongError(
                f"A statement must have at most {MAX_STATEMENT_CHARACTERS} characters, but one of "
                f"{longest.partition(' ')[0]} has {len(longest)}. Give it fewer attributes or "
                "weights; texts are never cut."
            )
        defines = _pairs((self._producers, self._readers))
        return StatementGraph(
            statements=tuple(self._statements),
            defines=defines[np.argsort(defines[:, 1], kind="stable")],
            calls=_pairs(self._calls),
            returns=_pairs(self._returns),
        )

    def _place(self, scope: ScopeStatements) -> list[int]:
        """Append the statements of a scope and of what it calls; return their numbers."""
        self._left -= scope.n_read
        if self._left < 0:
            raise TextTooLongError(
                f"A text must have at most {self._limit} statements, but it has more. "
                "Fold its repeated blocks into functions; texts are never cut."
            )
        numbers: list[int] = []
        for call in scope.calls:
            self._append(scope.statements[len(numbers) : call.statement + 1], numbers)
            self._link(call, numbers[call.statement])
        self._append(scope.statements[len(numbers) :], numbers)
        self._producers += [numbers[producer] for producer, _ in scope.defines]
        self._readers += [numbers[reader] for _, reader in scope.defines]
        return numbers

    def _append(self, statements: Sequence[str], numbers: list[int]) -> None:
        """Append statements, and their numbers to a list."""
        first = len(self._statements)
        numbers += range(first, first + len(statements))
        self._statements += statements

    def _link(self, call: Call, number: int) -> None:
        """Relate a call to the body of its function, which is placed at the first call."""
        key = call.key
        if key not in self._bodies:
            scope = self._reader.called(call)
            numbers = self._place(scope)
            self._bodies[key] = (
                numbers,
                list(dict.fromkeys(numbers[result] for result in scope.results)),
            )
        for found, statements in zip((self._calls, self._returns), self._bodies[key], strict=True):
            found[0].extend([number] * len(statements))
            found[1].extend(statements)


def _pairs(columns: tuple[list[int], list[int]]) -> NDArray[np.int32]:
    """Two lists of indices as an array of shape (n, 2)."""
    return np.array(columns, dtype=np.int32).T
