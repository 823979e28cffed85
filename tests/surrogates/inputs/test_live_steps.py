"""What is dead: by hand, against the canonical texts of cells, and never in a canonical text."""

import numpy as np
import pytest

from search_spaces import SPACES, get_space
from surrogates.errors import TextError
from surrogates.inputs.graph_features import LIVE, graph_features
from surrogates.inputs.live_steps import live_model
from surrogates.inputs.parsed_models import parse_model

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
COMPARED = (
    "macs",
    "shortest AveragePool 3x3",
    "longest AveragePool 3x3",
    *(
        f"{feature} {kind}"
        for kind in ("Conv 3x3", "Conv 1x1")
        for feature in ("count", "level 0", "level 1", "level 2", "shortest", "longest")
    ),
)
CONV = "Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]>"


def graph(*lines: str) -> str:
    """One graph from x to y with weights w and b."""
    arguments = "float[1,4,8,8] x, float[4,4,3,3] w, float[4] b"
    return f"{HEADER}main ({arguments}) => (float[1,4,8,8] y) {{\n" + "\n".join(lines) + "\n}\n"


def live_operators(text: str) -> list[str]:
    """What is left of the main graph."""
    return [step.operator for step in live_model(parse_model(text)).main.steps]


def test_zeros_are_silent_and_so_is_what_is_made_of_them() -> None:
    text = graph(
        "z = Constant <value_float = 0.0> ()",
        "a = Mul (x, z)",
        "r = Relu (a)",
        f"c = {CONV} (r, w, b)",
        f"d = {CONV} (x, w, b)",
        "y = Sum (c, d, x)",
    )
    assert live_operators(text) == ["Conv", "Sum"]


def test_a_sum_of_which_one_operand_is_left_is_that_operand() -> None:
    text = graph(
        "z = Constant <value = float {0}> ()",
        "a = Mul (z, x)",
        "s = Add (a, x)",
        "r = Relu (s)",
        "y = Add (r, a)",
    )
    live = live_model(parse_model(text)).main
    assert [(step.operator, step.operands) for step in live.steps] == [("Relu", ("x",))]
    assert live.outputs == live.steps[0].results


def test_what_nobody_reads_is_dead() -> None:
    text = graph("a = Relu (x)", "b2 = Sigmoid (a)", "c = Tanh (b2)", "y = Relu (x)")
    assert live_operators(text) == ["Relu"]


@pytest.mark.parametrize(
    "product",
    [
        "a = Mul (x, x)",
        "z = Constant <value_float = 0.5> ()\na = Mul (x, z)",
        "z = Constant <value = float[0] {}> ()\na = Mul (x, z)",
        "z = Constant <value_float = 0.0> ()\na = Add (x, z)",
    ],
)
def test_what_speaks_is_alive(product: str) -> None:
    text = graph(product, "y = Add (a, x)")
    model = parse_model(text)
    assert live_model(model) is model


def test_silent_channels_that_are_no_summand_stay() -> None:
    text = graph(
        "z = Constant <value_float = 0.0> ()",
        "a = Mul (x, z)",
        "c = Concat <axis = 1> (a, x)",
        "y = Relu (c)",
    )
    assert live_operators(text) == ["Constant", "Mul", "Concat", "Relu"]


def test_a_stored_zero_silences_too() -> None:
    text = (
        f"{HEADER}main (float[1,4] x) => (float[1,4] y) <float z = {{0}}> {{\n"
        " a = Mul (x, z)\n b = Relu (a)\n y = Add (b, x)\n}\n"
    )
    live = live_model(parse_model(text)).main
    assert live.steps == ()
    assert live.outputs == ("x",)


def test_a_network_that_is_silent_is_left_whole() -> None:
    text = graph("z = Constant <value_float = 0.0> ()", "a = Relu (x)", "y = Mul (a, z)")
    model = parse_model(text)
    assert live_model(model) is model


def test_a_function_that_is_silent_is_one_product() -> None:
    text = (
        f"{HEADER}main (float[1,4,8,8] x, float[4,4,3,3] w) => (float[1,4,8,8] y) {{\n"
        " y = nas.f (x, w)\n}\n"
        '<domain: "nas", opset_import: ["" : 17]>\n'
        f"f (p, w) => (r) {{\n z = Constant <value_float = 0.0> ()\n a = {CONV} (p, w)\n"
        " b = Mul (a, z)\n r = Relu (b)\n}\n"
    )
    (function,) = live_model(parse_model(text)).functions
    assert [step.operator for step in function.steps] == ["Constant", "Mul"]
    assert function.steps[1].operands == ("p", "z")
    assert function.steps[1].results == ("r",)


def test_a_constant_of_another_size_than_it_says_is_refused() -> None:
    text = graph("z = Constant <value = float[2] {0}> ()", "a = Mul (x, z)", "y = Add (a, x)")
    with pytest.raises(TextError, match=r"as many values as its shape \[2\]"):
        live_model(parse_model(text))


@pytest.mark.parametrize("name", sorted(SPACES))
def test_canonical_texts_are_all_alive(name: str) -> None:
    space = get_space(name)
    rng = np.random.default_rng(0)
    for _ in range(10):
        model = parse_model(space.to_text(space.sample(rng)))
        assert live_model(model) is model


def test_a_canonical_cell_of_zeros_is_all_alive() -> None:
    space = get_space("nasbench201")
    model = parse_model(
        space.to_text(space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
    )
    assert live_model(model) is model


def test_the_live_part_of_a_cell_is_what_its_canonical_text_says() -> None:
    """What has weights, and ways; a canonical text also writes equal poolings and sums once."""
    space = get_space("nasbench201")
    rng = np.random.default_rng(1)
    n_with_dead = 0
    for _ in range(200):
        cell = space.sample(rng)
        canonical = graph_features(space.to_text(cell))
        whole = graph_features(space.to_unpruned_text(cell))
        part = LIVE if f"{LIVE}params" in whole else ""
        n_with_dead += part == LIVE
        for name in COMPARED:
            assert whole.get(f"{part}{name}", 0.0) == canonical.get(name, 0.0), (cell, name)
    assert n_with_dead > 100
