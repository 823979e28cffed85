"""The search space interface of the Inception family."""

from collections.abc import Sequence
from math import prod

import numpy as np

from search_spaces.conditional_space import ConditionalSpace
from search_spaces.counts import Counts
from search_spaces.graph import Graph
from search_spaces.inception.architecture import GENOME_CHOICES, InceptionArchitecture
from search_spaces.inception.counts import count_network
from search_spaces.inception.distinct import count_blocks, sample_block
from search_spaces.inception.network import build_network
from search_spaces.inception.stage import N_BLOCKS, STAGE_CHANNELS, Stage

__all__ = ["Inception"]


class Inception(ConditionalSpace[InceptionArchitecture]):
    """Inception for CIFAR-10; 4.5e48 distinct networks.

    The order of the paths of a block is no difference, and neither is a change of channels that
    comes to nothing (`search_spaces.inception.distinct`).
    """

    name = "inception"
    source = "arXiv:2211.17226; https://github.com/Ascend-Research/GENNAPE"
    genome_choices = GENOME_CHOICES

    def __init__(self) -> None:
        self.size = prod(len(N_BLOCKS) * count_blocks(channels) for _, channels in STAGE_CHANNELS)

    def build(self, architecture: InceptionArchitecture) -> Graph:
        """Write the network for 32 x 32 images and ten classes."""
        return build_network([stage.sorted() for stage in architecture.stages])

    def sample(self, rng: np.random.Generator) -> InceptionArchitecture:
        """Draw uniformly over distinct networks, so nearly all blocks have four long paths."""
        stages = [
            Stage(int(rng.choice(N_BLOCKS)), sample_block(channels, rng)).sorted()
            for _, channels in STAGE_CHANNELS
        ]
        return InceptionArchitecture.from_stages(stages)

    def canonical(self, architecture: InceptionArchitecture) -> InceptionArchitecture:
        """Sort the paths of each block and set dead genes to 0."""
        return InceptionArchitecture.from_stages([stage.sorted() for stage in architecture.stages])

    def to_genome(self, architecture: InceptionArchitecture) -> tuple[int, ...]:
        """Return the genes, see `search_spaces.inception.architecture`."""
        return architecture.genome

    def from_genome(self, genome: Sequence[int]) -> InceptionArchitecture:
        """Return the architecture of a genome."""
        return InceptionArchitecture(self.check_genome(genome))

    def parse(self, string: str) -> InceptionArchitecture:
        """Read ``{"stages": [{"block": {"paths": [...]}, "n_blocks": 2, ...}, ...]}``."""
        return InceptionArchitecture.parse(string)

    def format(self, architecture: InceptionArchitecture) -> str:
        """Return ``{"stages": [{"block": {"paths": [...]}, "n_blocks": 2, ...}, ...]}``."""
        return str(architecture)

    def published_counts(self, architecture: InceptionArchitecture) -> Counts:
        """Count as PyTorch does, see `search_spaces.inception.counts`."""
        return count_network(architecture.stages)
