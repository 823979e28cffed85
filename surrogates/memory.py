"""Memory that stays with the process between two batches, instead of being asked for again."""

from __future__ import annotations

import torch

_LARGEST = 30 * 2**20


def keep_freed_memory() -> None:
    """Let the C library keep up to 60 MB of freed memory.

    Tensors of a batch are a few megabytes. By default glibc hands such blocks back to the system
    when they are freed, and every page is then faulted in and cleared again, a tenth of the time
    of a training step. Its thresholds follow the largest block that was ever freed, so one block
    that is freed at once, never touched and thus never real, settles it. Elsewhere: no effect.
    """
    torch.empty(_LARGEST, dtype=torch.uint8)
