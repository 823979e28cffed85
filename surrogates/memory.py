"""Memory: kept between two batches instead of asked for again, not searched while texts are read."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_LARGEST = 30 * 2**20


def keep_freed_memory() -> None:
    """Let the C library keep up to 60 MB of freed memory.

    Tensors of a batch are a few megabytes. By default glibc hands such blocks back to the system
    when they are freed, and every page is then faulted in and cleared again, a tenth of the time
    of a training step. Its thresholds follow the largest block that was ever freed, so one block
    that is freed at once, never touched and thus never real, settles it. Elsewhere: no effect.
    """
    import torch  # processes that only read texts do without

    torch.empty(_LARGEST, dtype=torch.uint8)


@contextmanager
def paused_collection() -> Iterator[None]:
    """Do not search for reference cycles meanwhile.

    What is read of texts is many small objects that stay and make no cycle. Each time their number
    grows by a quarter Python looks through all of them and all of torch, a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
