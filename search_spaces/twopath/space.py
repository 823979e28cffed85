"""The search space interface of Two-Path."""

from collections.abc import Sequence

import numpy as np

from search_spaces.conditional_space import ConditionalSpace
from search_spaces.counts import Counts
from search_spaces.graph import Graph
from search_spaces.twopath.architecture import (
    GENOME_CHOICES,
    PATH_SHAPES,
    Path,
    TwoPathArchitecture,
)
from search_spaces.twopath.network import build_network, count_network
from search_spaces.twopath.operations import all_blocks

__all__ = ["TwoPath"]


class TwoPath(ConditionalSpace[TwoPathArchitecture]):
    """Two-Path for CIFAR-10; 7.4e26 distinct networks.

    `size` counts a pair of paths once whatever their order, and blocks that differ only in
    spelling (`search_spaces.twopath.operations.merge_doubles`) once.
    """

    name = "twopath"
    source = "arXiv:2211.17226; https://github.com/Ascend-Research/GENNAPE"
    genome_choices = GENOME_CHOICES

    def __init__(self) -> None:
        self._n_paths = [
            len(all_blocks(reduces=True)) ** 2
            * len(all_blocks(reduces=False)) ** (n_blocks - len(reductions))
            for n_blocks, reductions in PATH_SHAPES
        ]
        n_paths = sum(self._n_paths)
        self.size = n_paths * (n_paths + 1) // 2

    def build(self, architecture: TwoPathArchitecture) -> Graph:
        """Write the network for 32 x 32 images and ten classes."""
        return build_network(architecture.canonical_paths())

    def sample(self, rng: np.random.Generator) -> TwoPathArchitecture:
        """Draw uniformly over distinct networks, so most paths have four blocks of three."""
        while True:
            first, second = self._sample_path(rng), self._sample_path(rng)
            if first <= second:
                return TwoPathArchitecture.from_paths(first, second)

    def _sample_path(self, rng: np.random.Generator) -> Path:
        """Draw a path, uniform over distinct ones."""
        weights = np.array(self._n_paths, dtype=float)
        n_blocks, reductions = PATH_SHAPES[rng.choice(len(weights), p=weights / weights.sum())]
        blocks = []
        for index in range(n_blocks):
            choices = all_blocks(reduces=index in reductions)
            blocks.append(choices[int(rng.integers(len(choices)))])
        return Path(tuple(blocks), reductions)

    def canonical(self, architecture: TwoPathArchitecture) -> TwoPathArchitecture:
        """Sort the paths, merge pairs of 3x3 convolutions and set dead genes to 0."""
        return TwoPathArchitecture.from_paths(*architecture.canonical_paths())

    def to_genome(self, architecture: TwoPathArchitecture) -> tuple[int, ...]:
        """Return the genes, see `search_spaces.twopath.architecture`."""
        return architecture.genome

    def from_genome(self, genome: Sequence[int]) -> TwoPathArchitecture:
        """Return the architecture of a genome."""
        return TwoPathArchitecture(self.check_genome(genome))

    def parse(self, string: str) -> TwoPathArchitecture:
        """Read ``{"path1": [{"op_names": [...], "op_types": [...]}, ...], ...}``."""
        return TwoPathArchitecture.parse(string)

    def format(self, architecture: TwoPathArchitecture) -> str:
        """Return ``{"path1": [{"op_names": [...], "op_types": [...]}, ...], ...}``."""
        return str(architecture)

    def published_counts(self, architecture: TwoPathArchitecture) -> Counts:
        """Count as PyTorch does, see `search_spaces.gennape.tally`."""
        return count_network(architecture.paths)
