"""The interface of a search space: architectures in, graphs and strings out.

A space defines its architecture (a frozen, hashable dataclass), a fixed-length genome, the
published string, and `SearchSpace.build`, which writes an architecture with
`search_spaces.graph_builder`. The rest (sampling, mutation, crossover, enumeration, export) has
defaults here that work on genomes.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from itertools import product
from typing import Generic, TypeVar

import numpy as np
import onnx

from search_spaces.canonical import canonicalize_graph
from search_spaces.counts import Counts
from search_spaces.errors import InfiniteSpaceError, InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.onnx_bridge import to_model
from search_spaces.onnx_text import graph_to_text

__all__ = ["MAX_ENUMERATED", "SearchSpace"]

MAX_ENUMERATED = 10_000_000
"""Largest space that `SearchSpace.enumerate` walks."""

A = TypeVar("A", bound=Hashable)


class SearchSpace(ABC, Generic[A]):
    """A set of architectures.

    Attributes:
        name: Name in `search_spaces.SPACES`.
        source: Paper and repository of the definition.
        genome_choices: Number of choices of each gene; a genome is as long as this tuple.
        size: Number of architectures; what counts as one stands in the class's docstring.
    """

    name: str
    source: str
    genome_choices: tuple[int, ...]
    size: int

    @abstractmethod
    def build(self, architecture: A) -> Graph:
        """Write an architecture with `search_spaces.graph_builder.GraphBuilder`."""

    @abstractmethod
    def to_genome(self, architecture: A) -> tuple[int, ...]:
        """Return the genes, gene i in ``range(genome_choices[i])``."""

    @abstractmethod
    def from_genome(self, genome: Sequence[int]) -> A:
        """Return the architecture of a genome.

        Raises:
            InvalidArchitectureError: If length or a gene is out of range; call `check_genome`.
        """

    @abstractmethod
    def parse(self, string: str) -> A:
        """Read the published string form.

        Raises:
            InvalidArchitectureError: If the string is malformed or names an unknown operation.
        """

    @abstractmethod
    def format(self, architecture: A) -> str:
        """Return the published string form."""

    @abstractmethod
    def published_counts(self, architecture: A) -> Counts:
        """Count parameters and mult-adds by the convention of the publication."""

    def canonical(self, architecture: A) -> A:
        """Return one representative of the architectures that are the same network.

        The default says that no two architectures are.
        """
        return architecture

    def to_onnx(self, architecture: A) -> onnx.ModelProto:
        """Export an architecture: canonical, weights as typed inputs, blocks as functions."""
        return to_model(canonicalize_graph(self.build(architecture)))

    def to_text(self, architecture: A) -> str:
        """Export to canonical ONNX text; equals `search_spaces.to_text` of `to_onnx`, but faster."""
        return graph_to_text(self.build(architecture))

    def to_unpruned_text(self, architecture: A) -> str:
        """Export with every operation that the benchmark runs, whether the output needs it or not.

        A published latency was taken of this network, while its accuracy is that of the canonical
        one. The default says that nothing is dead.
        """
        return self.to_text(architecture)

    def sample(self, rng: np.random.Generator) -> A:
        """Draw an architecture, uniform over genomes unless the space says otherwise."""
        return self.from_genome([int(rng.integers(n)) for n in self.genome_choices])

    def mutate(self, architecture: A, rng: np.random.Generator) -> A:
        """Change one gene at random; the result is valid and differs from `architecture`.

        Spaces in which genomes constrain each other override `is_valid_genome`; several attempts
        are then made, and after them two or more genes may change.
        """
        genome = self.to_genome(architecture)
        free = [index for index, n in enumerate(self.genome_choices) if n > 1]
        for attempt in range(_MAX_ATTEMPTS):
            changed = list(genome)
            for index in rng.choice(free, size=1 + attempt // 100, replace=True):
                n = self.genome_choices[index]
                changed[index] = (changed[index] + 1 + int(rng.integers(n - 1))) % n
            if self.is_valid_genome(changed):
                mutant = self.from_genome(changed)
                if mutant != architecture:
                    return mutant
        raise InvalidArchitectureError(
            f"No valid neighbour of {self.format(architecture)!r} in {self.name} was found in "
            f"{_MAX_ATTEMPTS} attempts. Sample a new architecture."
        )

    def crossover(self, first: A, second: A, rng: np.random.Generator) -> A:
        """Take each gene from one parent at random; the first parent if no mix is valid."""
        genes = (self.to_genome(first), self.to_genome(second))
        for _ in range(_MAX_ATTEMPTS):
            picks = rng.integers(2, size=len(self.genome_choices))
            child = [genes[pick][index] for index, pick in enumerate(picks)]
            if self.is_valid_genome(child):
                return self.from_genome(child)
        return first

    def enumerate(self) -> Iterator[A]:
        """Yield every architecture once, in genome order.

        Raises:
            InfiniteSpaceError: If there are more than `MAX_ENUMERATED` genomes.
        """
        n_genomes = 1
        for n in self.genome_choices:
            n_genomes *= n
        if n_genomes > MAX_ENUMERATED:
            raise InfiniteSpaceError(
                f"Space must have at most {MAX_ENUMERATED} genomes to be enumerated, but "
                f"{self.name!r} has {n_genomes}. Use `sample`."
            )
        return self._enumerate()

    def _enumerate(self) -> Iterator[A]:
        """Walk all valid genomes."""
        for genome in product(*map(range, self.genome_choices)):
            if self.is_valid_genome(genome):
                yield self.from_genome(genome)

    def is_valid_genome(self, genome: Sequence[int]) -> bool:
        """Tell whether a genome within range is an architecture; by default it always is."""
        del genome
        return True

    def check_genome(self, genome: Sequence[int]) -> tuple[int, ...]:
        """Return the genome as a tuple of ints.

        Raises:
            InvalidArchitectureError: If its length or a gene is out of range.
        """
        choices = self.genome_choices
        if len(genome) != len(choices):
            raise InvalidArchitectureError(
                f"Genome of {self.name} must have {len(choices)} genes, but got {len(genome)}."
            )
        for index, (gene, n) in enumerate(zip(genome, choices, strict=True)):
            if not 0 <= gene < n or gene != int(gene):
                raise InvalidArchitectureError(
                    f"Gene {index} of {self.name} must be an integer in 0..{n - 1}, "
                    f"but got {gene!r}."
                )
        return tuple(map(int, genome))


_MAX_ATTEMPTS = 1_000
