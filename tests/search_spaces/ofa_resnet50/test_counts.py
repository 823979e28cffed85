from search_spaces.ofa_resnet50.architecture import Block
from search_spaces.ofa_resnet50.counts import block_counts


def test_a_block_counted_by_hand() -> None:
    """168 to 336 channels over 64, from 9 x 9 to 5 x 5."""
    parameters, mult_adds, activations = block_counts(Block(168, 64, 336, 2), 9)
    weights = 168 * 64, 9 * 64 * 64, 64 * 336, 168 * 336
    assert parameters == sum(weights) + 2 * (64 + 64 + 336 + 336)
    assert mult_adds == weights[0] * 81 + sum(weights[1:]) * 25
    assert activations == 64 * 81 + (64 + 336 + 336) * 25


def test_an_identity_shortcut_costs_nothing() -> None:
    block = Block(168, 64, 168, 1)
    assert not block.has_projection
    assert block_counts(block, 7)[0] == 2 * 168 * 64 + 9 * 64 * 64 + 2 * (64 + 64 + 168)
