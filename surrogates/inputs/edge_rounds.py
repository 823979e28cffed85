"""Rounds of messages along the edges of a graph: who hears whom, in sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

N_EDGE_KINDS = 4
"""Who is heard: producers, consumers, the body of a call, the calls of a body."""


@dataclass(frozen=True)
class EdgeSums:
    """Weighted sums over lists of rows: how every row of a result is made of some that are given.

    Attributes:
        rows: Shape ``(e,)``; given rows, those of one result side by side.
        starts: Shape ``(r,)``; where the rows of each result begin.
        weights: Shape ``(e,)``.
    """

    rows: Tensor
    starts: Tensor
    weights: Tensor

    @classmethod
    def of(
        cls,
        results: NDArray[np.int64],
        rows: NDArray[np.int64],
        weights: NDArray[np.float32],
        n_results: int,
    ) -> EdgeSums:
        """Order edges by result; all arguments but the last have shape ``(e,)``."""
        order = np.argsort(results, kind="stable")
        starts = np.searchsorted(results[order], np.arange(n_results))
        parts = rows[order], starts, weights[order]
        return cls(*(torch.from_numpy(part) for part in parts))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows each result is made of, shape ``(r,)``."""
        return np.diff(self.starts.numpy(), append=len(self.rows))


@dataclass(frozen=True)
class EdgeRound:
    """A round of messages: from the vectors of some statements to those of as many or others.

    A *message* is what a statement says along one kind of edge; that of statement j along kind k has
    the number ``4 j + k``.

    Attributes:
        listeners: Shape ``(e,)``; statements afterwards.
        messages: Shape ``(e,)``; what they hear of the statements before: operands count, what a call
            hears of its body is averaged, for bodies differ in length; a body hears its calls in
            full.
        weights: Shape ``(e,)``.
        n_before: Statements before.
        n_after: Statements afterwards.
        own: Shape ``(n_after,)``; which of those before each of those afterwards was. None: they are
            the same.
    """

    listeners: NDArray[np.int64]
    messages: NDArray[np.int64]
    weights: NDArray[np.float32]
    n_before: int
    n_after: int
    own: Tensor | None = None

    @cached_property
    def heard(self) -> EdgeSums:
        """The messages that each listener hears."""
        return EdgeSums.of(self.listeners, self.messages, self.weights, self.n_after)

    @cached_property
    def told(self) -> EdgeSums:
        """The listeners that each message has."""
        n_messages = N_EDGE_KINDS * self.n_before
        return EdgeSums.of(self.messages, self.listeners, self.weights, n_messages)
