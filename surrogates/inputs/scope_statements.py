"""The statements of one graph or function body, before texts are put together.

What is read here does not depend on where in a text it stands, so a body that many texts share is
read once for the shapes it is called with, and a main graph once for the shapes that its calls
return.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from itertools import chain as chain_of
from typing import NamedTuple

from surrogates.errors import TextError
from surrogates.inputs.fusion import FusedStatements
from surrogates.inputs.inferred_shapes import constant_value, inferred_shapes
from surrogates.inputs.limits import Key
from surrogates.inputs.nodes import (
    Step,
    decoded_attribute,
    plain_result_shape,
    render,
    resolve_references,
    shape_fields,
)
from surrogates.inputs.parsed_models import DEFAULT_OPSET, Function, MainGraph
from surrogates.inputs.shapes import Shape

_N_SHAPES = 16384
_N_BODIES = 4096
_N_MAINS = 1024
_N_SCANS = 8


class Call(NamedTuple):
    """A statement that calls a function.

    Attributes:
        statement: Its number in the scope.
        key: Of the function.
        shapes: Of the operands; empty where unknown.
        are_data: Which operands are not weights.
    """

    statement: int
    key: Key
    shapes: tuple[Shape, ...]
    are_data: tuple[bool, ...]


class ScopeStatements(NamedTuple):
    """Statements of a scope, fused, numbered from 0 in text order.

    Attributes:
        statements: Without names.
        defines: (i, j): j reads the result of i, once per operand.
        results: Statements that make what the scope returns.
        calls: In text order.
        n_read: Statements before they were fused.
    """

    statements: tuple[str, ...]
    defines: tuple[tuple[int, int], ...]
    results: tuple[int, ...]
    calls: tuple[Call, ...]
    n_read: int


class _Question(NamedTuple):
    """A node of a domain of its own: which function it calls, and the shapes that come back."""

    step: Step
    operands: tuple[Shape, ...]
    is_call: bool
    answer: tuple[Shape, ...]


@functools.lru_cache(_N_MAINS)
def _scans(main: MainGraph) -> list[tuple[tuple[_Question, ...], ScopeStatements]]:  # noqa: ARG001
    """Readings of a main graph; empty at first, and added to."""
    return []


@functools.lru_cache(_N_BODIES)
def _plain_body(
    function: Function, shapes: tuple[Shape, ...], are_data: tuple[bool, ...]
) -> ScopeStatements:
    """Statements of a function that calls no other."""
    return ScopeReader(()).body(function, shapes, are_data)


def forget_statements() -> None:
    """Forget what was read, as a measurement of speed must."""
    for remembered in (_scans, _plain_body, _plain_call_shapes):
        remembered.cache_clear()


@functools.lru_cache(_N_SHAPES)
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
        if value is not None and step.results:
            constants[step.results[0]] = value
        return ((),)
    operands = tuple([shapes.get(name, ()) for name in step.operands])
    shape = plain_result_shape(step.operator, attributes, operands)
    if shape or constants.keys().isdisjoint(step.operands):
        return (shape,)
    given = tuple(
        [constants.get(name) or (shapes.get(name, ()) if name else None) for name in step.operands]
    )
    return inferred_shapes(step.operator, attributes, given, len(step.results), DEFAULT_OPSET)


class ScopeReader:
    """Reads scopes of one model; knows its functions."""

    def __init__(self, functions: Sequence[Function]) -> None:
        """Know the functions.

        Args:
            functions: Of the model.
        """
        self._functions = {function.key: function for function in functions}
        self._is_plain = all(domain for domain, _ in self._functions)
        self._shapes_of_calls: dict[object, tuple[Shape, ...]] = {}
        self._questions: list[_Question] = []

    def main(self, main: MainGraph) -> ScopeStatements:
        """Read the main graph.

        Raises:
            TextError: If a name is read or returned that nobody defines.
        """
        known = _scans(main) if self._is_plain else []
        for questions, found in known:
            if all(map(self._is_answered_alike, questions)):
                return found
        data, shapes = main.data, {**main.inputs, **main.stored}
        weights = set(shapes).difference(data)
        self._questions = []
        found = self._scope(main.steps, data, weights, shapes, main.outputs, main.declared)
        if len(known) < _N_SCANS:
            known.append((tuple(dict.fromkeys(self._questions)), found))
        return found

    def called(self, call: Call) -> ScopeStatements:
        """Read the body of the function that is called.

        Raises:
            TextError: If a name is read or returned that nobody defines.
        """
        function = self._functions[call.key]
        if function.is_plain and self._is_plain:
            return _plain_body(function, call.shapes, call.are_data)
        return self.body(function, call.shapes, call.are_data)

    def body(
        self, function: Function, shapes: tuple[Shape, ...], are_data: tuple[bool, ...]
    ) -> ScopeStatements:
        """Read the body of a function.

        Args:
            function: Of this model.
            shapes: Of the operands of the call.
            are_data: Which of them are not weights; formals without an operand are.

        Raises:
            TextError: If a name is read or returned that nobody defines.
        """
        data = [name for name, is_data in zip(function.formals, are_data, strict=False) if is_data]
        return self._scope(
            function.steps,
            data,
            weights=set(function.formals).difference(data),
            shapes=dict(zip(function.formals, shapes, strict=False)),
            outputs=function.outputs,
            declared={},
        )

    def _is_answered_alike(self, question: _Question) -> bool:
        """Whether a call of another text comes out the same in this one."""
        step, operands, is_call, answer = question
        function = self._functions.get((step.domain, step.operator))
        if function is None or not is_call:
            return (function is not None) == is_call
        return self._call_shapes(step, function, operands) == answer

    def _scope(
        self,
        steps: Sequence[Step],
        data: Sequence[str],
        weights: set[str],
        shapes: dict[str, Shape],
        outputs: Sequence[str],
        declared: Mapping[str, Shape],
    ) -> ScopeStatements:
        """Read the nodes of a graph or function body.

        Args:
            steps: In text order.
            data: Inputs that carry data.
            weights: Inputs and initializers that carry weights.
            shapes: Shapes of all of these; results are added.
            outputs: Names that the scope returns.
            declared: Shapes that the text states, used where no rule gives one.
        """
        defined: dict[str, int] = {}
        statements: list[str] = []
        defines: list[tuple[int, int]] = []
        calls: list[Call] = []
        for name in data:
            defined[name] = len(statements)
            statements.append("Input" + shape_fields("out", shapes.get(name, ())))
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
                statements[index] = f"{rendered} times={chain.count}"
            else:
                index = len(statements)
                statements.append(rendered)
                defines += [(producer, index) for producer in producers]
                chain = _Chain(signature, index)
                if is_call:
                    given = tuple([shapes.get(name, ()) for name in step.operands])
                    are_data = tuple([name not in weights for name in step.operands])
                    calls.append(Call(index, key, given, are_data))
            chain.result = step.results[0] if step.results else ""
            for name in step.results:
                defined[name] = index
        missing = [name for name in outputs if name not in defined and name not in weights]
        if missing:
            raise TextError(
                f"Every result must be defined, but {missing[0]!r} is not. Export the model again."
            )
        ends = tuple(defined[name] for name in outputs if name in defined)
        return _fused(statements, defines, ends, calls)

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
                self._questions.append(_Question(step, (), is_call=False, answer=()))
                return ()
            attributes = resolve_references(step.attributes, bound)
            return _plain_shapes(step, attributes, shapes, constants)
        operands = tuple([shapes.get(name, ()) for name in step.operands])
        found = self._call_shapes(step, function, operands)
        self._questions.append(_Question(step, operands, is_call=True, answer=found))
        return found

    def _call_shapes(
        self, step: Step, function: Function, operands: tuple[Shape, ...]
    ) -> tuple[Shape, ...]:
        """Shapes of the results of a call with operands of these shapes."""
        if function.is_plain and self._is_plain:
            return _plain_call_shapes(function, step.attributes, operands)
        key = (step.domain, step.operator, step.attributes, operands)
        if key not in self._shapes_of_calls:
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


def _fused(
    statements: Sequence[str],
    defines: Iterable[tuple[int, int]],
    results: tuple[int, ...],
    calls: Iterable[Call],
) -> ScopeStatements:
    """Fuse statements and number those that are left."""
    fused = FusedStatements(statements, defines, results)
    fused.fuse()
    places = [k - 1 for k in accumulate(not gone for gone in fused.is_gone)]
    return ScopeStatements(
        statements=tuple(
            [fused.statements[place] for place, gone in enumerate(fused.is_gone) if not gone]
        ),
        defines=tuple([(places[i], places[j]) for i, j in fused.defines()]),
        results=tuple([places[fused.kept(result)] for result in results]),
        calls=tuple([call._replace(statement=places[call.statement]) for call in calls]),
        n_read=len(statements),
    )
