"""Fusing on small lists of statements, and on the texts of every kind of space."""

import numpy as np
import pytest

from search_spaces import get_space
from surrogates.inputs.fusion import FusedStatements
from surrogates.inputs.statements import read_statements

CONV = "Conv w0.0=4 out0=1"


def fused(
    statements: list[str], defines: list[tuple[int, int]], returned: list[int] | None = None
) -> tuple[list[str], list[tuple[int, int]]]:
    """What is left, and who reads whom, in the numbers of the beginning."""
    last = [len(statements) - 1] if returned is None else returned
    found = FusedStatements(statements, defines, last)
    found.fuse()
    left = [s for s, gone in zip(found.statements, found.is_gone, strict=True) if not gone]
    return left, found.defines()


def test_an_activation_becomes_a_field_of_what_it_follows() -> None:
    left, defines = fused(
        ["Input", CONV, "Clip min=0 out0=1", "Add out0=1"], [(0, 1), (1, 2), (2, 3)]
    )
    assert left == ["Input", f"{CONV} then=Clip then.min=0", "Add out0=1"]
    assert defines == [(0, 1), (1, 3)]


def test_an_activation_of_an_input_becomes_a_field_of_what_it_precedes() -> None:
    left, defines = fused(["Input", "Relu out0=1", CONV], [(0, 1), (1, 2)])
    assert left == ["Input", f"{CONV} before=Relu"]
    assert defines == [(0, 2)]


@pytest.mark.parametrize(
    ("statements", "defines"),
    [
        (["Input", "Relu", CONV, "Add"], [(0, 1), (1, 2), (1, 3), (2, 3)]),  # two read it
        (["Input", "Relu", "Call"], [(0, 1), (1, 2)]),  # a call stays as it is
        (["Input", "Relu", "Add"], [(0, 1), (1, 2), (0, 2)]),  # which operand of the sum?
        (["Input", "Relu times=2", CONV], [(0, 1), (1, 2)]),  # a chain
        (["Input", f"{CONV} times=2", "Relu", "Add"], [(0, 1), (1, 2), (2, 3), (2, 3), (1, 3)]),
    ],
)
def test_what_would_say_something_else_stays(
    statements: list[str], defines: list[tuple[int, int]]
) -> None:
    assert fused(statements, defines) == (statements, sorted(defines, key=lambda pair: pair[1]))


def test_what_is_returned_stays_readable() -> None:
    statements, defines = ["Input", CONV, "Relu"], [(0, 1), (1, 2)]
    assert fused(statements, defines, [1, 2]) == (statements, defines)  # both are returned
    found = FusedStatements(statements, defines, [2])
    found.fuse()
    assert [found.kept(index) for index in range(3)] == [0, 1, 1]


def test_only_one_operation_is_taken_from_behind() -> None:
    statements = ["Input", CONV, "BatchNormalization w0.0=4 out0=1", "Relu out0=1", "Add"]
    left, _ = fused(statements, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)])
    assert left == ["Input", f"{CONV} then=BatchNormalization", "Relu out0=1", "Add"]


def test_a_constant_is_written_into_each_reader_with_its_place() -> None:
    statements = ["Input", "Constant value=[1]0", "Slice", "Constant value=[1]7", "Slice"]
    left, defines = fused(statements, [(0, 2), (1, 2), (3, 2), (2, 4), (3, 4), (3, 4)])
    assert left == [
        "Input",
        "Slice c1.value=[1]0 c2.value=[1]7",
        "Slice c1.value=[1]7 c2.value=[1]7",
    ]
    assert defines == [(0, 2), (2, 4)]


@pytest.mark.parametrize("space", ["nasbench101", "nasbench201", "ofa_mbv3", "nds_darts"])
def test_operations_are_kept_and_edges_lead_somewhere(space: str) -> None:
    own = get_space(space)
    rng = np.random.default_rng(0)
    for _ in range(5):
        text = own.to_text(own.sample(rng))
        graph = read_statements(text)
        for pairs in (graph.defines, graph.calls, graph.returns):
            assert pairs.min() >= 0
            assert pairs.max() < len(graph)
        assert (graph.defines[:, 0] < graph.defines[:, 1]).all()
        words = " ".join(graph.statements)
        for operator in ("Relu", "Conv", "HardSwish", "HardSigmoid"):
            assert (operator in words) == (f"{operator} <" in text or f"{operator} (" in text)
