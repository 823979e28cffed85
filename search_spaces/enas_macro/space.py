"""The search space interface of ENAS macro."""

from collections.abc import Sequence

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.enas_macro.architecture import N_LAYERS, OPS, EnasArchitecture
from search_spaces.enas_macro.counts import published_counts
from search_spaces.enas_macro.network import build_network
from search_spaces.graph import Graph

__all__ = ["EnasMacro"]

_STARTS = tuple(layer * (layer + 1) // 2 for layer in range(N_LAYERS + 1))
"""Where the genes of each layer start, and the length of a genome."""


class EnasMacro(SearchSpace[EnasArchitecture]):
    """ENAS macro with six layers; 6**6 * 2**15 architectures, all of them different networks.

    The layers are a chain, so no two can be exchanged, and every bit adds an operand to a sum. The
    genome is the published string: operation and skip bits, layer by layer.
    """

    name = "enas_macro"
    source = "arXiv:1802.03268; arXiv:1904.11088; https://github.com/muhanzhang/D-VAE"
    genome_choices = tuple(
        n for layer in range(N_LAYERS) for n in (len(OPS), *[2 for _ in range(layer)])
    )
    size = len(OPS) ** N_LAYERS * 2 ** (N_LAYERS * (N_LAYERS - 1) // 2)

    def build(self, architecture: EnasArchitecture) -> Graph:
        """Write the child network for CIFAR-10."""
        return build_network(architecture)

    def to_genome(self, architecture: EnasArchitecture) -> tuple[int, ...]:
        """Return operation index and skip bits, layer by layer."""
        layers = zip(architecture.ops, architecture.skips, strict=True)
        return tuple(gene for op, bits in layers for gene in (OPS.index(op), *bits))

    def from_genome(self, genome: Sequence[int]) -> EnasArchitecture:
        """Return the architecture of operation indices and skip bits."""
        genes = self.check_genome(genome)
        rows = [genes[_STARTS[layer] : _STARTS[layer + 1]] for layer in range(N_LAYERS)]
        return EnasArchitecture(tuple(OPS[row[0]] for row in rows), tuple(row[1:] for row in rows))

    def parse(self, string: str) -> EnasArchitecture:
        """Read ``1 4 0 5 0 0 ...`` or the nested list."""
        return EnasArchitecture.parse(string)

    def format(self, architecture: EnasArchitecture) -> str:
        """Return ``1 4 0 5 0 0 ...``."""
        return str(architecture)

    def published_counts(self, architecture: EnasArchitecture) -> Counts:
        """Count what is alive, see `search_spaces.enas_macro.counts`."""
        return published_counts(architecture)
