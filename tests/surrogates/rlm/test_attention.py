"""Attention with statements last against the plain formula, forward and backward."""

import pytest
import torch
from torch import Tensor

from surrogates.rlm.attention import attend, attend_itself, visibility_bias

N, S, H, E = 3, 7, 4, 5


def plain(query_key_value: Tensor, bias: Tensor) -> Tensor:
    query, key, value = query_key_value.view(N, S, 3, H, E).permute(2, 0, 3, 1, 4)
    return attend(query, key, value, bias).transpose(1, 2).reshape(N, S, H * E)


@pytest.fixture
def bias() -> Tensor:
    visible = torch.rand(N, H, S, S, generator=torch.Generator().manual_seed(0)) > 0.5
    return visibility_bias(visible | torch.eye(S, dtype=torch.bool))


def test_hidden_places_get_no_weight() -> None:
    bias = visibility_bias(torch.tensor([True, False]))
    assert torch.softmax(bias, dim=0).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attending_to_itself_is_attention(bias: Tensor, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    base = torch.randn(N, S, 3 * H * E).to(dtype)
    upstream = torch.randn(N, S, H * E)
    found = []
    for function in (plain, attend_itself):
        leaf = base.clone().requires_grad_()
        seen = function(leaf, bias)
        seen.backward(upstream)
        assert leaf.grad is not None
        found.append((seen.detach(), leaf.grad.float()))
    (seen, gradient), (fast, fast_gradient) = found
    assert fast.dtype == torch.float32
    assert torch.allclose(fast, seen, atol=1e-6)
    assert torch.allclose(fast_gradient, gradient, atol=1e-6 if dtype == torch.float32 else 0.02)


def test_autocast_does_not_reach_the_scores(bias: Tensor) -> None:
    states = torch.randn(N, S, 3 * H * E, generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = attend_itself(states, bias)
    assert torch.equal(cast, attend_itself(states, bias))
