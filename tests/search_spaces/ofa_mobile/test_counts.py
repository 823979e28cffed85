import pytest

from search_spaces.ofa_mobile.counts import layer_counts
from search_spaces.ofa_mobile.skeleton import Layer


def test_a_layer_counted_by_hand() -> None:
    """16 to 24 channels, expansion 4, kernel 5, stride 2 on 56 x 56, no squeeze."""
    parameters, mult_adds, activations = layer_counts(Layer(16, 64, 24, 5, 2, "relu", 0), 56)
    assert parameters == 16 * 64 + 2 * 64 + 64 * 25 + 2 * 64 + 64 * 24 + 2 * 24
    assert mult_adds == 16 * 64 * 56**2 + 64 * 25 * 28**2 + 64 * 24 * 28**2
    assert activations == 64 * 56**2 + 64 * 28**2 + 24 * 28**2


def test_squeeze_and_excitation_adds_two_layers_with_bias() -> None:
    plain = layer_counts(Layer(16, 64, 24, 5, 1, "relu", 0), 7)
    squeezed = layer_counts(Layer(16, 64, 24, 5, 1, "relu", 16), 7)
    assert squeezed[0] - plain[0] == 64 * 16 + 16 + 16 * 64 + 64
    assert squeezed[1] - plain[1] == 2 * 64 * 16
    assert squeezed[2] - plain[2] == 64 + 16


@pytest.mark.parametrize(("size", "halved"), [(112, 56), (51, 26), (13, 7)])
def test_stride_two_rounds_up(size: int, halved: int) -> None:
    slow = layer_counts(Layer(8, 8, 8, 3, 2, "relu", 0), size)
    assert slow[2] == 8 * size**2 + 2 * 8 * halved**2
