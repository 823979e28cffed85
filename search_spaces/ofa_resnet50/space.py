"""The search space interface of OFA-ResNet50."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from search_spaces.conditional_space import ConditionalSpace
from search_spaces.counts import Counts
from search_spaces.errors import InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.ofa_resnet50.architecture import (
    BASE_DEPTHS,
    EXPANSIONS,
    EXTRA_DEPTHS,
    HIDDEN_STEM_CHANNELS,
    MAX_DEPTHS,
    N_BLOCKS,
    RESOLUTIONS,
    STEM_DEPTHS,
    WIDTHS,
    ResNetArchitecture,
)
from search_spaces.ofa_resnet50.counts import published_counts
from search_spaces.ofa_resnet50.network import build_network
from search_spaces.settings_text import format_settings, parse_settings

__all__ = ["OfaResNet50"]

_KEYS = ("d", "e", "w", "image_size")
_N_STAGES = len(BASE_DEPTHS)


def _size() -> int:
    """Count distinct networks."""
    n_widths = len(set(HIDDEN_STEM_CHANNELS)) * prod([len(WIDTHS)] * (_N_STAGES + 1))
    n_ratios = len(EXPANSIONS)
    stages = [sum(prod([n_ratios] * (base + e)) for e in EXTRA_DEPTHS) for base in BASE_DEPTHS]
    return len(RESOLUTIONS) * len(STEM_DEPTHS) * n_widths * prod(stages)


class OfaResNet50(ConditionalSpace[ResNetArchitecture]):
    """Depths, 18 bottleneck ratios, six widths and the resolution; 1.3e13 distinct networks.

    `size` does not count the ratios of blocks that are turned off, nor the two widths of the
    hidden stem that round to the same channels. The genome has five depths, the ratios, the
    widths, the resolution.
    """

    name = "ofa_resnet50"
    source = "arXiv:1908.09791; https://github.com/mit-han-lab/once-for-all"
    genome_choices = (
        len(STEM_DEPTHS),
        *[len(EXTRA_DEPTHS)] * _N_STAGES,
        *[len(EXPANSIONS)] * N_BLOCKS,
        *[len(WIDTHS)] * (_N_STAGES + 2),
        len(RESOLUTIONS),
    )
    size = _size()

    def build(self, architecture: ResNetArchitecture) -> Graph:
        """Write the network for ImageNet."""
        return build_network(architecture)

    def sample(self, rng: np.random.Generator) -> ResNetArchitecture:
        """Draw uniformly over distinct networks: depths 0, 1, 2 of a stage as 1 to 3 to 9."""
        weights = np.array([float(len(EXPANSIONS) ** extra) for extra in EXTRA_DEPTHS])
        extras = rng.choice(EXTRA_DEPTHS, size=_N_STAGES, p=weights / weights.sum())
        hidden = sorted(set(map(HIDDEN_STEM_CHANNELS.index, HIDDEN_STEM_CHANNELS)))
        widths = rng.integers(len(WIDTHS), size=_N_STAGES + 1)
        ratios = rng.integers(len(EXPANSIONS), size=N_BLOCKS)
        return self.canonical(
            ResNetArchitecture(
                depths=(STEM_DEPTHS[int(rng.integers(2))], *map(int, extras)),
                expansions=tuple([EXPANSIONS[i] for i in ratios]),
                widths=(hidden[int(rng.integers(len(hidden)))], *map(int, widths)),
                resolution=RESOLUTIONS[int(rng.integers(len(RESOLUTIONS)))],
            )
        )

    def canonical(self, architecture: ResNetArchitecture) -> ResNetArchitecture:
        """Set ratios of blocks that are turned off, and the width of the hidden stem, to the least."""
        expansions = list(architecture.expansions)
        start = 0
        for base, most, extra in zip(
            BASE_DEPTHS, MAX_DEPTHS, architecture.depths[1:], strict=True
        ):
            for index in range(start + base + extra, start + most):
                expansions[index] = EXPANSIONS[0]
            start += most
        channels = HIDDEN_STEM_CHANNELS[architecture.widths[0]]
        widths = (HIDDEN_STEM_CHANNELS.index(channels), *architecture.widths[1:])
        return replace(architecture, expansions=tuple(expansions), widths=widths)

    def to_genome(self, architecture: ResNetArchitecture) -> tuple[int, ...]:
        """Return indices of depths, ratios, widths and the resolution."""
        return (
            STEM_DEPTHS.index(architecture.depths[0]),
            *architecture.depths[1:],
            *[EXPANSIONS.index(ratio) for ratio in architecture.expansions],
            *architecture.widths,
            RESOLUTIONS.index(architecture.resolution),
        )

    def from_genome(self, genome: Sequence[int]) -> ResNetArchitecture:
        """Return the architecture of a genome."""
        genes = self.check_genome(genome)
        first = 1 + _N_STAGES
        return ResNetArchitecture(
            depths=(STEM_DEPTHS[genes[0]], *genes[1:first]),
            expansions=tuple([EXPANSIONS[gene] for gene in genes[first : first + N_BLOCKS]]),
            widths=genes[first + N_BLOCKS : -1],
            resolution=RESOLUTIONS[genes[-1]],
        )

    def parse(self, string: str) -> ResNetArchitecture:
        """Read ``{"d": [...], "e": [...], "w": [...], "image_size": 224}``; ``"r"`` will do too."""
        settings = parse_settings(string, _KEYS, {"r": "image_size"})
        sizes = settings["image_size"]
        if isinstance(sizes, list) and len(sizes) == 1:
            sizes = sizes[0]
        depths, expansions, widths = (_list(key, settings[key]) for key in _KEYS[:3])
        return ResNetArchitecture(depths, expansions, widths, sizes)

    def format(self, architecture: ResNetArchitecture) -> str:
        """Return ``{"d": [...], "e": [...], "w": [...], "image_size": 224}``."""
        values = (architecture.depths, architecture.expansions, architecture.widths)
        lists = dict(zip(_KEYS, map(list, values), strict=False))
        return format_settings({**lists, "image_size": architecture.resolution})

    def published_counts(self, architecture: ResNetArchitecture) -> Counts:
        """Count as the authors do, see `search_spaces.ofa_resnet50.counts`."""
        return published_counts(architecture)


def _list(key: str, values: Any) -> tuple[Any, ...]:
    """Read a list."""
    if not isinstance(values, list):
        raise InvalidArchitectureError(
            f"Value of {key!r} must be a list, but got {values!r:.100}."
        )
    return tuple(values)
