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

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from itertools import chain as chain_of

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import TextError, TextTooLongError
from surrogates.inputs.fusion import FusedStatements
from surrogates.inputs.inferred_shapes import constant_value, inferred_shapes
from surrogates.inputs.nodes import (
    Step,
    decoded_attribute,
    plain_result_shape,
    render,
    resolve_references,
    shape_fields,
)
from surrogates.inputs.parsed_models import Function, ParsedModel, parse_model
from surrogates.inputs.shapes import Shape

MAX_STATEMENTS = 4096
"""Longest graph that is read, in statements after chains are merged."""


_OPSET = 17  # whose rules say what Slice and its like make of their constants

_N_REMEMBERED = 16384
"""Texts whose statements stay in memory, about 10 kB each."""


@dataclass(frozen=True)
class StatementGraph:
    """The statements of one architecture, in text order, and who uses whom.

    Attributes:
        statements: Length s; fields separated by one space, without any name.
        defines: Shape ``(e, 2)``; row (i, j) says that j reads the result of i, once per operand.
        calls: Shape ``(c, 2)``; row (i, j) says that statement i calls a function with statement
            j in its body.
        returns: Shape ``(r, 2)``; row (i, j) says that j returns the result of the call i.
    """

    statements: tuple[str, ...]
    defines: NDArray[np.int32]
    calls: NDArray[np.int32]
    returns: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of statements."""
        return len(self.statements)


@dataclass(frozen=True)
class _Body:
    """The statements of a function: all of them, and the ones that define its results."""

    statements: tuple[int, ...]
    results: tuple[int, ...]


def read_statements(text: str, *, max_statements: int = MAX_STATEMENTS) -> StatementGraph:
    """Read ONNX text into statements and relations.

    Args:
        text: The official textual syntax of ONNX. The graph input named ``x``, or else the first
            one, carries data; every other graph input or initializer is a weight.
        max_statements: Refuse longer graphs.

    Raises:
        TextError: If the text does not parse, is empty, reads or returns an undefined name, or its
            functions recurse.
        TextTooLongError: If the graph is longer than ``max_statements``.
    """
    return _Reader(parse_model(text), max_statements).read()


def read_all(texts: Sequence[str]) -> list[StatementGraph]:
    """Read texts, remembering recent ones: a search and a comparison ask for the same again.

    Raises:
        TextError: If a text cannot be read; see :func:`read_statements`.
    """
    return [_remembered(text) for text in texts]


@functools.lru_cache(_N_REMEMBERED)
def _remembered(text: str) -> StatementGraph:
    return read_statements(text)


@functools.lru_cache(_N_REMEMBERED)
def _plain_call_shapes(
    function: Function, attributes: tuple[bytes, ...], operands: tuple[Shape, ...]
) -> tuple[Shape, ...]:
    """Shapes of the results of a call to a function that calls no other."""
    inner = dict(zip(function.formals, operands, strict=False))
    named = {decoded_attribute(encoded).name: encoded for encoded in attributes}
    constants: dict[str, bytes] = {}
    for step in function.steps:
        found = _plain_shapes(step, resolve_references(step.attributes, named), inner, constants)
        inner.update(zip(step.results, found, strict=False))
    return tuple([inner.get(name, ()) for name in function.outputs])


def _plain_shapes(
    step: Step,
    attributes: tuple[bytes, ...],
    shapes: Mapping[str, Shape],
    constants: dict[str, bytes],
) -> tuple[Shape, ...]:
    """Shapes of the results of a node of the default domain; notes the value of a constant.

    Args:
        step: The node.
        attributes: Of the node, references resolved.
        shapes: What is known in its scope.
        constants: Encoded tensors of small constants in its scope, by name; one may be added.
    """
    if step.operator == "Constant":
        value = constant_value(attributes)
        if value is not None:
            constants[step.results[0]] = value
        return ((),)
    operands = tuple([shapes.get(name, ()) for name in step.operands])
    shape = plain_result_shape(step.operator, attributes, operands)
    if shape or not any(name in constants for name in step.operands):
        return (shape,)
    given = tuple(
        [constants.get(name) or (shapes.get(name, ()) if name else None) for name in step.operands]
    )
    return inferred_shapes(step.operator, attributes, given, len(step.results), _OPSET)


class _Reader:
    """Reads one model; holds what is shared between its scopes."""

    def __init__(self, model: ParsedModel, max_statements: int) -> None:
        self._main = model.main
        self._limit = max_statements
        self._functions = {function.key: function for function in model.functions}
        self._is_plain = all(domain for domain, _ in self._functions)
        self._bodies: dict[tuple[str, str], _Body] = {}
        self._shapes_of_calls: dict[object, tuple[Shape, ...]] = {}
        self._open: set[tuple[str, str]] = set()
        self._statements: list[str] = []
        self._defines: list[tuple[int, int]] = []
        self._calls: list[tuple[int, int]] = []
        self._returns: list[tuple[int, int]] = []

    def read(self) -> StatementGraph:
        """Read the main graph and, from its calls, the functions."""
        main = self._main
        typed, stored = main.inputs, main.stored
        data = [n for n in typed if n == "x"] or [n for n in typed if n not in stored][:1]
        weights = {name for name in (*typed, *stored) if name not in data}
        shapes = {**typed, **stored}
        whole = self._scope(main.steps, data, weights, shapes, main.outputs, main.declared)
        if not self._statements:
            raise TextError(
                "A graph must have an input or a node, but it is empty. Export the model again."
            )
        return self._fused(whole.results)

    def _fused(self, results: tuple[int, ...]) -> StatementGraph:
        """Fuse statements and number those that are left."""
        returned = (*results, *(statement for _, statement in self._returns))
        fused = FusedStatements(self._statements, self._defines, returned)
        fused.fuse()
        places = [k - 1 for k in accumulate(not gone for gone in fused.is_gone)]
        kept = [place for place, gone in enumerate(fused.is_gone) if not gone]
        return StatementGraph(
            statements=tuple([fused.statements[place] for place in kept]),
            defines=_pairs([(places[i], places[j]) for i, j in fused.defines()]),
            calls=_pairs([(places[i], places[j]) for i, j in self._calls if not fused.is_gone[j]]),
            returns=_pairs([(places[i], places[fused.kept(j)]) for i, j in self._returns]),
        )

    def _scope(
        self,
        steps: Sequence[Step],
        data: Sequence[str],
        weights: set[str],
        shapes: dict[str, Shape],
        outputs: Sequence[str],
        declared: Mapping[str, Shape],
    ) -> _Body:
        """Read the nodes of a graph or function body; return which statements they became.

        Args:
            steps: In text order.
            data: Inputs that carry data.
            weights: Inputs and initializers that carry weights.
            shapes: Shapes of all of these; results are added.
            outputs: Names that the scope returns.
            declared: Shapes that the text states, used where no rule gives one.
        """
        defined: dict[str, int] = {}
        for name in data:
            defined[name] = self._add("Input" + shape_fields("out", shapes.get(name, ())))
        own = list(defined.values())
        chain = _Chain()
        n_uses = Counter(chain_of.from_iterable(step.operands for step in steps))
        n_uses.update(outputs)
        constants: dict[str, bytes] = {}
        for step in steps:
            key = (step.domain, step.operator)
            found = self._result_shapes(step, shapes, {}, constants)
            for position, name in enumerate(step.results):
                shape = found[position] if position < len(found) else ()
                shapes[name] = shape or declared.get(name, ())
            producers = self._producers(step, defined, weights)
            bound = tuple(shapes.get(name, ()) for name in step.operands if name in weights)
            is_call = key in self._functions
            result = shapes[step.results[0]] if step.results else ()
            rendered = render(
                "Call" if is_call else step.operator,
                step.attributes,
                () if is_call else bound,
                result,
            )
            signature = (key, rendered, bound)
            if chain.continues(signature, producers, step.operands, n_uses):
                chain.count += 1
                index = chain.statement
                self._statements[index] = f"{rendered} times={chain.count}"
            else:
                index = self._add(rendered)
                own.append(index)
                self._defines += [(producer, index) for producer in producers]
                chain = _Chain(signature, index)
                if is_call:
                    self._link(index, key, step.operands, weights, shapes)
            chain.result = step.results[0] if step.results else ""
            for name in step.results:
                defined[name] = index
        missing = [name for name in outputs if name not in defined and name not in weights]
        if missing:
            raise TextError(
                f"Every result must be defined, but {missing[0]!r} is not. Export the model again."
            )
        ends = tuple(defined[name] for name in outputs if name in defined)
        return _Body(tuple(own), ends)

    def _result_shapes(
        self,
        step: Step,
        shapes: Mapping[str, Shape],
        bound: Mapping[str, bytes],
        constants: dict[str, bytes],
    ) -> tuple[Shape, ...]:
        """Shapes of the results of a node; of a call, by the rules applied to the body.

        Args:
            step: The node.
            shapes: What is known in its scope.
            bound: Attributes of the call that the scope belongs to, by name.
            constants: Of its scope, see :func:`_plain_shapes`.
        """
        function = self._functions.get((step.domain, step.operator))
        if function is None:
            if step.domain:
                return ()
            attributes = resolve_references(step.attributes, bound)
            return _plain_shapes(step, attributes, shapes, constants)
        operands = tuple([shapes.get(name, ()) for name in step.operands])
        if function.is_plain and self._is_plain:
            return _plain_call_shapes(function, step.attributes, operands)
        key = (step.domain, step.operator, step.attributes, operands)
        if key not in self._shapes_of_calls:
            self._shapes_of_calls[key] = ()  # a call inside itself stays unknown
            inner = dict(zip(function.formals, operands, strict=False))
            named = {decoded_attribute(encoded).name: encoded for encoded in step.attributes}
            inside: dict[str, bytes] = {}
            for inner_step in function.steps:
                found = self._result_shapes(inner_step, inner, named, inside)
                inner.update(zip(inner_step.results, found, strict=False))
            known = tuple(inner.get(name, ()) for name in function.outputs)
            self._shapes_of_calls[key] = known
        return self._shapes_of_calls[key]

    def _producers(self, step: Step, defined: dict[str, int], weights: set[str]) -> list[int]:
        """Statements that define the operands, one entry per operand that is not a weight."""
        producers = []
        for name in step.operands:
            if name in defined:
                producers.append(defined[name])
            elif name and name not in weights:
                raise TextError(
                    f"Every operand must be defined before it is used, but {step.operator} reads "
                    f"{name!r}. Export the model again."
                )
        return producers

    def _link(
        self,
        call: int,
        key: tuple[str, str],
        operands: Sequence[str],
        weights: set[str],
        shapes: Mapping[str, Shape],
    ) -> None:
        """Relate a call to the body of its function, which is read at the first call."""
        if key in self._open:
            raise TextError(
                f"Functions must not call themselves, but {key[0]}.{key[1]} does. "
                "Inline the function."
            )
        if key not in self._bodies:
            function = self._functions[key]
            self._open.add(key)
            bound = dict(zip(function.formals, operands, strict=False))
            data = [formal for formal, actual in bound.items() if actual not in weights]
            self._bodies[key] = self._scope(
                function.steps,
                data,
                weights=set(function.formals).difference(data),
                shapes={formal: shapes.get(actual, ()) for formal, actual in bound.items()},
                outputs=function.outputs,
                declared={},
            )
            self._open.discard(key)
        body = self._bodies[key]
        self._calls += [(call, statement) for statement in body.statements]
        self._returns += [(call, statement) for statement in body.results]

    def _add(self, statement: str) -> int:
        """Append a statement and return its index."""
        if len(self._statements) >= self._limit:
            raise TextTooLongError(
                f"A text must have at most {self._limit} statements, but it has more. "
                "Fold its repeated blocks into functions; texts are never cut."
            )
        self._statements.append(statement)
        return len(self._statements) - 1


class _Chain:
    """The run of equal statements that the last node may continue."""

    def __init__(self, signature: object = None, statement: int = -1) -> None:
        self.signature = signature
        self.statement = statement
        self.count = 1
        self.result = ""

    def continues(
        self,
        signature: object,
        producers: list[int],
        operands: Sequence[str],
        n_uses: Mapping[str, int],
    ) -> bool:
        """Whether a node equals the last one and is the only reader of its result."""
        return (
            signature == self.signature
            and producers == [self.statement]
            and self.result in operands
            and n_uses.get(self.result, 0) == 1
        )


def _pairs(pairs: list[tuple[int, int]]) -> NDArray[np.int32]:
    """A list of index pairs as an array of shape (n, 2)."""
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)
