"""Scopes with numbers instead of names."""

import pytest

from surrogates.inputs.nodes import Step
from surrogates.inputs.scope_plans import ScopePlan


def relu(operand: str, result: str) -> Step:
    return Step("", "Relu", (), (operand,), (result,))


def repeats(steps: list[Step], outputs: tuple[str, ...]) -> list[bool]:
    return [planned.repeats for planned in ScopePlan(steps, ["x", "w"], outputs).steps]


def test_a_step_repeats_the_one_before() -> None:
    steps = [relu("x", "a"), relu("a", "b"), relu("b", "c")]
    assert repeats(steps, ("c",)) == [False, True, True]


@pytest.mark.parametrize(
    ("other", "outputs"),
    [
        (relu("x", "b"), ("a", "b")),
        (relu("a", "b"), ("a", "b")),
        (Step("", "Tanh", (), ("a",), ("b",)), ("b",)),
        (Step("nas", "Relu", (), ("a",), ("b",)), ("b",)),
        (Step("", "Relu", (b"alpha",), ("a",), ("b",)), ("b",)),
        (Step("", "Relu", (), ("a", "w"), ("b",)), ("b",)),
        (Step("", "Relu", (), ("a",), ("b", "c")), ("b",)),
    ],
)
def test_it_does_not(other: Step, outputs: tuple[str, ...]) -> None:
    """It reads another value, one that is also returned, or does something else."""
    assert repeats([relu("x", "a"), other], outputs) == [False, False]


def test_nobody_else_reads_what_a_repeated_step_made() -> None:
    steps = [relu("x", "a"), relu("a", "b"), Step("", "Add", (), ("a", "b"), ("c",))]
    assert repeats(steps, ("c",)) == [False, False, False]
    twice = Step("", "Add", (), ("a", "a"), ("b",))
    assert repeats([Step("", "Add", (), ("x", "w"), ("a",)), twice], ("b",)) == [False, False]


def test_values_are_numbered_and_their_readers_counted() -> None:
    steps = [relu("x", "a"), Step("", "Conv", (), ("a", "w", ""), ("b",)), relu("a", "c")]
    plan = ScopePlan(steps, ["x", "w"], ("b", "c"))
    assert [planned.operands for planned in plan.steps] == [(1,), (3, 2, 0), (3,)]
    assert [list(planned.results) for planned in plan.steps] == [[3], [4], [5]]
    assert plan.outputs == (4, 5)
    assert plan.entries == ((0, [1]), (1, [2]))
    assert plan.exits == ((3, 2, 0), (3,))
    assert (plan.most_readers, plan.formal_readers) == (2, (1, 1))
