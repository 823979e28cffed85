"""Plain numbers of a graph: counts, path lengths, degrees, sizes; what trees and perceptrons read.

After "Surprisingly Strong Performance Prediction with Neural Graph Features" (GRAF),
arXiv:2404.16551: operations counted, shortest and longest ways from input to output counted in
steps of one kind or of two, and degrees at the ends of a cell. The paper reads them off the cell
that a search space names; a surrogate sees only text, so here they are those of the whole graph
as it runs: every call counts as often as it is made, with the shapes it has there. What plays the
cell is every function, and its ends are its formals and results. Added are parameters, mult-adds
and activations, in all and by kind and resolution.

A function is summed up once for each list of operand shapes, so a cell that is stacked fifteen
times at three resolutions is walked three times.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from surrogates.errors import TextError
from surrogates.inputs.inferred_shapes import constant_value, inferred_shapes, small_tensor
from surrogates.inputs.nodes import (
    Step,
    decoded_attribute,
    plain_result_shape,
    read_steps,
    resolve_references,
    typed_shape,
)
from surrogates.inputs.operations import is_working, kind_of, mult_adds, pair_name
from surrogates.inputs.parsed_models import parse_text
from surrogates.inputs.shapes import Shape

MAX_KINDS = 24
"""Kinds of operation told apart on paths in one text; what comes later shares the last place."""

_PAIRS = [(a, b) for a in range(MAX_KINDS) for b in range(a)]
_N_SINGLE = 1 + MAX_KINDS
_NO_STEP = {
    has_pairs: np.zeros(_N_SINGLE + len(_PAIRS) * has_pairs, np.float32)
    for has_pairs in (False, True)
}
_N_REMEMBERED = 16384

Features = Mapping[str, float]
"""Name of a feature to its value; what a text lacks is absent and counts as 0."""


@dataclass(frozen=True)
class _Value:
    """What flows along an edge."""

    shape: Shape
    kind: str
    """Of the node that made it; empty for a weight or a constant."""
    constant: bytes | None = None
    """The encoded tensor of a small constant."""


@dataclass(frozen=True)
class _Ways:
    """Least and most steps on the ways to a value; all, by kind, by two kinds."""

    least: NDArray[np.float32]
    most: NDArray[np.float32]

    def then(self, other: _Ways) -> _Ways:
        """One way after the other."""
        return _Ways(self.least + other.least, self.most + other.most)

    @classmethod
    def either(cls, ways: Sequence[_Ways]) -> _Ways:
        """The best and the worst of several ways, at least one."""
        if len(ways) == 1:
            return ways[0]
        return cls(
            np.minimum.reduce([way.least for way in ways]),
            np.maximum.reduce([way.most for way in ways]),
        )


_MISSING = _Value((), "")
"""An optional operand that is not given."""


@dataclass
class _Summary:
    """A scope summed up: what it adds, and how its results come from its data inputs."""

    sums: Counter[str] = field(default_factory=Counter)
    peaks: dict[str, float] = field(default_factory=dict)
    results: tuple[_Value, ...] = ()
    ways: tuple[dict[int, _Ways], ...] = ()
    """For each result, input number to the ways between; no entry where there is none."""

    def raise_peak(self, name: str, value: float) -> None:
        """Note a value if it is the greatest so far."""
        self.peaks[name] = max(value, self.peaks.get(name, value))


def graph_features(text: str, *, has_pairs: bool = True) -> Features:
    """Return the features of an ONNX text; recent texts are remembered.

    Names are ``count KIND``, ``edges KIND>KIND``, ``level L KIND`` (kinds with weights or a window
    whose result is 2^L times smaller than the input), ``entry KIND`` and ``exit KIND`` (readers
    of formals, makers of what the last node of a function reads), ``shortest`` and ``longest``
    (steps from the first input to the first output), both also followed by one kind or by
    ``KIND|KIND``, ``params``, ``macs``, ``activations``, also by kind or level, and a few peaks.

    Args:
        text: As for :func:`surrogates.inputs.statements.read_statements`.
        has_pairs: Whether ways are also counted in steps of two kinds, which takes most of the
            time and adds little.

    Raises:
        TextError: If the text does not parse, reads an undefined name, or its functions recurse.
    """
    return _with_pairs(text) if has_pairs else _without_pairs(text)


@functools.lru_cache(_N_REMEMBERED)
def _with_pairs(text: str) -> Features:
    return _Walker(parse_text(text), has_pairs=True).features()


@functools.lru_cache(_N_REMEMBERED)
def _without_pairs(text: str) -> Features:
    return _Walker(parse_text(text), has_pairs=False).features()


class _Walker:
    """Walks one model; holds what is shared between its scopes."""

    def __init__(self, model: onnx.ModelProto, *, has_pairs: bool) -> None:
        self._has_pairs = has_pairs
        self._no_step = _Ways(_NO_STEP[has_pairs], _NO_STEP[has_pairs])
        self._graph = model.graph
        self._functions = {(f.domain, f.name): f for f in model.functions}
        self._steps: dict[tuple[str, str], tuple[Step, ...]] = {}
        self._summaries: dict[object, _Summary] = {}
        self._open: set[tuple[str, str]] = set()
        self._kinds: dict[str, int] = {}
        self._step_ways: dict[str, _Ways] = {}
        self._size = 0
        self._opset = next((o.version for o in model.opset_import if not o.domain), 17)

    def features(self) -> Features:
        """Sum up the main graph and name the numbers."""
        graph = self._graph
        typed = {value.name: typed_shape(value) for value in graph.input}
        stored = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        data = [n for n in typed if n == "x"] or [n for n in typed if n not in stored][:1]
        if not data and not graph.node:
            raise TextError(
                "A graph must have an input or a node, but it is empty. Export the model again."
            )
        sizes = typed | stored
        self._size = max((sizes[data[0]] or (0,))[-1], 0) if data else 0
        constants = {tensor.name: small_tensor(tensor) for tensor in graph.initializer}
        weights = {
            name: _Value(shape, "", constants.get(name))
            for name, shape in sizes.items()
            if name not in data
        }
        summary = self._scope(
            read_steps(graph.node),
            [*data, *weights],
            [*(_Value(sizes[name], "Input") for name in data), *weights.values()],
            [value.name for value in graph.output],
            {},
        )
        found: dict[str, float] = {**summary.sums, **summary.peaks}
        found["params"] = float(sum(math.prod(value.shape) for value in weights.values()))
        found["input size"] = float(self._size)
        if summary.ways and 0 in summary.ways[0]:
            found |= self._path_features(summary.ways[0][0])
        return found

    def _path_features(self, ways: _Ways) -> dict[str, float]:
        """Name path lengths; pairs only of kinds with weights or a window."""
        found = {"shortest": float(ways.least[0]), "longest": float(ways.most[0])}
        names = {place: kind for kind, place in self._kinds.items() if place < MAX_KINDS - 1}
        for place, kind in names.items():
            found[f"shortest {kind}"] = float(ways.least[1 + place])
            found[f"longest {kind}"] = float(ways.most[1 + place])
        for row, (a, b) in enumerate(_PAIRS if self._has_pairs else ()):
            if a in names and b in names and is_working(names[a]) and is_working(names[b]):
                pair = pair_name(names[a], names[b])
                found[f"shortest {pair}"] = float(ways.least[_N_SINGLE + row])
                found[f"longest {pair}"] = float(ways.most[_N_SINGLE + row])
        return found

    def _scope(
        self,
        steps: Sequence[Step],
        formals: Sequence[str],
        actuals: Sequence[_Value],
        outputs: Sequence[str],
        bound: Mapping[str, bytes],
    ) -> _Summary:
        """Sum up a graph or function body.

        Args:
            steps: In text order.
            formals: Names of its inputs.
            actuals: What they are bound to.
            outputs: Names that it returns.
            bound: Attributes of the call, by name.
        """
        summary = _Summary()
        values = dict(zip(formals, actuals, strict=False))
        ways: dict[str, dict[int, _Ways]] = {
            name: {place: self._no_step} for place, name in enumerate(formals) if values[name].kind
        }
        operand_kinds: dict[str, list[str]] = {}
        for step in steps:
            names = step.operands
            operands = [self._operand(step, name, values) for name in names]
            inner = self._node(step, operands, bound)
            summary.sums.update(inner.sums)
            for name, peak in inner.peaks.items():
                summary.raise_peak(name, peak)
            is_call = (step.domain, step.operator) in self._functions
            for place, name in enumerate(step.results):
                values[name] = inner.results[place]
                operand_kinds[name] = [value.kind for value in operands if value.kind]
                ways[name] = _join(inner.ways[place], [ways.get(n, {}) for n in names])
            if not is_call:
                kind = inner.results[0].kind if inner.results else step.operator
                entered = sum(n in formals and values[n].kind != "" for n in names if n)
                summary.sums[f"entry {kind}"] += entered
        for name in outputs:
            if name not in values:
                raise TextError(
                    f"Every result must be defined, but {name!r} is not. Export the model again."
                )
            summary.sums.update(f"exit {kind}" for kind in operand_kinds.get(name, ()))
        readers = Counter(name for step in steps for name in step.operands if name in ways)
        summary.raise_peak("most readers", float(max(readers.values(), default=0)))
        summary.results = tuple(values[name] for name in outputs)
        summary.ways = tuple(ways.get(name, {}) for name in outputs)
        return summary

    def _operand(self, step: Step, name: str, values: Mapping[str, _Value]) -> _Value:
        """Look an operand up."""
        if not name:
            return _MISSING
        if name not in values:
            raise TextError(
                f"Every operand must be defined before it is used, but {step.operator} reads "
                f"{name!r}. Export the model again."
            )
        return values[name]

    def _node(
        self, step: Step, operands: Sequence[_Value], bound: Mapping[str, bytes]
    ) -> _Summary:
        """Sum up a node, or the body that it calls, from memory where it can be."""
        function = self._functions.get((step.domain, step.operator))
        attributes = resolve_references(step.attributes, bound)
        signature = (
            step.domain,
            step.operator,
            attributes,
            tuple(operands),
            len(step.results),
        )
        if signature in self._summaries:
            return self._summaries[signature]
        if function is None:
            made = self._operation(step, attributes, operands)
        else:
            made = self._call(function, attributes, operands)
        self._summaries[signature] = made
        return made

    def _call(
        self,
        function: onnx.FunctionProto,
        attributes: Iterable[bytes],
        operands: Sequence[_Value],
    ) -> _Summary:
        """Sum up the body of a function for these operands."""
        key = (function.domain, function.name)
        if key in self._open:
            raise TextError(
                f"Functions must not call themselves, but {key[0]}.{key[1]} does. "
                "Inline the function."
            )
        if key not in self._steps:
            self._steps[key] = read_steps(function.node)
        named = {decoded_attribute(encoded).name: encoded for encoded in attributes}
        formals = list(function.input)[: len(operands)]
        self._open.add(key)
        made = self._scope(self._steps[key], formals, operands, list(function.output), named)
        self._open.discard(key)
        return made

    def _operation(
        self, step: Step, attributes: tuple[bytes, ...], operands: Sequence[_Value]
    ) -> _Summary:
        """Count one operation."""
        shapes = tuple(value.shape for value in operands)
        results = self._result_shapes(step, attributes, operands)
        shape = results[0] if results else ()
        kind = kind_of(step.operator, attributes, shapes)
        macs = mult_adds(step.operator, shape, shapes)
        made = _Summary()
        made.sums[f"count {kind}"] += 1
        made.sums["macs"] += macs
        made.sums["activations"] += math.prod(shape)
        read = [value.kind for value in operands if value.kind]
        made.sums.update(f"edges {other}>{kind}" for other in read)
        made.raise_peak("most operands", float(len(read)))
        if len(shape) > 1:
            made.raise_peak("most channels", float(shape[1]))
        if is_working(kind):
            level = self._level(shape)
            made.sums[f"macs {kind}"] += macs
            made.sums[f"level {level} macs"] += macs
            made.sums[f"level {level} {kind}"] += 1
            made.sums["channels"] += shape[1] if len(shape) > 1 else 0
        if step.operator == "Constant":
            made.results = tuple(_Value(at, "", constant_value(attributes)) for at in results)
        else:
            made.results = tuple(_Value(at, kind) for at in results)
        way = self._way_of(kind)
        ways = {place: way for place, value in enumerate(operands) if value.kind}
        made.ways = tuple(ways for _ in step.results)
        return made

    def _result_shapes(
        self, step: Step, attributes: tuple[bytes, ...], operands: Sequence[_Value]
    ) -> tuple[Shape, ...]:
        """Shapes of all results: by the rules, or else by asking ONNX."""
        if step.domain:
            return ((),) * len(step.results)
        shapes = tuple(value.shape for value in operands)
        known = plain_result_shape(step.operator, attributes, shapes)
        if known and len(step.results) == 1:
            return (known,)
        given = tuple(
            None if value is _MISSING else value.constant or value.shape for value in operands
        )
        return inferred_shapes(step.operator, attributes, given, len(step.results), self._opset)

    def _level(self, shape: Shape) -> int:
        """How often the resolution was halved; the last level where there is no resolution."""
        if len(shape) < 3 or not shape[-1] or not self._size:
            return 9
        return min(9, max(0, round(math.log2(self._size / shape[-1]))))

    def _way_of(self, kind: str) -> _Ways:
        """One step of a kind."""
        if kind not in self._step_ways:
            place = self._kinds.setdefault(kind, min(len(self._kinds), MAX_KINDS - 1))
            step = _NO_STEP[self._has_pairs].copy()
            step[[0, 1 + place]] = 1.0
            if self._has_pairs:
                step[[_N_SINGLE + row for row, pair in enumerate(_PAIRS) if place in pair]] = 1.0
            self._step_ways[kind] = _Ways(step, step)
        return self._step_ways[kind]


def _join(inner: Mapping[int, _Ways], before: Sequence[Mapping[int, _Ways]]) -> dict[int, _Ways]:
    """Ways to a result: those to each operand, then those through the node."""
    joined: dict[int, list[_Ways]] = {}
    for place, through in inner.items():
        for source, way in before[place].items():
            joined.setdefault(source, []).append(way.then(through))
    return {source: _Ways.either(ways) for source, ways in joined.items()}
