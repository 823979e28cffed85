"""Ways: fewest and most steps of each kind, by hand."""

import numpy as np
import pytest

from surrogates.errors import TextTooLongError
from surrogates.inputs.limits import MAX_EXPANDED_STEPS
from surrogates.inputs.ways import (
    MAX_NAMED,
    MAX_WAYS,
    Flow,
    FlowStep,
    KindsOfSteps,
    flow_of_scope,
)


def test_fewest_and_most_steps_of_a_fork() -> None:
    kinds = KindsOfSteps()
    relu, add = kinds.flow("Relu", (0,), 1), kinds.flow("Add", (0, 1), 1)
    steps = [FlowStep((1,), [2], relu), FlowStep((2,), [3], relu), FlowStep((3, 1), [4], add)]
    flow = flow_of_scope(steps, {1: kinds.no_step}, 5, [4])
    found = kinds.features(flow.results[0][0], ["Relu", "Add"])
    assert found == {
        "shortest": 1.0,
        "longest": 3.0,
        "shortest Relu": 0.0,
        "longest Relu": 2.0,
        "shortest Add": 1.0,
        "longest Add": 1.0,
    }


def test_operands_that_carry_no_data_have_no_way() -> None:
    kinds = KindsOfSteps()
    flow = kinds.flow("Conv", (0,), 1)
    steps = [FlowStep((2, 1), [3], flow)]
    assert list(flow_of_scope(steps, {1: kinds.no_step}, 4, [3]).results[0]) == []


def test_a_result_that_a_call_does_not_name_leads_nowhere() -> None:
    kinds = KindsOfSteps()
    split = kinds.flow("Split", (0,), 2)
    steps = [FlowStep((1,), [2], split), FlowStep((2,), [], split)]
    flow = flow_of_scope(steps, {1: kinds.no_step}, 3, [2])
    assert list(flow.results[0]) == [0]


def test_ways_of_a_scope_and_of_what_it_calls_are_bounded() -> None:
    kinds = KindsOfSteps()
    relu = kinds.flow("Relu", (0,), 1)
    starts = {1: kinds.no_step}

    def chained(flow: Flow, times: int) -> Flow:
        steps = [FlowStep((1 + place,), [2 + place], flow) for place in range(times)]
        return flow_of_scope(steps, starts, 2 + times, [1 + times])

    inner = chained(relu, 255)
    assert inner.n_ways == 255
    assert chained(inner, MAX_WAYS // 256).n_ways == MAX_WAYS
    with pytest.raises(TextTooLongError, match=f"at most {MAX_WAYS} ways"):
        chained(inner, MAX_WAYS // 256 + 1)
    with pytest.raises(TextTooLongError, match="ways"):
        flow_of_scope(
            [FlowStep((1,), range(2, 3 + MAX_WAYS), kinds.flow("Split", (0,), MAX_WAYS + 1))],
            starts,
            3 + MAX_WAYS,
            [2],
        )


@pytest.mark.parametrize("operands", [(0,), (0, 1)])
def test_steps_in_a_row_are_as_many_as_one_by_one(operands: tuple[int, ...]) -> None:
    """Value 1 carries data in, value 2 a weight, or data that every step reads again."""
    kinds = KindsOfSteps()
    starts = dict.fromkeys((1, 2)[: len(operands)], kinds.no_step)
    stem, cell = kinds.flow("Relu", (0,), 1), kinds.flow("Conv 3x3", operands, 1)
    found = []
    for repeats in (False, True):
        steps = [FlowStep((1,), [3], stem), FlowStep((3, 2), [4], cell)]
        steps += [FlowStep((last, 2), [last + 1], cell, repeats) for last in (4, 5, 6)]
        flow = flow_of_scope([*steps, FlowStep((7,), [8], stem)], starts, 9, [8])
        found.append((flow.n_ways, {k: way.tolist() for k, way in flow.results[0].items()}))
    assert found[0] == found[1]
    assert kinds.features(flow.results[0][0], ["Relu", "Conv 3x3"])["longest Conv 3x3"] == 4.0


def test_a_number_holds_the_steps_of_the_longest_text() -> None:
    assert np.iinfo(KindsOfSteps().no_step.dtype).max >= MAX_EXPANDED_STEPS


def test_pairs_are_of_kinds_that_work() -> None:
    kinds = KindsOfSteps()
    names = ["Conv 3x3", "Relu", "MaxPool 2x2"]
    flows = [kinds.flow(name, (0,), 1) for name in names]
    steps = [FlowStep((place + 1,), [place + 2], flow) for place, flow in enumerate(flows)]
    (ways,) = flow_of_scope(steps, {1: kinds.no_step}, 5, [4]).results[0].values()
    found = kinds.features(ways, names)
    assert {name for name in found if "|" in name} == {
        "shortest Conv 3x3|MaxPool 2x2",
        "longest Conv 3x3|MaxPool 2x2",
    }
    assert found["longest Conv 3x3|MaxPool 2x2"] == 2.0


@pytest.mark.parametrize(("kind", "most"), [("Conv {}x1", MAX_NAMED + 1), ("Own{}", 128)])
def test_it_is_overfull_once_kinds_share_a_place(kind: str, most: int) -> None:
    kinds = KindsOfSteps()
    for number in range(most):
        kinds.flow(kind.format(number), (0,), 1)
        kinds.flow(kind.format(number), (0, 1), 1)
    assert not kinds.is_overfull
    kinds.flow(kind.format(most), (0,), 1)
    assert kinds.is_overfull
    first = [kind.format(number) for number in range(MAX_NAMED)]
    found = kinds.features(kinds.flow(first[-1], (0,), 1).results[0][0], first)
    assert [found[f"longest {name}"] for name in first] == [0.0] * (MAX_NAMED - 1) + [1.0]
