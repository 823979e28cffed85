"""An architecture of a mobile once-for-all space: the settings that the authors' code takes.

Source:
    "Once-for-All: Train One Network and Specialize it for Efficient Deployment", ICLR 2020,
    arXiv:1908.09791; ``set_active_subnet`` of https://github.com/mit-han-lab/once-for-all.
"""

from dataclasses import dataclass

__all__ = ["EXPANSIONS", "KERNELS", "MAX_DEPTH", "MIN_DEPTH", "RESOLUTIONS", "MobileArchitecture"]

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
MIN_DEPTH, MAX_DEPTH = 2, 4
"""Layers of an elastic stage."""
RESOLUTIONS = tuple(range(128, 225, 4))
"""Heights of the square image in pixels, the 25 sizes of the paper."""


@dataclass(frozen=True, slots=True)
class MobileArchitecture:
    """One architecture; a layer has its place whether the depth of its stage reaches it or not.

    Attributes:
        kernels: Kernel size of each layer, ``ks`` of the authors' code.
        expansions: Expansion ratio of each layer, ``e``.
        depths: Number of layers of each stage, ``d``.
        resolution: Height and width of the image in pixels, ``r``.
    """

    kernels: tuple[int, ...]
    expansions: tuple[int, ...]
    depths: tuple[int, ...]
    resolution: int
