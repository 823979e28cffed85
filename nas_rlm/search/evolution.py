"""Evolutionary search on predictions: generations of networks that were never proposed before.

Genomes are rows of one array; parents are drawn, mixed and mutated for a whole generation at a
time. The parents are the best of everything told so far, by budget, non-dominated layer and
crowding. Every generation has its own random stream, so a search that is told the same values
again proposes the same networks, wherever it was interrupted.

Source:
    Selection of "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
    doi:10.1109/4235.996017, with the whole archive in place of a population.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nas_rlm.budget import Budget
from nas_rlm.errors import ArrayError
from nas_rlm.metrics import Metric
from nas_rlm.search.archive import Archive, Values
from nas_rlm.search.candidates import Candidate, CandidateReader, Genomes
from nas_rlm.seeding import generator

_MAX_ENUMERATED = 200_000
_ATTEMPTS = 30


@dataclass(frozen=True)
class Variation:
    """How children are made."""

    random_share: float = 0.1
    """Share of a generation that is drawn at random, so that no region is shut out."""
    crossover_probability: float = 0.5
    """Chance that a child mixes two parents rather than copies one."""
    mutated_genes: float = 1.5
    """Genes of a child that change, on average; at least one does."""


class Evolution:
    """Proposes networks and is told their predicted values."""

    def __init__(
        self,
        reader: CandidateReader,
        objectives: Sequence[Metric],
        budgets: Sequence[Budget] = (),
        *,
        population_size: int = 100,
        seed: int = 0,
        variation: Variation | None = None,
        seen: Sequence[str] = (),
    ) -> None:
        """Start with an empty archive.

        Args:
            reader: Reads genomes of the space.
            objectives: Metrics that are optimized.
            budgets: Limits; a network that breaks one ranks behind all that do not.
            population_size: How many of the best are parents.
            seed: Seed of the run.
            variation: How children are made.
            seen: Digests of networks that must not be proposed.
        """
        self.archive = Archive(objectives, budgets)
        self.population_size = population_size
        self._reader = reader
        self._choices = np.asarray(reader.space.genome_choices)
        self._seed = seed
        self._variation = Variation() if variation is None else variation
        self._seen = set(seen)
        self._generation = 0

    def ask(self, n: int) -> list[Candidate]:
        """Propose networks that neither were proposed before nor are in `seen`.

        Args:
            n: How many.

        Returns:
            n candidates; fewer where the space holds no more, none when it is exhausted.
        """
        rng = generator(self._seed, "evolution", self._generation)
        self._generation += 1
        found: list[Candidate] = []
        for genomes in self._offers(n, rng):
            found += self._reader.fresh(genomes.tolist(), self._seen, n - len(found))
            if len(found) == n:
                break
        return found

    def tell(self, candidates: Sequence[Candidate], values: Values) -> None:
        """Add predicted values.

        Args:
            candidates: What was asked for, or networks from elsewhere.
            values: Metric name to one value per candidate.

        Raises:
            ArrayError: If values are missing or not finite.
        """
        digests = [candidate.digest for candidate in candidates]
        self._seen.update(digests)
        self.archive.add(digests, [candidate.genome for candidate in candidates], values)

    def exclude(self, digests: Sequence[str]) -> None:
        """Never propose these networks."""
        self._seen.update(digests)

    def _offers(self, n: int, rng: np.random.Generator) -> Iterator[Genomes]:
        """Children first, then random genomes, then, in a small space, all that are left."""
        if len(self.archive):
            genomes = self.archive.genomes
            parents = genomes[self.archive.ranking()[: self.population_size]]
            n_random = round(n * self._variation.random_share)
            yield self._reader.sample(n_random, rng)
            for _ in range(_ATTEMPTS):
                yield breed(parents, self._choices, n, rng, self._variation)
        for _ in range(_ATTEMPTS):
            yield self._reader.sample(n, rng)
        if self._reader.space.size <= _MAX_ENUMERATED:
            space = self._reader.space
            left = np.array([space.to_genome(item) for item in space.enumerate()], dtype=np.int64)
            yield left[rng.permutation(len(left))]


def breed(
    parents: Genomes,
    choices: Sequence[int] | Genomes,
    n: int,
    rng: np.random.Generator,
    variation: Variation | None = None,
) -> Genomes:
    """Make children of ranked parents, all at once.

    A parent is the better of two drawn at random. A child takes each gene from one of two parents
    with equal chance, or is a copy of one; then every gene changes to another of its choices with a
    small chance, and at least one gene that has a choice does.

    Args:
        parents: Shape ``(k, genes)``, best first, k of at least 1.
        choices: Number of choices of each gene.
        n: How many children.
        rng: Source of randomness.
        variation: How children are made.

    Returns:
        Shape ``(n, genes)``.

    Raises:
        ArrayError: If there is no parent.
    """
    if len(parents) == 0:
        message = "Children need at least one parent, but got none."
        raise ArrayError(message)
    how = Variation() if variation is None else variation
    limits = np.asarray(choices, dtype=np.int64)
    drawn = rng.integers(0, len(parents), size=(n, 2, 2)).min(axis=2)
    first, second = parents[drawn[:, 0]], parents[drawn[:, 1]]
    is_mixed = rng.random(n) < how.crossover_probability
    takes_second = (rng.random(first.shape) < 0.5) & is_mixed[:, None]
    children: Genomes = np.where(takes_second, second, first)
    free = np.flatnonzero(limits > 1)
    if free.size == 0 or n == 0:
        return children
    rate = min(how.mutated_genes / free.size, 1.0)
    changes = np.zeros(children.shape, dtype=np.bool_)
    changes[:, free] = rng.random((n, free.size)) < rate
    changes[np.arange(n), free[rng.integers(0, free.size, size=n)]] = True
    steps = rng.integers(1, np.maximum(limits, 2), size=children.shape)
    changed: Genomes = np.where(changes & (limits > 1), (children + steps) % limits, children)
    return changed
