"""The search space interface of FBNet."""

from collections.abc import Sequence

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.fbnet.blocks import LAYERS, OPS, FBNetArchitecture
from search_spaces.fbnet.counts import published_counts
from search_spaces.fbnet.network import build_network
from search_spaces.graph import Graph

__all__ = ["FBNet"]


class FBNet(SearchSpace[FBNetArchitecture]):
    """FBNet for ImageNet; 9**22 architectures, all assignments of operations to layers counted.

    Different assignments can be one network: within a stage, a skip that hands on its input may
    stand anywhere. `canonical` moves such skips to the end of their stage. `sample` is uniform over
    the assignments.
    """

    name = "fbnet"
    source = "arXiv:1812.03443; https://github.com/facebookresearch/mobile-vision"
    genome_choices = (len(OPS),) * len(LAYERS)
    size = len(OPS) ** len(LAYERS)

    def build(self, architecture: FBNetArchitecture) -> Graph:
        """Write the network for 224 x 224 images and 1,000 classes."""
        return build_network(architecture)

    def canonical(self, architecture: FBNetArchitecture) -> FBNetArchitecture:
        """Move the skips that hand on their input to the end of their stage."""
        ops: list[str] = []
        skips: list[str] = []
        for op, layer in zip(architecture.ops, LAYERS, strict=True):
            is_free = layer.c_in == layer.c_out and layer.stride == 1
            if not is_free:
                ops += skips
                skips = []
            (skips if is_free and op == "skip" else ops).append(op)
        return FBNetArchitecture((*ops, *skips))

    def to_genome(self, architecture: FBNetArchitecture) -> tuple[int, ...]:
        """Return the index of each operation in `OPS`, layer by layer."""
        return tuple(OPS.index(op) for op in architecture.ops)

    def from_genome(self, genome: Sequence[int]) -> FBNetArchitecture:
        """Return the architecture of 22 operation indices."""
        return FBNetArchitecture(tuple(OPS[gene] for gene in self.check_genome(genome)))

    def parse(self, string: str) -> FBNetArchitecture:
        """Read 22 operation indices or names, separated by commas."""
        return FBNetArchitecture.parse(string)

    def format(self, architecture: FBNetArchitecture) -> str:
        """Return the 22 operation indices of HW-NAS-Bench."""
        return str(architecture)

    def published_counts(self, architecture: FBNetArchitecture) -> Counts:
        """Count as PyTorch does, see `search_spaces.fbnet.counts`."""
        return published_counts(architecture)
