"""Fusing statements: what goes without saying beside a neighbour becomes a field of it.

An activation or a normalisation changes no shape and has one operand. Where nobody else reads what
it reads, it becomes a field ``then=`` of the statement before it; where only one statement with no
other operand reads its result, a field ``before=`` of that one. A constant becomes a field of each
statement that reads it. Nothing else is fused: calls, inputs, chains and what a function returns
stay where they are, and who reads whom stays the same. A text has a third fewer statements so,
and what is learned of a layer is learned in one place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

Pair = tuple[int, int]

_ELEMENTWISE = frozenset(
    [
        "BatchNormalization",
        "Clip",
        "Elu",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Mish",
        "PRelu",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softplus",
        "Tanh",
    ]
)
_SHAPE_FIELD = re.compile(r"(w\d+\.|out)\d+=")
_APART = ("Input", "Call", "Constant")


class FusedStatements:
    """Statements of a graph that are fused one by one; indices stay those of the beginning.

    Attributes:
        statements: As they are now.
        is_gone: Which of them are a field of another.
    """

    def __init__(
        self, statements: Iterable[str], defines: Iterable[Pair], returned: Iterable[int]
    ) -> None:
        """Take statements in text order.

        Args:
            statements: Fields separated by one space.
            defines: (i, j): j reads the result of i, once per operand.
            returned: Statements whose results a scope returns.
        """
        self.statements = list(statements)
        self.is_gone = [False] * len(self.statements)
        self._operands: list[list[int]] = [[] for _ in self.statements]
        self._readers: list[list[int]] = [[] for _ in self.statements]
        for producer, reader in defines:
            self._operands[reader].append(producer)
            self._readers[producer].append(reader)
        self._returned = set(returned)
        self._now: dict[int, int] = {}

    def fuse(self) -> None:
        """Fuse all that can be; a statement takes one operation from behind it."""
        operators = [statement.partition(" ")[0] for statement in self.statements]
        constants = {
            index
            for index, operator in enumerate(operators)
            if operator == "Constant" and index not in self._returned
        }
        for reader in dict.fromkeys(j for index in constants for j in self._readers[index]):
            self._fuse_constants(reader, constants)
        for index in constants:
            self.is_gone[index] = True
        for index, operator in enumerate(operators):
            if operator in _ELEMENTWISE and len(self._operands[index]) == 1:
                self._fuse_elementwise(index, operators)

    def kept(self, index: int) -> int:
        """Return the statement that a statement is now a field of, or itself."""
        while index in self._now:
            index = self._now[index]
        return index

    def defines(self) -> list[Pair]:
        """Return who reads whom among those that are left."""
        return [
            (producer, reader)
            for reader, operands in enumerate(self._operands)
            if not self.is_gone[reader]
            for producer in operands
        ]

    def _fuse_constants(self, reader: int, constants: set[int]) -> None:
        """Write the constants that a statement reads into it, each with its place."""
        operands = self._operands[reader]
        for place, operand in enumerate(operands):
            if operand in constants:
                fields = self.statements[operand].split(" ")[1:]
                self.statements[reader] += "".join(f" c{place}.{field}" for field in fields)
        self._operands[reader] = [operand for operand in operands if operand not in constants]

    def _fuse_elementwise(self, index: int, operators: list[str]) -> None:
        """Write an operation into the one before it, or else into the one behind it."""
        statement, (producer,) = self.statements[index], self._operands[index]
        if " times=" in statement:
            return
        if (
            operators[producer] not in _APART
            and len(self._readers[producer]) == 1
            and producer not in self._returned
            and " times=" not in self.statements[producer]
            and " then=" not in self.statements[producer]
        ):
            self.statements[producer] += _fields("then", statement)
            for reader in dict.fromkeys(self._readers[index]):
                self._operands[reader] = [
                    producer if operand == index else operand for operand in self._operands[reader]
                ]
            self._readers[producer] = self._readers[index]
            if index in self._returned:
                self._returned.add(producer)
            self._drop(index, producer)
            return
        readers = self._readers[index]
        if len(readers) != 1 or index in self._returned:
            return
        (reader,) = readers
        if (
            operators[reader] in _APART
            or operators[reader] in _ELEMENTWISE
            or len(self._operands[reader]) != 1
            or " times=" in self.statements[reader]
        ):
            return
        self.statements[reader] += _fields("before", statement)
        self._operands[reader] = [producer]
        self._readers[producer] = [
            reader if user == index else user for user in self._readers[producer]
        ]
        self._drop(index, reader)

    def _drop(self, index: int, into: int) -> None:
        """Note that a statement is a field of another now."""
        self.is_gone[index] = True
        self._now[index] = into


@functools.lru_cache(65536)
def _fields(word: str, statement: str) -> str:
    """Operator and attributes of a statement as fields of another; its shapes say nothing new."""
    operator, *fields = statement.split(" ")
    kept = [field for field in fields if not _SHAPE_FIELD.match(field)]
    return f" {word}={operator}" + "".join(f" {word}.{field}" for field in kept)
