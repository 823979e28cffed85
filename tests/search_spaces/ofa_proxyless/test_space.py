"""Once-for-all ProxylessNAS against published networks and its own graph."""

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, count, get_space
from search_spaces.ofa_mobile import MobileArchitecture

NAMED = [
    ("1080ti_gpu64-12ms", 128, "233441", "33355557373375753", "33644633436464336", 5.9, 165),
    ("1080ti_gpu64-15ms", 144, "232441", "3333335353337735", "4466433343666463", 6.0, 226),
    ("1080ti_gpu64-22ms", 188, "223331", "33533533373553", "33364464646444", 5.2, 313),
    ("1080ti_gpu64-27ms", 188, "243341", "33353353553535737", "33664463464466366", 6.5, 397),
    ("cpu_10ms", 144, "223221", "533373755533", "433333334344", 4.2, 143),
    ("cpu_11ms", 144, "223221", "553753757335", "433344344644", 4.4, 160),
    ("cpu_15ms", 188, "222321", "333373533537", "334664466636", 4.9, 301),
    ("cpu_17ms", 208, "223331", "33533735533533", "34346333466434", 4.9, 365),
    ("tx2_gpu16-35ms", 128, "222221", "33375553535", "43666334644", 4.3, 121),
    ("tx2_gpu16-47ms", 144, "223331", "33533735533533", "34346333466434", 4.9, 179),
    ("tx2_gpu16-80ms", 188, "223331", "33533533373553", "33364464646444", 5.2, 313),
    ("tx2_gpu16-96ms", 172, "324441", "333753555577333535", "346344443433666643", 6.2, 349),
    ("v100_gpu64-11ms", 192, "223441", "3355737753735533", "3363334443466464", 6.2, 352),
    ("v100_gpu64-5ms", 128, "223331", "33533533373553", "33364464646444", 5.2, 141),
    ("v100_gpu64-6ms", 144, "223331", "33533735533533", "34346333466434", 4.9, 179),
    ("v100_gpu64-9ms", 188, "223331", "33533533373553", "33364464646444", 5.2, 313),
]
"""Specialised networks: name, resolution, depths, kernels and expansions of the layers that are
turned on, and what the README of mit-han-lab/once-for-all prints: millions of parameters and of
mult-adds. The settings are those of ``net.config`` and ``run.config`` in han-cai/files.
"""


def unfold(resolution: int, depths: str, kernels: str, expansions: str) -> MobileArchitecture:
    """Put the layers that are turned on in their places."""
    skeleton = get_space("ofa_proxyless").skeleton  # type: ignore[attr-defined]
    settings = {"ks": [], "e": []}
    for key, digits in (("ks", kernels), ("e", expansions)):
        rest = iter(digits)
        for stage, depth in zip(skeleton.stages, map(int, depths), strict=True):
            settings[key] += [int(next(rest)) for _ in range(depth)]
            settings[key] += [3] * (stage.max_depth - depth)
        assert next(rest, None) is None
    return MobileArchitecture(
        tuple(settings["ks"]), tuple(settings["e"]), tuple(map(int, depths)), resolution
    )


def test_size_counts_a_last_stage_of_one_layer() -> None:
    assert get_space("ofa_proxyless").size == 25 * 9 * (9**2 + 9**3 + 9**4) ** 5


def test_widths_are_1_3_times_those_of_proxylessnas() -> None:
    skeleton = get_space("ofa_proxyless").skeleton  # type: ignore[attr-defined]
    assert [stage.channels for stage in skeleton.stages] == [32, 56, 104, 128, 248, 416]
    assert (skeleton.stem_channels, skeleton.first_channels) == (40, 24)
    assert skeleton.head[0].channels == 1664


@pytest.mark.parametrize("row", NAMED, ids=lambda row: row[0])
def test_published_networks(row: tuple[str, int, str, str, str, float, int]) -> None:
    _, *settings, parameters, mult_adds = row
    counts = get_space("ofa_proxyless").published_counts(unfold(*settings))
    assert round(counts.parameters / 1e6, 1) == parameters
    assert abs(counts.mult_adds / 1e6 - mult_adds) < 1


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The graph has one bias for BatchNorm's two vectors, else everything is equal."""
    space = get_space("ofa_proxyless")
    for _ in range(6):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        n_normed = sum(row.output_shape[1] for row in graph.per_op if row.op == "Conv")
        assert published.parameters - graph.parameters == n_normed


def test_the_last_stage_has_one_layer() -> None:
    space = get_space("ofa_proxyless")
    settings = {"ks": [3] * 21, "e": [6] * 21, "d": [2, 2, 2, 2, 2, 2], "r": 224}
    with pytest.raises(InvalidArchitectureError, match="'d' must be one of 1, but got 2"):
        space.parse(str(settings))
    settings["d"] = [2, 2, 2, 2, 2, 1]
    architecture = space.parse(str(settings))
    assert space.to_genome(architecture) == (*[0] * 21, *[2] * 21, *[0] * 5, 24)


def test_the_kernel_of_the_last_layer_is_part_of_the_network() -> None:
    space = get_space("ofa_proxyless")
    texts = {
        space.to_text(MobileArchitecture((*[3] * 20, k), (3,) * 21, (2, 2, 2, 2, 2, 1), 128))
        for k in (3, 5, 7)
    }
    assert len(texts) == 3
