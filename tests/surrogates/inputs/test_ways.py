"""Ways: fewest and most steps of each kind, by hand."""

from surrogates.inputs.ways import MAX_KINDS, KindsOfSteps, flow_of_scope


def test_fewest_and_most_steps_of_a_fork() -> None:
    kinds = KindsOfSteps(has_pairs=False)
    relu, add = kinds.flow("Relu", (0,), 1), kinds.flow("Add", (0, 1), 1)
    steps = [((1,), 2, relu), ((2,), 3, relu), ((3, 1), 4, add)]
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
    kinds = KindsOfSteps(has_pairs=False)
    flow = kinds.flow("Conv", (0,), 1)
    assert list(flow_of_scope([((2, 1), 3, flow)], {1: kinds.no_step}, 4, [3]).results[0]) == []


def test_it_is_full_before_a_text_could_find_no_place() -> None:
    kinds = KindsOfSteps(has_pairs=False)
    n_kinds = 0
    while not kinds.is_full:
        kinds.flow(f"kind {n_kinds}", (0,), 1)
        n_kinds += 1
    for more in range(MAX_KINDS - 1):
        kinds.flow(f"more {more}", (0,), 1)
    ways = kinds.flow(f"more {MAX_KINDS - 2}", (0,), 1).results[0][0]
    found = kinds.features(ways, [f"more {MAX_KINDS - 2}", f"more {MAX_KINDS - 3}"])
    assert found[f"longest more {MAX_KINDS - 2}"] == 1.0
    assert found[f"longest more {MAX_KINDS - 3}"] == 0.0
