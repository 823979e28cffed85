"""The residual spaces of "On Network Design Spaces for Visual Recognition".

Each of three stages chooses its depth and width and, for ResNeXt, the ratio of the bottleneck and
the groups. The paper gives the number of choices and their range, "spaced about evenly in log
space"; here these are

- ResNet: 9 depths 1..24, 12 widths 16..256: (9 * 12) ** 3 = 1,259,712 networks;
- ResNeXt-A: 5 depths 1..16, 5 widths 16..256, ratios and groups 1, 2, 4: 11,390,625;
- ResNeXt-B: 5 depths 1..16, 5 widths 64..1024, ratios 1, 2, 4, 5 groups 1..16: 52,734,375.

Decision: the values between the ends are the small multiples of powers of two that the networks
quoted elsewhere have (depth 12, widths 24 and 40); powers of two where there are five choices.

Source:
    arXiv:1905.13214, table 2; https://github.com/facebookresearch/nds.
"""

import json
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts
from search_spaces.errors import InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.nds.residual import STRIDES, ResidualNetwork, Stage, read_net, write_net
from search_spaces.nds.residual_network import build_residual_network, published_counts

__all__ = ["FAMILIES", "ResidualFamily", "ResidualSpace"]

N_STAGES = len(STRIDES)


class ResidualFamily(NamedTuple):
    """Choices of every stage."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    ratios: tuple[int, ...] = (0,)
    groups: tuple[int, ...] = (1,)


FAMILIES = {
    "resnet": ResidualFamily(
        depths=(1, 2, 3, 4, 6, 8, 12, 16, 24),
        widths=(16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256),
    ),
    "resnext_a": ResidualFamily(
        depths=(1, 2, 4, 8, 16),
        widths=(16, 32, 64, 128, 256),
        ratios=(1, 2, 4),
        groups=(1, 2, 4),
    ),
    "resnext_b": ResidualFamily(
        depths=(1, 2, 4, 8, 16),
        widths=(64, 128, 256, 512, 1024),
        ratios=(1, 2, 4),
        groups=(1, 2, 4, 8, 16),
    ),
}
"""The residual spaces by name."""


class ResidualSpace(SearchSpace[ResidualNetwork]):
    """A residual space; all of its networks are different, and `sample` is uniform over them.

    Genes: depth, width, ratio and groups of the first stage, then of the second and the third; a
    space without ratio and groups has one choice for these. The published string is the ``net``
    of an NDS file (JSON).

    Args:
        name: Name in the registry.
        family: One of `FAMILIES`.
    """

    source = "arXiv:1905.13214; https://github.com/facebookresearch/nds"

    def __init__(self, name: str, family: str) -> None:
        self.name = name
        self.family = FAMILIES[family]
        self.genome_choices = tuple(map(len, self.family)) * N_STAGES
        self.size = prod(self.genome_choices)

    def build(self, architecture: ResidualNetwork) -> Graph:
        """Write the network for CIFAR-10."""
        return build_residual_network(architecture)

    def to_genome(self, architecture: ResidualNetwork) -> tuple[int, ...]:
        """Return the index of every choice, stage by stage."""
        return tuple(
            [
                choices.index(value)
                for stage in architecture.stages
                for choices, value in zip(self.family, _values(stage), strict=True)
            ]
        )

    def from_genome(self, genome: Sequence[int]) -> ResidualNetwork:
        """Return the architecture of these genes."""
        genes = iter(self.check_genome(genome))
        return ResidualNetwork(
            tuple(
                [
                    Stage(*[choices[next(genes)] for choices in self.family])
                    for _ in range(N_STAGES)
                ]
            )
        )

    def parse(self, string: str) -> ResidualNetwork:
        """Read the JSON of a ``net``."""
        try:
            net = json.loads(string)
        except (ValueError, RecursionError) as error:
            raise InvalidArchitectureError(
                f"Network must be JSON, but does not parse: {str(error)[:200]}"
            ) from error
        return self.check(read_net(net))

    def format(self, architecture: ResidualNetwork) -> str:
        """Return the JSON of the ``net``."""
        return json.dumps(write_net(architecture))

    def published_counts(self, architecture: ResidualNetwork) -> Counts:
        """Count as PyTorch does, see `search_spaces.nds.residual_network`."""
        return published_counts(architecture)

    def check(self, architecture: ResidualNetwork) -> ResidualNetwork:
        """Return an architecture of this space as it is.

        Raises:
            InvalidArchitectureError: If it is not one.
        """
        for stage in architecture.stages:
            for what, choices, value in zip(
                self.family._fields, self.family, _values(stage), strict=True
            ):
                if value not in choices:
                    raise InvalidArchitectureError(
                        f"Stages of {self.name} must have {what} in {choices!r}, "
                        f"but got {value!r}."
                    )
        return architecture


def _values(stage: Stage) -> tuple[int, int, int, int]:
    """List the choices of a stage."""
    return stage.depth, stage.width, stage.ratio, stage.groups
