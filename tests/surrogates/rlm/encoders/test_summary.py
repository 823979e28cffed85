"""The summary of a text: closed form, and padding."""

import torch

from surrogates.rlm.encoders.summary import Summary


def test_it_is_a_mix_of_mean_and_maximum_before_the_vectors() -> None:
    torch.manual_seed(0)
    summary, states = Summary(4), torch.randn(2, 3, 4)
    found = summary(states, torch.zeros(2, 3, dtype=torch.bool))
    expected = summary.mix(torch.cat([states.mean(dim=1), states.amax(dim=1)], dim=1))
    assert torch.allclose(found[:, 0], expected, atol=1e-6)
    assert torch.equal(found[:, 1:], states)


def test_padding_is_no_part_of_it() -> None:
    torch.manual_seed(0)
    summary, states = Summary(4), torch.randn(1, 3, 4)
    padding = torch.tensor([[False, False, True]])
    alone = summary(states[:, :2], padding[:, :2])
    assert torch.allclose(summary(states, padding)[:, 0], alone[:, 0], atol=1e-6)
