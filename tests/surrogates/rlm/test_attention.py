"""Attention against the plain formula."""

import torch

from surrogates.rlm.attention import attend, visibility_bias

N, S, H, E = 3, 7, 4, 5
VISIBLE = torch.rand(N, H, S, S, generator=torch.Generator().manual_seed(0)) > 0.5
BIAS = visibility_bias(VISIBLE | torch.eye(S, dtype=torch.bool))


def test_hidden_places_get_no_weight() -> None:
    bias = visibility_bias(torch.tensor([True, False]))
    assert torch.softmax(bias, dim=0).tolist() == [1.0, 0.0]


def test_attention_is_the_weighted_mean_of_what_is_visible() -> None:
    query, key, value = torch.randn(3, N, H, S, E, generator=torch.Generator().manual_seed(1))
    scores = torch.einsum("nhte,nhse->nhts", query, key) / E**0.5
    weights = torch.where(BIAS == 0.0, scores.exp(), 0.0)
    weights /= weights.sum(dim=3, keepdim=True)
    expected = torch.einsum("nhts,nhse->nhte", weights, value)
    assert torch.allclose(attend(query, key, value, BIAS), expected, atol=1e-6)


def test_autocast_does_not_reach_the_scores() -> None:
    states = torch.randn(3, N, H, S, E, generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = attend(*states, BIAS)
    assert torch.equal(cast, attend(*states, BIAS))
