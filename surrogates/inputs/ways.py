"""Ways through a graph: the fewest and the most steps from one value to another, by kind of step.

The ways between two values are one vector: the fewest steps, then the most, negated, so that one way
after the other is a sum and the better of two ways is a minimum. Both halves count all steps, the
steps of each kind, and the steps of each pair of kinds with weights or a window together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import TextTooLongError
from surrogates.inputs.operations import is_working, pair_name

MAX_NAMED = 23
"""Kinds of operation, the first that are met, of which the ways of a text are named."""

MAX_WAYS = 65_536
"""Most ways of a text, from each operand of a scope to each value, calls expanded; 3 kB each."""

_MAX_KINDS = 128
_MAX_WORKING = MAX_NAMED + 1
_PAIRS = [(a, b) for a in range(_MAX_WORKING) for b in range(a)]
_FIRST_PAIR = 1 + _MAX_KINDS
_LENGTH = _FIRST_PAIR + len(_PAIRS)

Ways = NDArray[np.float32]
"""Shape ``(2 k,)``; see the top of this module."""


class Flow:
    """How each result of an operation or scope comes from its operands; equal only to itself.

    Attributes:
        results: For each result, operand number to the ways between; no entry where there is none.
        n_ways: Held to find them out, in scopes that are called too; none for an operation.
    """

    __slots__ = ("n_ways", "results")

    def __init__(self, results: tuple[Mapping[int, Ways], ...], n_ways: int = 0) -> None:
        """Keep the ways."""
        self.results = results
        self.n_ways = n_ways


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
        self.no_step: Ways = np.zeros(2 * _LENGTH, np.float32)

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
            fewest = np.zeros(_LENGTH, np.float32)
            fewest[[0, 1 + place]] = 1.0
            if is_working(kind):
                own = self._working.setdefault(kind, min(len(self._working), _MAX_WORKING - 1))
                shared = [row for row, pair in enumerate(_PAIRS, _FIRST_PAIR) if own in pair]
                fewest[shared] = 1.0
            way = np.concatenate([fewest, -fewest])
            self._flows[key] = Flow((dict.fromkeys(operands, way),) * n_results)
        return self._flows[key]

    def features(self, ways: Ways, kinds: Sequence[str]) -> dict[str, float]:
        """Name the lengths of ways.

        Args:
            ways: From an input to an output.
            kinds: Of the text, as they are met.
        """
        fewest, most = ways[:_LENGTH].tolist(), (0.0 - ways[_LENGTH:]).tolist()
        found = {"shortest": fewest[0], "longest": most[0]}
        named = kinds[:MAX_NAMED]
        for kind in named:
            place = 1 + self._places[kind]
            found[f"shortest {kind}"] = fewest[place]
            found[f"longest {kind}"] = most[place]
        working = sorted([(self._working[kind], kind) for kind in named if is_working(kind)])
        for number, (a, kind) in enumerate(working):
            for b, other in working[:number]:
                row = _FIRST_PAIR + a * (a - 1) // 2 + b
                pair = pair_name(kind, other)
                found[f"shortest {pair}"] = fewest[row]
                found[f"longest {pair}"] = most[row]
        return found


def joined(through: Mapping[int, Ways], before: Sequence[Mapping[int, Ways]]) -> dict[int, Ways]:
    """Return the ways to a result: those to each operand, then those through the operation.

    Args:
        through: Operand number to the ways from there to the result.
        before: For each operand, input number to the ways from there.
    """
    found: dict[int, Ways] = {}
    for place, way in through.items():
        for source, earlier in before[place].items():
            whole = earlier + way
            found[source] = np.minimum(found[source], whole) if source in found else whole
    return found


def flow_of_scope(
    steps: Iterable[tuple[Sequence[int], Sequence[int], Flow]],
    starts: Mapping[int, Ways],
    n_values: int,
    outputs: Sequence[int],
) -> Flow:
    """Return the flow of a graph or function body.

    Args:
        steps: For each operation: numbers of the values that it reads, those of its results, of
            which a call may name fewer than there are, and its flow.
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
    for operands, results, flow in steps:
        before = [ways[value] for value in operands]
        n_ways += flow.n_ways
        for result, through in zip(results, flow.results, strict=False):
            ways[result] = joined(through, before)
            n_ways += len(ways[result])
            if n_ways > MAX_WAYS:
                raise TextTooLongError(
                    f"A text must have at most {MAX_WAYS} ways from operands of its functions to "
                    "the values inside, calls expanded, but has more. Give functions fewer "
                    "operands or statements; texts are never cut."
                )
    return Flow(tuple(ways[value] for value in outputs), n_ways)
