"""Search spaces in which some genes are dead: settings of layers beyond the chosen depth."""

from abc import abstractmethod
from collections.abc import Hashable
from typing import TypeVar

import numpy as np

from search_spaces.base import SearchSpace

__all__ = ["ConditionalSpace"]

A = TypeVar("A", bound=Hashable)


class ConditionalSpace(SearchSpace[A]):
    """A space whose genomes are longer than what an architecture uses.

    An architecture carries its dead genes along, so that a genome of fixed length goes back and
    forth; `canonical` drops them, `size` counts without them, and a mutation is one that is seen.
    """

    @abstractmethod
    def canonical(self, architecture: A) -> A:
        """Return the architecture with every dead gene at 0."""

    def mutate(self, architecture: A, rng: np.random.Generator) -> A:
        """Change one gene at random, so that the network changes: no dead gene."""
        before = self.canonical(architecture)
        while True:
            mutant = super().mutate(architecture, rng)
            if self.canonical(mutant) != before:
                return mutant
