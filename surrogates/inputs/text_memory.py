"""What was read of recent texts: a search and a comparison ask for the same again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

N_REMEMBERED = 16384
"""Texts, of which statements or features take some kilobytes each."""

Read = TypeVar("Read")


def distinct_texts(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return each text once, and which of these every text is, shape ``(n,)``."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return list(places), np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))


class TextMemory(Generic[Read]):
    """The last :data:`N_REMEMBERED` texts that were asked for; threads may share it."""

    def __init__(self, read: Callable[[str], Read]) -> None:
        """Remember nothing.

        Args:
            read: Reads a text; an error of it is the caller's.
        """
        self.read = read
        self._texts: LRUCache[str, Read] = LRUCache(N_REMEMBERED)
        self._lock = Lock()

    def __contains__(self, text: str) -> bool:
        """Whether a text is remembered; asking does not count as use."""
        with self._lock:
            return text in self._texts

    def of(self, text: str) -> Read:
        """Return what is read of a text, once."""
        with self._lock:
            found = self._texts.get(text)
        if found is None:
            found = self.read(text)
            self.put(text, found)
        return found

    def put(self, text: str, read: Read) -> None:
        """Remember what was read of a text."""
        with self._lock:
            self._texts[text] = read

    def forget(self) -> None:
        """Remember nothing any more."""
        with self._lock:
            self._texts.clear()
