"""Defaults of the search space interface, on a tiny space with a constraint."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, SearchSpace
from search_spaces.counts import Counts
from search_spaces.graph import Graph
from search_spaces.graph_builder import GraphBuilder


@dataclass(frozen=True)
class Pair:
    genes: tuple[int, ...]


class SortedPairs(SearchSpace[Pair]):
    """Two genes of 0..2, the second not smaller; the third has one choice."""

    name, source, size = "sorted_pairs", "https://example.org", 6
    genome_choices = (3, 3, 1)

    def build(self, architecture: Pair) -> Graph:
        builder = GraphBuilder((1, 1, 4, 4))
        value = builder.x
        for gene in architecture.genes:
            value = builder.conv(value, gene + 1)
        return builder.build(value)

    def is_valid_genome(self, genome: Sequence[int]) -> bool:
        return genome[0] <= genome[1]

    def to_genome(self, architecture: Pair) -> tuple[int, ...]:
        return architecture.genes

    def from_genome(self, genome: Sequence[int]) -> Pair:
        return Pair(self.check_genome(genome))

    def parse(self, string: str) -> Pair:
        return self.from_genome([int(part) for part in string.split(",")])

    def format(self, architecture: Pair) -> str:
        return ",".join(map(str, architecture.genes))

    def published_counts(self, architecture: Pair) -> Counts:
        raise NotImplementedError


def test_enumeration_skips_invalid_genomes() -> None:
    space = SortedPairs()
    assert len(list(space.enumerate())) == space.size


def test_operators_stay_in_the_space(rng: np.random.Generator) -> None:
    space = SortedPairs()
    all_of_them = set(space.enumerate())
    for first in all_of_them:
        assert space.mutate(first, rng) in all_of_them - {first}
        for second in all_of_them:
            assert space.crossover(first, second, rng) in all_of_them


def test_a_space_without_neighbours_says_so(rng: np.random.Generator) -> None:
    class Lonely(SortedPairs):
        def is_valid_genome(self, genome: Sequence[int]) -> bool:
            return tuple(genome) == (1, 1, 0)

    with pytest.raises(InvalidArchitectureError, match="No valid neighbour of '1,1,0'"):
        Lonely().mutate(Pair((1, 1, 0)), rng)
    first, second = Pair((1, 1, 0)), Pair((0, 0, 0))
    child = Lonely().crossover(first, second, rng)
    assert child == first


@pytest.mark.parametrize("genome", [(3, 0, 0), (0, -1, 0), (0.5, 1, 0)])
def test_genes_out_of_range_are_refused(genome: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArchitectureError, match=r"must be an integer in 0\.\.2"):
        SortedPairs().from_genome(genome)
