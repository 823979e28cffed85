"""The shared skeleton at another width: the published networks of OFA-MobileNetV3 at width 1.2."""

import pytest

from search_spaces.channel_rounding import make_divisible
from search_spaces.ofa_mbv3.space import SKELETON
from search_spaces.ofa_mobile.architecture import MobileArchitecture
from search_spaces.ofa_mobile.counts import published_counts
from search_spaces.ofa_mobile.skeleton import Skeleton

NAMED = [
    ("flops-389M", 224, "23344", "3355355355333373", "3336344364446663", 8.4, 389),
    ("flops-482M", 224, "34444", "5335353553357357333", "3334443463366646663", 9.1, 482),
    ("flops-595M", 236, "34444", "3535535753535733353", "3434463663466646663", 9.1, 595),
    ("note10_30ms", 224, "23334", "335335533333333", "334344436446643", 7.5, 339),
    ("note10_41ms", 220, "23444", "33733733335333333", "34446663466646663", 9.0, 457),
    ("note10_50ms", 220, "34443", "533533577357533333", "366466366446666666", 9.1, 554),
    ("note10_64ms", 260, "34444", "3335335553753333353", "3634633664466646663", 9.1, 743),
    ("pixel1_132ms", 228, "24444", "535535753555553353", "364663666466646663", 9.2, 593),
    ("pixel1_143ms", 240, "34444", "5335535753353533353", "3636663666466646663", 9.2, 642),
    ("pixel1_79ms", 224, "22344", "335375353333333", "333444364436663", 8.2, 356),
]
"""Name, resolution, depths, kernels and expansions of the layers that are turned on, and what the
README of mit-han-lab/once-for-all prints: millions of parameters and of mult-adds."""


def widened(width: float) -> Skeleton:
    """Return the skeleton of OFA-MobileNetV3 at another width."""

    def scale(channels: int) -> int:
        return make_divisible(channels * width)

    return SKELETON._replace(
        stem_channels=scale(SKELETON.stem_channels),
        first_channels=scale(SKELETON.first_channels),
        stages=tuple(s._replace(channels=scale(s.channels)) for s in SKELETON.stages),
        head=tuple(h._replace(channels=scale(h.channels)) for h in SKELETON.head),
    )


def test_width_one_is_the_skeleton_itself() -> None:
    assert widened(1.0) == SKELETON


@pytest.mark.parametrize("row", NAMED, ids=lambda row: row[0])
def test_published_networks(row: tuple[str, int, str, str, str, float, int]) -> None:
    _, resolution, depths, kernels, expansions, parameters, mult_adds = row
    settings: dict[str, list[int]] = {"ks": [], "e": []}
    for key, digits in (("ks", kernels), ("e", expansions)):
        rest = iter(digits)
        for depth in map(int, depths):
            settings[key] += [int(next(rest)) for _ in range(depth)] + [3] * (4 - depth)
    architecture = MobileArchitecture(
        tuple(settings["ks"]), tuple(settings["e"]), tuple(map(int, depths)), resolution
    )
    counts = published_counts(widened(1.2), architecture)
    assert round(counts.parameters / 1e6, 1) == parameters
    assert abs(counts.mult_adds / 1e6 - mult_adds) < 0.6
