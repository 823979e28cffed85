import pytest

from search_spaces.channel_rounding import make_divisible


@pytest.mark.parametrize(
    ("channels", "rounded"),
    [
        (1, 8),
        (8, 8),
        (11, 16),
        (12, 16),
        (13, 16),
        (19, 24),
        (20, 24),
        (24 * 1.3, 32),
        (1640, 1640),
    ],
)
def test_nearest_multiple_of_eight_unless_a_tenth_is_lost(channels: float, rounded: int) -> None:
    """11 is nearest to 8, which is below 0.9 * 11."""
    assert make_divisible(channels) == rounded


def test_never_below_nine_tenths_and_always_a_multiple() -> None:
    for channels in range(1, 3000):
        rounded = make_divisible(channels, 16)
        assert rounded % 16 == 0
        assert rounded >= 0.9 * channels
        assert rounded - channels < 16
