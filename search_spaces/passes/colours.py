"""64-bit colours: hashes of what is known about a value or a statement.

They are mixed here and not by Python's `hash`, so that they are the same in every process, platform
and Python version.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from search_spaces.graph import ValueType

__all__ = ["label", "mix", "mix_each", "start_of_pair", "type_label"]

_MASK = (1 << 64) - 1
_MULTIPLIER = 0x9E3779B97F4A7C15


@lru_cache(maxsize=16_384)
def label(text: str) -> int:
    """Hash a string to 64 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=4_096)
def type_label(kind: ValueType) -> int:
    """Hash the type of an input of the main graph."""
    return label(f"{kind.element}{kind.shape}")


def mix(parts: Sequence[int]) -> int:
    """Hash a sequence of 64-bit colours; the order counts."""
    state = len(parts)
    for part in parts:
        state = (product := ((state ^ part) * _MULTIPLIER) & _MASK) ^ (product >> 31)
    return state


def start_of_pair(first: int) -> int:
    """Hash the first colour of a pair, for `mix_each`."""
    state = ((2 ^ first) * _MULTIPLIER) & _MASK
    return state ^ (state >> 31)


def mix_each(pairs: Iterable[tuple[int, int]], colours: Sequence[int]) -> list[int]:
    """Return ``mix((first, colours[second]))`` of each (start of first, second)."""
    return [
        (state := ((start ^ colours[item]) * _MULTIPLIER) & _MASK) ^ (state >> 31)
        for start, item in pairs
    ]
