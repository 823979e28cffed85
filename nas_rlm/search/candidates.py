"""From genomes to networks: which are valid, which are the same network, and their ONNX text.

Two genomes are the same network if their canonical texts have the same digest. A candidate carries
the genome of the canonical representative, so what is looked up by genome is looked up for the
network that was read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import search_spaces
from nas_rlm.dataset import digest

RECENT_TEXTS = 2048
"""Texts that a reader keeps, a few kilobytes each; those of a generation are read soon after."""

Genomes = NDArray[np.int64]
"""Shape ``(n, genes)``."""


@dataclass(frozen=True)
class Candidate:
    """One network of a search space."""

    genome: tuple[int, ...]
    digest: str
    """Of the canonical ONNX text, which `CandidateReader.text` gives."""


class CandidateReader:
    """Reads genomes of one search space; what was read before is not exported again."""

    def __init__(self, space: search_spaces.SearchSpace[Any]) -> None:
        """Start with nothing read.

        Args:
            space: The search space.
        """
        self.space = space
        self._digests: dict[tuple[int, ...], str] = {}
        self._texts: dict[tuple[int, ...], str] = {}
        self._canonical: dict[tuple[int, ...], tuple[int, ...] | None] = {}

    def genome(self, genome: Sequence[int]) -> tuple[int, ...] | None:
        """Return the canonical genome of a network.

        Args:
            genome: Genes within their ranges.

        Returns:
            The genome, or None where these genes are no architecture of the space.
        """
        genes = tuple(int(gene) for gene in genome)
        if genes not in self._canonical:
            self._canonical[genes] = self._to_canonical(genes)
        return self._canonical[genes]

    def digest(self, genome: Sequence[int]) -> str | None:
        """Return the digest of a genome, or None where it is no architecture of the space."""
        canonical = self.genome(genome)
        return None if canonical is None else self._read(canonical)

    def text(self, candidate: Candidate) -> str:
        """Return the canonical ONNX text of a candidate; at once if it was read recently."""
        text = self._texts.get(candidate.genome)
        if text is None:
            text = self.space.to_text(self.space.from_genome(candidate.genome))
        return text

    def remember(self, candidate: Candidate) -> None:
        """Take over what another reader of the same space read."""
        self._digests[candidate.genome] = candidate.digest

    def fresh(
        self, genomes: Iterable[Sequence[int]], seen: set[str], limit: int
    ) -> list[Candidate]:
        """Return the networks that were not seen yet, each once.

        Args:
            genomes: Genes within their ranges; those that are no architecture are left out.
            seen: Digests to leave out; those of the result are added.
            limit: How many are enough.

        Returns:
            In the order of the genomes.
        """
        found: list[Candidate] = []
        for genes in genomes:
            if len(found) == limit:
                break
            genome = self.genome(genes)
            if genome is None or self._digests.get(genome) in seen:
                continue
            name = self._read(genome)
            if name not in seen:
                seen.add(name)
                found.append(Candidate(genome, name))
        return found

    def sample(self, n: int, rng: np.random.Generator) -> Genomes:
        """Draw architectures as the space draws them.

        Args:
            n: How many; they may repeat.
            rng: Source of randomness.

        Returns:
            Shape ``(n, genes)``.
        """
        genomes = [self.space.to_genome(self.space.sample(rng)) for _ in range(n)]
        return np.array(genomes, dtype=np.int64).reshape(n, len(self.space.genome_choices))

    def _to_canonical(self, genes: tuple[int, ...]) -> tuple[int, ...] | None:
        """The canonical genome, None where the genes are no architecture."""
        if not self.space.is_valid_genome(genes):
            return None
        return self.space.to_genome(self.space.canonical(self.space.from_genome(genes)))

    def _read(self, genome: tuple[int, ...]) -> str:
        """The digest of a canonical genome."""
        name = self._digests.get(genome)
        if name is None:
            text = self.space.to_text(self.space.from_genome(genome))
            name = digest(text)
            self._digests[genome] = name
            self._texts[genome] = text
            if len(self._texts) > RECENT_TEXTS:
                del self._texts[next(iter(self._texts))]
        return name
