"""The search space interface of the mobile once-for-all spaces."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from search_spaces.conditional_space import ConditionalSpace
from search_spaces.counts import Counts
from search_spaces.errors import InvalidArchitectureError
from search_spaces.graph import Graph
from search_spaces.ofa_mobile.architecture import (
    EXPANSIONS,
    KERNELS,
    RESOLUTIONS,
    MobileArchitecture,
)
from search_spaces.ofa_mobile.counts import published_counts
from search_spaces.ofa_mobile.network import build_network
from search_spaces.ofa_mobile.skeleton import Skeleton
from search_spaces.settings_text import format_settings, parse_settings

__all__ = ["MobileSpace"]

_KEYS = ("ks", "e", "d", "r")
_PER_LAYER = len(KERNELS) * len(EXPANSIONS)


class MobileSpace(ConditionalSpace[MobileArchitecture]):
    """Kernel 3, 5, 7 and expansion 3, 4, 6 of each layer, depth 2, 3, 4 of each stage, resolution.

    `size` counts distinct networks: settings of layers beyond the depth do not count. The genome
    has all kernels, all expansions, the depths of the elastic stages, the resolution.

    Args:
        name: Name in the registry.
        source: Paper and repository.
        skeleton: The fixed part.
    """

    def __init__(self, name: str, source: str, skeleton: Skeleton) -> None:
        self.name = name
        self.source = source
        self.skeleton = skeleton
        self._elastic = [i for i, s in enumerate(skeleton.stages) if len(s.depths) > 1]
        n_layers = skeleton.n_layers
        self.genome_choices = (
            *[len(KERNELS)] * n_layers,
            *[len(EXPANSIONS)] * n_layers,
            *[len(skeleton.stages[i].depths) for i in self._elastic],
            len(RESOLUTIONS),
        )
        self.size = len(RESOLUTIONS)
        for stage in skeleton.stages:
            self.size *= sum(_PER_LAYER**depth for depth in stage.depths)

    def build(self, architecture: MobileArchitecture) -> Graph:
        """Write the network for ImageNet."""
        self.check(architecture)
        return build_network(self.skeleton, architecture)

    def sample(self, rng: np.random.Generator) -> MobileArchitecture:
        """Draw uniformly over distinct networks.

        Of 7,371 stages 6,561 have four layers, so most samples are deep; the authors' own sampler
        draws depths uniformly. Dead genes are 0.
        """
        depths = []
        for stage in self.skeleton.stages:
            weights = np.array([float(_PER_LAYER**depth) for depth in stage.depths])
            depths.append(int(rng.choice(stage.depths, p=weights / weights.sum())))
        n_layers = self.skeleton.n_layers
        return self.canonical(
            MobileArchitecture(
                kernels=tuple([KERNELS[i] for i in rng.integers(len(KERNELS), size=n_layers)]),
                expansions=tuple(
                    [EXPANSIONS[i] for i in rng.integers(len(EXPANSIONS), size=n_layers)]
                ),
                depths=tuple(depths),
                resolution=RESOLUTIONS[int(rng.integers(len(RESOLUTIONS)))],
            )
        )

    def canonical(self, architecture: MobileArchitecture) -> MobileArchitecture:
        """Set kernel and expansion of layers beyond the depth to the smallest ones."""
        kernels, expansions = list(architecture.kernels), list(architecture.expansions)
        start = 0
        for stage, depth in zip(self.skeleton.stages, architecture.depths, strict=True):
            for index in range(start + depth, start + stage.max_depth):
                kernels[index], expansions[index] = KERNELS[0], EXPANSIONS[0]
            start += stage.max_depth
        return MobileArchitecture(
            tuple(kernels), tuple(expansions), architecture.depths, architecture.resolution
        )

    def to_genome(self, architecture: MobileArchitecture) -> tuple[int, ...]:
        """Return indices of kernels, expansions, depths and the resolution."""
        self.check(architecture)
        return (
            *[KERNELS.index(kernel) for kernel in architecture.kernels],
            *[EXPANSIONS.index(expansion) for expansion in architecture.expansions],
            *[self.skeleton.stages[i].depths.index(architecture.depths[i]) for i in self._elastic],
            RESOLUTIONS.index(architecture.resolution),
        )

    def from_genome(self, genome: Sequence[int]) -> MobileArchitecture:
        """Return the architecture of a genome."""
        genes = self.check_genome(genome)
        n_layers = self.skeleton.n_layers
        depths = [stage.depths[0] for stage in self.skeleton.stages]
        for i, gene in zip(self._elastic, genes[2 * n_layers : -1], strict=True):
            depths[i] = self.skeleton.stages[i].depths[gene]
        return MobileArchitecture(
            kernels=tuple([KERNELS[gene] for gene in genes[:n_layers]]),
            expansions=tuple([EXPANSIONS[gene] for gene in genes[n_layers : 2 * n_layers]]),
            depths=tuple(depths),
            resolution=RESOLUTIONS[genes[-1]],
        )

    def parse(self, string: str) -> MobileArchitecture:
        """Read ``{"ks": [...], "e": [...], "d": [...], "r": 224}``.

        ``"r"`` may be a list of one size, as the authors' tutorial has it, or be spelt
        ``"image_size"``.
        """
        settings = parse_settings(string, _KEYS, {"image_size": "r"})
        sizes = settings["r"]
        if isinstance(sizes, list) and len(sizes) == 1:
            sizes = sizes[0]
        architecture = MobileArchitecture(
            _ints("ks", settings["ks"]),
            _ints("e", settings["e"]),
            _ints("d", settings["d"]),
            sizes,
        )
        self.check(architecture)
        return architecture

    def format(self, architecture: MobileArchitecture) -> str:
        """Return ``{"ks": [...], "e": [...], "d": [...], "r": 224}``."""
        values = (architecture.kernels, architecture.expansions, architecture.depths)
        lists = dict(zip(_KEYS, map(list, values), strict=False))
        return format_settings({**lists, "r": architecture.resolution})

    def published_counts(self, architecture: MobileArchitecture) -> Counts:
        """Count as the authors do, see `search_spaces.ofa_mobile.counts`."""
        self.check(architecture)
        return published_counts(self.skeleton, architecture)

    def check(self, architecture: MobileArchitecture) -> None:
        """Check the settings.

        Raises:
            InvalidArchitectureError: If a list has another length or a value is no choice.
        """
        stages, n_layers = self.skeleton.stages, self.skeleton.n_layers
        for key, values, n_values in (
            ("ks", architecture.kernels, n_layers),
            ("e", architecture.expansions, n_layers),
            ("d", architecture.depths, len(stages)),
        ):
            if len(values) != n_values:
                raise InvalidArchitectureError(
                    f"{self.name} must have {n_values} values of {key!r}, but got {len(values)}."
                )
        _check_choice("ks", architecture.kernels, KERNELS)
        _check_choice("e", architecture.expansions, EXPANSIONS)
        _check_choice("r", (architecture.resolution,), RESOLUTIONS)
        for depth, stage in zip(architecture.depths, stages, strict=True):
            _check_choice("d", (depth,), stage.depths)


def _check_choice(key: str, values: Sequence[int], choices: Sequence[int]) -> None:
    """Refuse what is not among the choices."""
    for value in values:
        if type(value) is not int or value not in choices:
            listed = ", ".join(map(str, choices))
            raise InvalidArchitectureError(
                f"Value of {key!r} must be one of {listed}, but got {value!r:.100}."
            )


def _ints(key: str, values: Any) -> tuple[int, ...]:
    """Read a list."""
    if not isinstance(values, list):
        raise InvalidArchitectureError(
            f"Value of {key!r} must be a list, but got {values!r:.100}."
        )
    return tuple(values)
