"""Reduced precision for training: bfloat16 matrix products where the processor has them."""

from __future__ import annotations

import functools

import torch


@functools.cache
def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX)."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def training_autocast(*, gains: bool) -> torch.autocast:
    """Autocast to bfloat16 where that is fast, else a context that does nothing.

    Weights, optimizer state, softmax and losses stay 32-bit. Prediction never uses it: the exact
    distribution of a text must not depend on what else is in the batch.

    Args:
        gains: Whether the products are large enough to be worth the conversions.
    """
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=gains and has_fast_bfloat16())
