import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nasbench_macro.blocks import LAYERS, OPS, MacroArchitecture


def test_layers_are_those_of_the_paper() -> None:
    assert [(layer.c_in, layer.c_out, layer.stride) for layer in LAYERS] == [
        (32, 64, 2),
        (64, 64, 1),
        (64, 128, 2),
        (128, 128, 1),
        (128, 128, 1),
        (128, 256, 2),
        (256, 256, 1),
        (256, 256, 1),
    ]


def test_string_has_one_digit_per_layer() -> None:
    architecture = MacroArchitecture.parse("02012100")
    assert [OPS.index(op) for op in architecture.ops] == [0, 2, 0, 1, 2, 1, 0, 0]
    assert str(architecture) == "02012100"


@pytest.mark.parametrize(
    "string", ["0201210", "020121001", "0201210x", "02012103", "", "\u0660" * 8]
)
def test_malformed_strings_are_refused(string: str) -> None:
    with pytest.raises(InvalidArchitectureError, match="8 digits of 0, 1 and 2"):
        MacroArchitecture.parse(string)


def test_wrong_operations_are_refused() -> None:
    with pytest.raises(
        InvalidArchitectureError, match="must have 8 ops, one per layer, but got 7"
    ):
        MacroArchitecture(("id",) * 7)
    with pytest.raises(InvalidArchitectureError, match="must be one of id, ir_3x3_t3"):
        MacroArchitecture(("id",) * 7 + ("ir_7x7_t6",))
