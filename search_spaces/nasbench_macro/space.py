"""The search space interface of NAS-Bench-Macro."""

from collections.abc import Sequence

import numpy as np

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.graph import Graph
from search_spaces.nasbench_macro.blocks import LAYERS, OPS, MacroArchitecture
from search_spaces.nasbench_macro.counts import published_counts
from search_spaces.nasbench_macro.network import build_network

__all__ = ["NasBenchMacro"]


class NasBenchMacro(SearchSpace[MacroArchitecture]):
    """NAS-Bench-Macro; 6,561 architectures, all assignments of operations to layers counted.

    3,969 of them are different networks: within a stage, an ``id`` that hands on its input may
    stand anywhere. The benchmark trained each network once, with such ``id`` at the end of the
    stage, as `canonical` has it. `sample` is uniform over the 3,969.
    """

    name = "nasbench_macro"
    source = "arXiv:2103.11922; https://github.com/xiusu/NAS-Bench-Macro"
    genome_choices = (len(OPS),) * len(LAYERS)
    size = len(OPS) ** len(LAYERS)

    def build(self, architecture: MacroArchitecture) -> Graph:
        """Write the network for CIFAR-10."""
        return build_network(architecture)

    def canonical(self, architecture: MacroArchitecture) -> MacroArchitecture:
        """Move the ``id`` layers that hand on their input to the end of their stage."""
        ops: list[str] = []
        waiting: list[str] = []
        for op, layer in zip(architecture.ops, LAYERS, strict=True):
            if not layer.keeps_shape:
                ops += waiting
                waiting = []
            (waiting if op == "id" and layer.keeps_shape else ops).append(op)
        return MacroArchitecture((*ops, *waiting))

    def sample(self, rng: np.random.Generator) -> MacroArchitecture:
        """Draw one of the 3,969 different networks, all equally likely."""
        while True:
            architecture = super().sample(rng)
            if self.canonical(architecture) == architecture:
                return architecture

    def to_genome(self, architecture: MacroArchitecture) -> tuple[int, ...]:
        """Return the published digit of each layer."""
        return tuple(OPS.index(op) for op in architecture.ops)

    def from_genome(self, genome: Sequence[int]) -> MacroArchitecture:
        """Return the architecture of eight published digits."""
        return MacroArchitecture(tuple(OPS[gene] for gene in self.check_genome(genome)))

    def parse(self, string: str) -> MacroArchitecture:
        """Read eight digits such as ``02012100``."""
        return MacroArchitecture.parse(string)

    def format(self, architecture: MacroArchitecture) -> str:
        """Return eight digits such as ``02012100``."""
        return str(architecture)

    def published_counts(self, architecture: MacroArchitecture) -> Counts:
        """Count as the benchmark does, see `search_spaces.nasbench_macro.counts`."""
        return published_counts(architecture)
