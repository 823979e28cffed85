"""The flow of a text: by hand for every rule, alike however it is written, finite whatever it says."""

import math

import numpy as np
import onnx.inliner
import pytest

from search_spaces import get_space, to_text
from surrogates.errors import TextError
from surrogates.inputs.parsed_models import parse_model
from surrogates.inputs.signal_flow import LEAST, log_flow
from tests.surrogates.conftest import HEADER

WEIGHT = math.log(math.sqrt(2.0 / math.pi))
CONV = "Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]>"
RECTIFIED = math.log(2.0)
"""What half of the values being 0 adds to the flow at the next weights."""
ARGUMENTS = "float[1,4,8,8] x, float[4,4,3,3] w, float[4] b, float[4,1,3,3] g, float[4,10] m"


def flow(*lines: str, functions: str = "") -> float:
    """Log flow of a main graph from x to y."""
    body = "\n".join(lines)
    return log_flow(
        f"{HEADER}main ({ARGUMENTS}) => (float[1,4,8,8] y) {{\n{body}\n}}\n{functions}"
    )


@pytest.mark.parametrize(
    ("line", "fan_in"),
    [
        (f"y = {CONV} (x, w, b)", 36),
        ("y = Conv <kernel_shape = [3, 3], group = 4> (x, g)", 9),
        ("y = ConvTranspose <kernel_shape = [3, 3]> (x, w)", 36),
        ("y = Gemm (x, m)", 4),
        ("y = Gemm <transB = 1> (x, m)", 10),
        ("y = MatMul (x, m)", 4),
    ],
)
def test_weights_multiply_the_flow_by_the_root_of_their_fan_in(line: str, fan_in: int) -> None:
    assert flow(line) == pytest.approx(WEIGHT + 0.5 * math.log(fan_in))


def test_weights_count_by_what_they_read() -> None:
    one = WEIGHT + 0.5 * math.log(36)
    twice = flow(f"a = {CONV} (x, w)", f"y = {CONV} (a, w)")
    assert twice == pytest.approx(2 * one)
    rectified = flow(f"a = {CONV} (x, w)", "r = Relu (a)", f"y = {CONV} (r, w)")
    assert rectified - twice == pytest.approx(0.5 * RECTIFIED)
    averaged = flow("a = AveragePool <kernel_shape = [3, 3]> (x)", f"y = {CONV} (a, w)")
    assert averaged == pytest.approx(one)
    added = flow("a = Add (x, x)", f"y = {CONV} (a, w)")
    assert added - one == pytest.approx(0.5 * math.log(2))
    normed = flow("a = Add (x, x)", "n = BatchNormalization (a, b, b, b, b)", f"y = {CONV} (n, w)")
    assert normed == pytest.approx(added)
    greatest = flow("a = MaxPool <kernel_shape = [3, 3]> (x)", f"y = {CONV} (a, w)")
    assert greatest - one == pytest.approx(-0.5 * math.log(1.485**2 + 0.357))


def test_flows_of_summands_add_up_and_of_parts_are_averaged() -> None:
    conv = f"a = {CONV} (x, w)"
    one = flow(conv, "y = Identity (a)")
    both = math.log(1.0 + math.exp(one))
    assert flow(conv, "y = Add (a, x)") == pytest.approx(both)
    assert flow(conv, "y = Concat <axis = 1> (a, x)") == pytest.approx(both - math.log(2))
    # a sum of two has twice the variance, a concatenation the same
    summed = flow(conv, "s = Sum (a, x)", f"y = {CONV} (s, w)")
    assert summed == pytest.approx(both + one - 0.5 * math.log(2))
    joined = flow(conv, "s = Concat <axis = 1> (a, x)", f"y = {CONV} (s, w)")
    assert joined == pytest.approx(both - math.log(2) + one)


def test_products_with_0_let_nothing_through() -> None:
    zero = "z = Constant <value_float = 0.0> ()"
    half = "z = Constant <value_float = 0.5> ()"
    assert flow(zero, "y = Mul (x, z)") == LEAST
    assert flow(zero, "a = Mul (x, z)", f"y = {CONV} (a, w)") == LEAST
    assert flow(zero, "a = Mul (z, x)", "y = Add (a, x)") == 0.0
    assert flow(half, "y = Mul (x, z)") == 0.0
    assert flow("y = Identity (b)") == LEAST


def test_gates_are_open_and_products_of_data_multiply_flows() -> None:
    conv = f"a = {CONV} (x, w)"
    one = flow(conv, "y = Identity (a)")
    gated = (f"g = {CONV} (a, w)", "s = HardSigmoid (g)")
    assert flow(conv, *gated, "y = Mul (s, a)") == pytest.approx(one)
    assert flow(conv, *gated, "y = Mul (a, s)") == pytest.approx(one)
    assert flow(conv, f"c = {CONV} (a, w)", "y = Mul (a, c)") == pytest.approx(3 * one)
    # a gate leaves mean and variance as they are, another factor of variance 1 the latter
    assert flow(conv, *gated, "r = Relu (a)", "m = Mul (r, s)", f"y = {CONV} (m, w)") == (
        flow(conv, "r = Relu (a)", f"y = {CONV} (r, w)")
    )
    squared = flow(conv, "r = Relu (a)", "m = Mul (r, x)", f"y = {CONV} (m, w)")
    assert squared == pytest.approx(2 * one + 0.5 * RECTIFIED)


def test_functions_are_what_they_stand_for() -> None:
    cell = (
        '<domain: "nas", opset_import: ["" : 17]>\n'
        "cell <t> (x, m) => (y) {\na = Gemm <transB : int = @t> (x, m)\ny = Relu (a)\n}\n"
    )
    for flag in (0, 1):
        called = flow(f"a = nas.cell <t = {flag}> (x, m)", "y = Gemm (a, m)", functions=cell)
        spelled = flow(f"g = Gemm <transB = {flag}> (x, m)", "a = Relu (g)", "y = Gemm (a, m)")
        assert called == spelled
    assert flow("y = nas.cell <t = 0> (x, m)", functions=cell) != flow(
        "y = nas.cell <t = 1> (x, m)", functions=cell
    )


def test_zeros_reach_into_functions_and_missing_results_are_nothing() -> None:
    cell = (
        '<domain: "nas", opset_import: ["" : 17]>\n'
        "cell (x, z) => (y, u) {\ny = Mul (x, z)\nu = Identity (z)\n}\n"
    )
    zero = "z = Constant <value_float = 0.0> ()"
    assert flow(zero, "y, u = nas.cell (x, z)", functions=cell) == LEAST
    assert flow("y, u = nas.cell (x, b)", functions=cell) == 0.0
    assert flow("a, u = nas.cell (x, b)", "y = Add (u, u)", functions=cell) == LEAST


@pytest.mark.parametrize("name", ["nasbench201", "ofa_mbv3", "nds_darts"])
def test_inlined_it_is_the_same(name: str, rng: np.random.Generator) -> None:
    space = get_space(name)
    architecture = space.sample(rng)
    inlined = to_text(onnx.inliner.inline_local_functions(space.to_onnx(architecture)))
    assert not parse_model(inlined).functions
    assert log_flow(space.to_text(architecture)) == pytest.approx(log_flow(inlined))


def test_what_is_multiplied_by_0_changes_nothing(rng: np.random.Generator) -> None:
    space = get_space("nasbench201")
    for _ in range(40):
        architecture = space.sample(rng)
        whole, live = space.to_unpruned_text(architecture), space.to_text(architecture)
        assert log_flow(whole) == pytest.approx(log_flow(live))


@pytest.mark.parametrize("joined", ["Add", "Mul"])
@pytest.mark.parametrize("operator", ["Identity", "Relu", "MaxPool <kernel_shape = [3, 3]>"])
def test_what_is_joined_to_itself_many_times_stays_finite(operator: str, joined: str) -> None:
    lines = [f"v0 = {CONV} (x, w)"]
    for n in range(1200):
        lines += [f"t{n} = {operator} (v{n})", f"v{n + 1} = {joined} (t{n}, t{n})"]
    found = flow(*lines, f"y = {CONV} (v1200, w)")
    assert math.isfinite(found)
    assert found >= LEAST


def test_damaged_texts_are_refused() -> None:
    with pytest.raises(TextError):
        log_flow("main")
