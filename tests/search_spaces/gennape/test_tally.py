import pytest

from search_spaces.gennape.tally import Tally


@pytest.mark.parametrize(("has_bias", "vectors"), [(False, 2), (True, 3)])
def test_a_convolution_has_its_vectors(has_bias: bool, vectors: int) -> None:
    tally = Tally(has_bias=has_bias)
    tally.conv(3, 5, 9, 4, 2)
    counts = tally.counts()
    assert counts.parameters == 3 * 5 * 9 + vectors * 5
    assert counts.mult_adds == 3 * 5 * 9 * 8
    assert counts.activations == 5 * 8


def test_other_layers_add_up() -> None:
    tally = Tally(has_bias=True)
    tally.bare_conv(3, 5, 4)
    tally.norm(7)
    tally.linear(11, 13)
    counts = tally.counts()
    assert counts.parameters == 3 * 5 + 14 + 12 * 13
    assert counts.mult_adds == 3 * 5 * 16 + 11 * 13
    assert counts.activations == 5 * 16 + 13
