"""Scopes with numbers instead of names: who reads what, worked out once for each graph or function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from surrogates.errors import TextError
from surrogates.inputs.nodes import Step


class PlannedStep(NamedTuple):
    """An operation or call of a scope.

    Attributes:
        step: As the text has it.
        operands: Number of each value that it reads; 0 for one that is not given.
        results: Number of each of its results.
        repeats: Whether it does what the step before did to that one's only result, which nobody
            else reads.
    """

    step: Step
    operands: tuple[int, ...]
    results: range
    repeats: bool


class ScopePlan:
    """A graph or function body; value 0 is a missing operand, then formals, then results.

    Attributes:
        steps: In text order.
        entries: Places of the steps that read formals, and which.
        outputs: Number of each value that the scope returns.
        exits: For each output that an operation makes, the values that this operation reads.
        n_values: How many numbers there are.
        most_readers: How often the most read result is read.
        formal_readers: How often each formal is read.
    """

    def __init__(
        self, steps: Sequence[Step], formals: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """Number the values.

        Args:
            steps: In text order.
            formals: Names of the inputs that are bound.
            outputs: Names that the scope returns.

        Raises:
            TextError: If a name is read or returned that nobody defines.
        """
        numbers = {"": 0} | {name: number for number, name in enumerate(formals, start=1)}
        made_from: dict[int, tuple[int, ...]] = {}
        n_formals = self.n_values = 1 + len(formals)
        readers = [0] * (n_formals + sum([len(step.results) for step in steps]))
        numbered: list[tuple[Step, tuple[int, ...], range, bool]] = []
        entries = []
        last: Step | None = None
        for place, step in enumerate(steps):
            for name in step.operands:
                if name not in numbers:
                    raise TextError(
                        f"Every operand must be defined before it is used, but {step.operator} "
                        f"reads {name!r}. Export the model again."
                    )
            operands = tuple([numbers[name] for name in step.operands])
            entered = [value for value in operands if 0 < value < n_formals]
            if entered:
                entries.append((place, entered))
            results = range(self.n_values, self.n_values + len(step.results))
            is_like_last = last is not None and _are_alike(last, step)
            numbered.append((step, operands, results, is_like_last))
            last = step
            for name in step.results:
                made_from[self.n_values] = operands
                if name:
                    numbers[name] = self.n_values
                self.n_values += 1
            for value in operands:
                readers[value] += 1
        for name in outputs:
            if name not in numbers:
                raise TextError(
                    f"Every result must be defined, but {name!r} is not. Export the model again."
                )
        self.entries = tuple(entries)
        self.outputs = tuple([numbers[name] for name in outputs])
        self.steps = tuple(
            [
                PlannedStep(
                    step,
                    operands,
                    results,
                    is_like_last and readers[operands[0]] == 1 and operands[0] not in self.outputs,
                )
                for step, operands, results, is_like_last in numbered
            ]
        )
        self.exits = tuple([made_from[value] for value in self.outputs if value in made_from])
        self.most_readers = max(readers[n_formals:], default=0)
        self.formal_readers = tuple(readers[1:n_formals])


def _are_alike(last: Step, step: Step) -> bool:
    """Whether a step does the same to the only result of the last one."""
    return (
        len(step.results) == len(last.results) == 1
        and step.operands[:1] == last.results
        and len(step.operands) == len(last.operands)
        and step[:3] == last[:3]
    )
