"""OFA-ResNet50 against the authors' PyTorch model, ResNet-50-D and its own graph."""

import numpy as np
import onnxruntime
import pytest

from search_spaces import InvalidArchitectureError, count, get_space, materialize
from search_spaces.channel_rounding import make_divisible
from search_spaces.ofa_resnet50.architecture import (
    EXPANSIONS,
    RESOLUTIONS,
    STAGE_CHANNELS,
    ResNetArchitecture,
)

PUBLISHED = [
    ("22222", "222222222222222222", "222222", 256, (48_105_992, 9_784_377_344, 19_208_168)),
    ("00000", "000000000000000000", "000000", 128, (6_539_280, 315_079_552, 1_684_584)),
    ("01202", "020101112100101120", "010002", 144, (25_167_344, 1_071_369_472, 3_201_704)),
    ("01012", "201201202011201020", "200221", 176, (22_746_216, 2_012_177_088, 5_144_728)),
    ("00211", "021222122011212120", "201222", 224, (32_167_672, 4_583_016_448, 9_692_024)),
    ("02002", "210122002111201012", "000220", 240, (17_603_776, 3_553_452_480, 10_208_256)),
]
"""The largest and the smallest sub-network and four that the authors' code drew: depths, indices
of the ratios, widths, resolution; parameters, products and results of convolutions of the module
that ``OFAResNets.get_active_subnet`` of mit-han-lab/once-for-all returns, counted there as whole
numbers. The README of that repository prints millions for eight networks ``resnet50D_MAC@...``
too, but their settings are no longer to be had.
"""

RESNET50D = ResNetArchitecture((2, 1, 2, 2, 1), (0.25,) * 18, (2,) * 6, 224)
"""3, 4, 6, 3 blocks at full width; only the add in the stem, which costs nothing, is more."""


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row[0]}-{row[3]}")
def test_counts_of_the_published_model(
    row: tuple[str, str, str, int, tuple[int, int, int]],
) -> None:
    depths, ratios, widths, resolution, expected = row
    architecture = ResNetArchitecture(
        tuple(map(int, depths)),
        tuple(EXPANSIONS[int(digit)] for digit in ratios),
        tuple(map(int, widths)),
        resolution,
    )
    space = get_space("ofa_resnet50")
    counts = space.published_counts(architecture)
    assert (counts.parameters, counts.mult_adds, counts.activations) == expected
    graph = count(space.to_onnx(architecture))
    assert (graph.mult_adds, graph.activations) == expected[1:]


def test_resnet50d_has_its_published_counts() -> None:
    """timm's resnet50d: 25,576,264 parameters, 4.35 G operations, 11.9 M activations.

    timm's counter adds two operations for each element that a BatchNorm handles.
    """
    counts = get_space("ofa_resnet50").published_counts(RESNET50D)
    assert counts.parameters == 25_576_264
    assert round(counts.activations / 1e6, 1) == 11.9
    normed = counts.activations - 1000
    assert round((counts.mult_adds + 2 * normed) / 1e9, 2) == 4.35


def test_stages_behind_the_published_rounding() -> None:
    assert STAGE_CHANNELS == (
        (168, 208, 256),
        (336, 408, 512),
        (664, 816, 1024),
        (1328, 1640, 2048),
    )


def test_every_ratio_gives_other_channels() -> None:
    """`size` takes all ratios of a block for distinct networks."""
    for channels in np.array(STAGE_CHANNELS).ravel().tolist():
        assert len({make_divisible(round(channels * ratio)) for ratio in EXPANSIONS}) == 3


def test_size_counts_distinct_networks() -> None:
    """Blocks of a stage: 3**2 + 3**3 + 3**4 choices, and 3**4 + 3**5 + 3**6 of the third."""
    stages = (9 + 27 + 81) ** 3 * (81 + 243 + 729)
    assert get_space("ofa_resnet50").size == 8 * 2 * (2 * 3**5) * stages


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The graph has one bias for BatchNorm's two vectors, else everything is equal."""
    space = get_space("ofa_resnet50")
    for _ in range(8):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        n_normed = sum(row.output_shape[1] for row in graph.per_op if row.op == "Conv")
        assert published.parameters - graph.parameters == n_normed


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_resolution_fits_both_paths_of_a_block(resolution: int) -> None:
    """At 144 and 176 pixels a stage has an odd size, where both paths round up."""
    smallest = ResNetArchitecture((0,) * 5, (0.2,) * 18, (0,) * 6, resolution)
    space = get_space("ofa_resnet50")
    graph = count(space.to_onnx(smallest))
    assert graph.mult_adds == space.published_counts(smallest).mult_adds


def test_an_odd_size_runs() -> None:
    smallest = ResNetArchitecture((0,) * 5, (0.2,) * 18, (0,) * 6, 144)
    model = materialize(get_space("ofa_resnet50").to_onnx(smallest), seed=0)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(0).standard_normal((1, 3, 144, 144)).astype(np.float32)
    (result,) = session.run(None, {"x": image})
    assert result.shape == (1, 1000)
    assert np.isfinite(result).all()


def test_what_is_turned_off_is_no_part_of_the_network() -> None:
    space = get_space("ofa_resnet50")
    plain = ResNetArchitecture((0, 0, 1, 0, 0), (0.2,) * 18, (0,) * 6, 128)
    ratios = [0.2] * 18
    ratios[2] = ratios[3] = ratios[7] = ratios[12] = ratios[17] = 0.35
    odd = ResNetArchitecture((0, 0, 1, 0, 0), tuple(ratios), (1, 0, 0, 0, 0, 0), 128)
    assert space.canonical(odd) == plain
    assert space.to_text(odd) == space.to_text(plain)
    ratios[6] = 0.35
    alive = ResNetArchitecture((0, 0, 1, 0, 0), tuple(ratios), (0,) * 6, 128)
    assert space.to_text(alive) != space.to_text(plain)


def test_stem_depth_and_every_width_change_the_network() -> None:
    space = get_space("ofa_resnet50")
    plain = ResNetArchitecture((0,) * 5, (0.2,) * 18, (0,) * 6, 128)
    others = [ResNetArchitecture((2, 0, 0, 0, 0), (0.2,) * 18, (0,) * 6, 128)]
    for index in range(6):
        widths = [0] * 6
        widths[index] = 2
        others.append(ResNetArchitecture((0,) * 5, (0.2,) * 18, tuple(widths), 128))
    texts = {space.to_text(architecture) for architecture in (plain, *others)}
    assert len(texts) == 8


def test_samples_are_uniform_over_networks(rng: np.random.Generator) -> None:
    space = get_space("ofa_resnet50")
    samples = [space.sample(rng) for _ in range(600)]
    assert {sample.widths[0] for sample in samples} == {0, 2}
    extras = [extra for sample in samples for extra in sample.depths[1:]]
    for extra in (0, 1, 2):
        mean = 2_400 * 3**extra / 13
        assert abs(extras.count(extra) - mean) < 5 * mean**0.5


def test_mutations_change_the_network(rng: np.random.Generator) -> None:
    space = get_space("ofa_resnet50")
    plain = ResNetArchitecture((0,) * 5, (0.2,) * 18, (0,) * 6, 128)
    for _ in range(60):
        assert space.canonical(space.mutate(plain, rng)) != plain


def test_spellings_of_the_settings() -> None:
    space = get_space("ofa_resnet50")
    text = str({"d": [2, 1, 2, 2, 1], "e": [0.25] * 18, "w": [2] * 6, "r": [224]})
    assert space.parse(text) == space.parse(space.format(RESNET50D)) == RESNET50D


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("d", [1, 1, 2, 2, 1], "'d' must be one of 0, 2, but got 1"),
        ("d", [2, 1, 2, 2], "must have 5 values of 'd', but got 4"),
        ("d", [2, 1, 2, 2, 3], "'d' must be one of 0, 1, 2, but got 3"),
        ("e", [0.3] * 18, "'e' must be one of 0.2, 0.25, 0.35, but got 0.3"),
        ("w", [0.65] * 6, "'w' must be one of 0, 1, 2, but got 0.65"),
        ("w", 2, "'w' must be a list"),
        ("image_size", 200, "'image_size' must be one of 128"),
        ("image_size", None, "must be a dictionary"),
    ],
)
def test_malformed_settings_are_refused(key: str, value: object, message: str) -> None:
    settings = {"d": [2, 1, 2, 2, 1], "e": [0.25] * 18, "w": [2] * 6, "image_size": 224}
    with pytest.raises(InvalidArchitectureError, match=message):
        get_space("ofa_resnet50").parse(str({**settings, key: value}))
