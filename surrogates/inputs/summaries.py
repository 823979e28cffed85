"""What :mod:`surrogates.inputs.graph_features` remembers of operations, functions and main graphs.

A function is summed up without the names of the operations that made its operands: each kind is
replaced by its number among the kinds of the operands. So one summary serves every place that the
function is called from with operands of these shapes; the names are put in at each place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from surrogates.inputs.parsed_models import MainGraph
from surrogates.inputs.scope_plans import ScopePlan
from surrogates.inputs.shapes import Shape
from surrogates.inputs.ways import MAX_WAYS, Flow, KindsOfSteps

_MARK = "\0"
"""Stands around the number of a kind, which no text can hold."""

_MAX_SUMMARIES = 4096  # of a memory, about 2 kB each
_MAX_MEMORIES = 8


class Value:
    """What flows along an edge; equal only to itself, see :meth:`Memory.value`.

    Attributes:
        shape: Empty where unknown.
        kind: Of the operation that made it; empty for a weight or a constant.
        constant: The encoded tensor of a small constant.
    """

    __slots__ = ("constant", "kind", "shape")

    def __init__(self, shape: Shape, kind: str, constant: bytes | None = None) -> None:
        """Make a value."""
        self.shape = shape
        self.kind = kind
        self.constant = constant


MISSING = Value((), "")
"""An optional operand that is not given."""


MarkedSum = tuple[str, int, str, float]
"""A sum with the number of a kind in its name: text before, number, text behind, value."""


class Summary:
    """A scope or operation summed up; equal only to itself.

    Attributes:
        sums: Features that add up.
        peaks: Features of which the greatest counts.
        results: In order.
        flow: How results come from operands.
        entry: Of an operation: the feature that counts how often it reads formals.
        shared: Of a call: what its function adds, whatever operations made the operands; calls with
            operands of these shapes have the same object.
    """

    __slots__ = ("_parts", "entry", "flow", "peaks", "results", "shared", "sums")

    def __init__(
        self,
        sums: dict[str, float],
        peaks: dict[str, float],
        results: tuple[Value, ...],
        flow: Flow,
        entry: str = "",
        shared: Summary | None = None,
    ) -> None:
        """Keep everything as it is."""
        self.sums = sums
        self.peaks = peaks
        self.results = results
        self.flow = flow
        self.entry = entry
        self.shared = shared
        self._parts: tuple[Summary, list[MarkedSum]] | None = None

    def parts(self) -> tuple[Summary, list[MarkedSum]]:
        """Return the summary without sums of numbered kinds, and these; worked out once."""
        if self._parts is None:
            plain: dict[str, float] = {}
            marked: list[MarkedSum] = []
            for name, value in self.sums.items():
                if _MARK in name:
                    before, number, behind = name.split(_MARK)
                    marked.append((before, int(number), behind, value))
                else:
                    plain[name] = value
            self._parts = Summary(plain, self.peaks, self.results, self.flow), marked
        return self._parts


class MainInputs(NamedTuple):
    """Inputs and initializers of a main graph.

    Attributes:
        names: Data first.
        values: In this order.
        n_parameters: Numbers in the weights.
    """

    names: tuple[str, ...]
    values: tuple[Value, ...]
    n_parameters: int


class Memory:
    """What has been summed up for main graphs of one input size and one opset.

    Attributes:
        size: Last extent of the input, 0 if unknown.
        opset: Version of the default domain.
        kinds: Of operations on ways.
        inputs: Of main graphs.
        plans: By scope and number of bound formals.
        summaries: By operation or function, attributes and operands.
        flows: By plan, data inputs and flows of the operations.
        n_ways: In the flows, 1.6 kB each.
    """

    def __init__(self, size: int, opset: int) -> None:
        """Start empty.

        Args:
            size: See above.
            opset: See above.
        """
        self.size = size
        self.opset = opset
        self.kinds = KindsOfSteps()
        self.inputs: dict[MainGraph, MainInputs] = {}
        self.plans: dict[tuple[object, int], ScopePlan] = {}
        self.summaries: dict[tuple[object, ...], Summary] = {}
        self.flows: dict[tuple[object, ...], Flow] = {}
        self.n_ways = 0
        self._values: dict[tuple[Shape, str, bytes | None], Value] = {}

    @property
    def is_full(self) -> bool:
        """Whether it should be used for no further text."""
        n_kept = len(self.summaries) + len(self.plans)
        return n_kept > _MAX_SUMMARIES or self.n_ways > MAX_WAYS or self.kinds.is_overfull

    def value(self, shape: Shape, kind: str, constant: bytes | None = None) -> Value:
        """Return the one value of this shape, kind and constant."""
        key = (shape, kind, constant)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = Value(*key)
        return found

    def unnamed(self, value: Value, kinds: Sequence[str]) -> Value:
        """Return the value with the number of its kind instead of the kind."""
        if not value.kind:
            return value
        return self.value(value.shape, f"{_MARK}{kinds.index(value.kind)}{_MARK}", value.constant)

    def named(self, summary: Summary, kinds: Sequence[str]) -> Summary:
        """Return a summary with kinds put in for their numbers."""
        shared, marked = summary.parts()
        sums: dict[str, float] = {}
        for before, number, behind, value in marked:
            name = f"{before}{kinds[number]}{behind}"
            sums[name] = sums.get(name, 0) + value
        results = tuple(
            [
                self.value(value.shape, kinds[int(value.kind[1:-1])], value.constant)
                if value.kind.startswith(_MARK)
                else value
                for value in summary.results
            ]
        )
        return Summary(sums, {}, results, summary.flow, shared=shared)


_SHARED: dict[tuple[int, int], Memory] = {}


def shared_memory(size: int, opset: int) -> Memory:
    """Return the memory that texts share."""
    key = (size, opset)
    if key not in _SHARED or _SHARED[key].is_full:
        if len(_SHARED) >= _MAX_MEMORIES:
            _SHARED.clear()
        _SHARED[key] = Memory(size, opset)
    return _SHARED[key]


def forget_summaries() -> None:
    """Forget what texts share."""
    _SHARED.clear()
