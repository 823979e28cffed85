"""Ways through a graph: the fewest and the most steps from one value to another, by kind of step.

The ways between two values are one vector: the fewest steps, then the most, negated, so that one way
after the other is a sum and the better of two ways is a minimum. Both halves count all steps, the
steps of each kind, and the steps of each pair of kinds with weights or a window together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from surrogates.errors import TextTooLongError
from surrogates.inputs.operations import is_working, pair_name

MAX_NAMED = 23
"""Kinds of operation, the first that are met, of which the ways of a text are named."""

MAX_WAYS = 65_536
"""Most ways of a text, from each operand of a scope to each value, calls expanded; 1.6 kB each."""

_MAX_KINDS = 128
_MAX_LISTS = 1024
_MAX_WORKING = MAX_NAMED + 1
_PAIRS = [(a, b) for a in range(_MAX_WORKING) for b in range(a)]
_FIRST_PAIR = 1 + _MAX_KINDS
_LENGTH = _FIRST_PAIR + len(_PAIRS)

Ways = NDArray[np.int16]
"""Shape ``(2 k,)``; see the top of this module. No text has as many steps as a number can hold, see
:data:`surrogates.inputs.limits.MAX_EXPANDED_STEPS`."""

_Named = tuple[list[str], NDArray[np.int64]]
"""Names of features, and the place of each in :data:`Ways`."""


class Flow:
    """How each result of an operation or scope comes from its operands; equal only to itself.

    Attributes:
        results: For each result, operand number to the ways between; no entry where there is none.
        n_ways: Held to find them out, in scopes that are called too; none for an operation.
        is_straight: Whether there is one result, and it comes from the first operand alone.
    """

    __slots__ = ("is_straight", "n_ways", "results")

    def __init__(self, results: tuple[Mapping[int, Ways], ...], n_ways: int = 0) -> None:
        """Keep the ways."""
        self.results = results
        self.n_ways = n_ways
        self.is_straight = len(results) == 1 and [*results[0]] == [0]


class KindsOfSteps:
    """Places of kinds in :data:`Ways`, and the flows of single operations.

    It serves many texts, until it :attr:`is_overfull`: then kinds share the last place, which is
    where they belong only in the text that it began with.
    """

    def __init__(self) -> None:
        """Know no kind yet."""
        self._places: dict[str, int] = {}
        self._working: dict[str, int] = {}
        self._flows: dict[tuple[str, tuple[int, ...], int], Flow] = {}
        self._names: LRUCache[Hashable, _Named] = LRUCache(_MAX_LISTS)
        self.no_step: Ways = np.zeros(2 * _LENGTH, np.int16)

    @property
    def is_overfull(self) -> bool:
        """Whether some kinds share a place."""
        return len(self._places) > _MAX_KINDS or len(self._working) > _MAX_WORKING

    def flow(self, kind: str, operands: tuple[int, ...], n_results: int) -> Flow:
        """Return the flow of one operation.

        Args:
            kind: Of the operation.
            operands: Numbers of the operands that carry data.
            n_results: Results of the operation.
        """
        key = (kind, operands, n_results)
        if key not in self._flows:
            place = self._places.setdefault(kind, min(len(self._places), _MAX_KINDS - 1))
            fewest = np.zeros(_LENGTH, np.int16)
            fewest[[0, 1 + place]] = 1
            if is_working(kind):
                own = self._working.setdefault(kind, min(len(self._working), _MAX_WORKING - 1))
                shared = [row for row, pair in enumerate(_PAIRS, _FIRST_PAIR) if own in pair]
                fewest[shared] = 1
            way = np.concatenate([fewest, -fewest])
            self._flows[key] = Flow((dict.fromkeys(operands, way),) * n_results)
        return self._flows[key]

    def features(self, ways: Ways, kinds: Sequence[str]) -> dict[str, float]:
        """Name the lengths of ways.

        Args:
            ways: From an input to an output.
            kinds: Of the text, as they are met.
        """
        names, places = self._named(tuple(kinds[:MAX_NAMED]))
        return dict(zip(names, np.abs(ways[places]).astype(float).tolist(), strict=True))

    @cachedmethod(attrgetter("_names"))
    def _named(self, kinds: tuple[str, ...]) -> _Named:
        """Names of the lengths of ways, and where in :data:`Ways` each stands."""
        places = {"": 0} | {f" {kind}": 1 + self._places[kind] for kind in kinds}
        working = sorted([(self._working[kind], kind) for kind in kinds if is_working(kind)])
        for number, (a, kind) in enumerate(working):
            for b, other in working[:number]:
                places[f" {pair_name(kind, other)}"] = _FIRST_PAIR + a * (a - 1) // 2 + b
        names, found = [], []
        for steps, place in places.items():
            names += [f"shortest{steps}", f"longest{steps}"]
            found += [place, _LENGTH + place]
        return names, np.array(found)


class FlowStep(NamedTuple):
    """An operation or call of a scope.

    Attributes:
        operands: Numbers of the values that it reads.
        results: Numbers of its results, of which a call may name fewer than there are.
        flow: Between these.
        repeats: Whether it reads first what the step before made and nobody else reads.
    """

    operands: Sequence[int]
    results: Sequence[int]
    flow: Flow
    repeats: bool = False


def flow_of_scope(
    steps: Iterable[FlowStep], starts: Mapping[int, Ways], n_values: int, outputs: Sequence[int]
) -> Flow:
    """Return the flow of a graph or function body.

    Args:
        steps: In text order.
        starts: Values that carry data in, each with no step; they are operands 0, 1, ... by
            their number less one.
        n_values: All values of the scope; value 0 is the missing one.
        outputs: Values that the scope returns.

    Raises:
        TextTooLongError: If more than :data:`MAX_WAYS` would be held.
    """
    n_ways = 0
    ways: list[Mapping[int, Ways]] = [{}] * n_values
    for value, no_step in starts.items():
        ways[value] = {value - 1: no_step}
    for operands, results, flow, times in _in_runs(steps):
        n_ways += times * flow.n_ways
        for result, through in zip(results, flow.results, strict=False):
            found: dict[int, Ways] = {}
            for place, way in through.items():
                step = way if times == 1 else times * way
                for source, earlier in ways[operands[place]].items():
                    whole = earlier + step
                    found[source] = np.minimum(found[source], whole) if source in found else whole
            ways[result] = found
            n_ways += times * len(found)
            if n_ways > MAX_WAYS:
                raise TextTooLongError(
                    f"A text must have at most {MAX_WAYS} ways from operands of its functions to "
                    "the values inside, calls expanded, but has more. Give functions fewer "
                    "operands or statements; texts are never cut."
                )
    return Flow(tuple(ways[value] for value in outputs), n_ways)


def _in_runs(steps: Iterable[FlowStep]) -> list[tuple[Sequence[int], Sequence[int], Flow, int]]:
    """Operands, results and flow of each step, and how often it is taken in a row.

    Steps are taken together if each hears of data from the one before alone.
    """
    runs: list[tuple[Sequence[int], Sequence[int], Flow, int]] = []
    for operands, results, flow, repeats in steps:
        if repeats and flow.is_straight and flow is runs[-1][2]:
            first, _, _, times = runs[-1]
            runs[-1] = (first, results, flow, times + 1)
        else:
            runs.append((operands, results, flow, 1))
    return runs
