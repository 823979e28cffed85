"""The search space interface of HiAML."""

from collections.abc import Sequence

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.graph import Graph
from search_spaces.hiaml.blocks import BLOCKS, N_STAGES, HiamlArchitecture
from search_spaces.hiaml.network import build_network, count_network

__all__ = ["Hiaml"]

_NAMES = tuple(BLOCKS)


class Hiaml(SearchSpace[HiamlArchitecture]):
    """HiAML for CIFAR-10; 14**4 architectures, all distinct networks."""

    name = "hiaml"
    source = "arXiv:2211.17226; https://github.com/Ascend-Research/GENNAPE"
    genome_choices = (len(BLOCKS),) * N_STAGES
    size = 14**N_STAGES

    def build(self, architecture: HiamlArchitecture) -> Graph:
        """Write the network for 32 x 32 images and ten classes."""
        return build_network(architecture)

    def to_genome(self, architecture: HiamlArchitecture) -> tuple[int, ...]:
        """Return the index of each block in `BLOCKS`, stage by stage."""
        return tuple(_NAMES.index(block) for block in architecture.blocks)

    def from_genome(self, genome: Sequence[int]) -> HiamlArchitecture:
        """Return the architecture of four block indices."""
        return HiamlArchitecture(tuple(_NAMES[gene] for gene in self.check_genome(genome)))

    def parse(self, string: str) -> HiamlArchitecture:
        """Read ``["hiaml_z", "hiaml_a22", "hiaml_l20", "hiaml_src0"]``, brackets and quotes or not."""
        return HiamlArchitecture.parse(string)

    def format(self, architecture: HiamlArchitecture) -> str:
        """Return ``["hiaml_z", "hiaml_a22", "hiaml_l20", "hiaml_src0"]``."""
        return str(architecture)

    def published_counts(self, architecture: HiamlArchitecture) -> Counts:
        """Count as PyTorch does, see `search_spaces.gennape.tally`."""
        return count_network(architecture)
