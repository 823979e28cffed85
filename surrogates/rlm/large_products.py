"""What gains from where matrix products are large, and loses by where they are small.

Large products are faster in bfloat16 where the processor has it, and on all threads. Small ones are
not in bfloat16, and gain a little by threads while the machine is idle; a thread that waits for another
whose core is busy waits at every one of them. So they take one thread each: steps of training come one
after the other, batches of a prediction side by side.

The dataflow encoder on an Intel Xeon with two cores (``experiments/speed/thread_speed.py``), steps a
second on one thread and on two: NAS-Bench-201 52 and 75, Once-for-All 20 and 24; beside two other
trainings 27 and 7, 13 and 4. Predictions a second, batches one by one on two threads and side by side:
3,229 and 4,227, 998 and 986, in another run 3,594 and 3,929, 998 and 1,084; NAS-Bench-201 beside two
other trainings 520 and 1,312.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Part = TypeVar("Part")
Found = TypeVar("Found")


@functools.cache
def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX)."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def training_autocast(*, are_large: bool) -> torch.autocast:
    """Autocast to bfloat16 where that is fast, else a context that does nothing.

    Weights, optimizer state, softmax and losses stay 32-bit. Prediction never uses it: the exact
    distribution of a text must not depend on what else is in the batch.

    Args:
        are_large: Whether the products are worth the conversions.
    """
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=are_large and has_fast_bfloat16())


@contextmanager
def product_threads(*, are_large: bool) -> Iterator[None]:
    """Compute on one thread meanwhile, or on as many as before.

    Args:
        are_large: Whether the products are worth several threads.
    """
    before = torch.get_num_threads()
    if not are_large:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def for_each_part(
    work: Callable[[Part], Found], parts: Sequence[Part], *, are_large: bool
) -> list[Found]:
    """Do the same for many parts, one by one on all threads or side by side on one thread each.

    Args:
        work: What is done for a part; may run in another thread.
        parts: What it is done for.
        are_large: Whether the products of a part are worth several threads.

    Returns:
        What was found for each part, in order.
    """
    n_threads = 1 if are_large else min(torch.get_num_threads(), len(parts))
    with product_threads(are_large=are_large):
        if n_threads < 2:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(work, parts))
