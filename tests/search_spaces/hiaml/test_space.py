"""HiAML against the counts of the published PyTorch models and its own graph."""

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, count, get_space
from search_spaces.hiaml import BLOCKS, HiamlArchitecture

PUBLISHED = [
    ("hiaml_z", 2_714_698, 116_836_864),
    ("hiaml_a22", 1_895_498, 83_282_432),
    ("hiaml_b23", 2_390_090, 99_011_072),
    ("hiaml_j30", 2_756_426, 117_885_440),
    ("hiaml_g30", 2_597_194, 107_399_680),
    ("hiaml_r30", 2_638_922, 108_448_256),
    ("hiaml_l20", 1_688_394, 74_893_824),
    ("hiaml_t20", 1_281_098, 54_970_880),
    ("hiaml_t31", 2_638_922, 108_448_256),
    ("hiaml_src0", 3_861_578, 158_779_904),
    ("hiaml_src1", 2_939_594, 149_342_720),
    ("hiaml_src3", 1_999_818, 90_622_464),
    ("hiaml_src7", 2_637_386, 108_448_256),
    ("hiaml_src8", 1_611_082, 66_505_216),
]
"""One block in all stages: parameters and products of the authors' PyTorch model, counted there."""


@pytest.mark.parametrize(("block", "parameters", "mult_adds"), PUBLISHED)
def test_counts_of_the_published_models(block: str, parameters: int, mult_adds: int) -> None:
    counts = get_space("hiaml").published_counts(HiamlArchitecture((block,) * 4))
    assert (counts.parameters, counts.mult_adds) == (parameters, mult_adds)


def test_every_block_is_in_the_table() -> None:
    assert [row[0] for row in PUBLISHED] == list(BLOCKS)


def test_a_network_counted_by_hand() -> None:
    """L20: a 3x3 and a 1x1 convolution a block, at 64, 64, 128, 128, 256 channels."""
    blocks = [(64, 64)] * 2 + [(64, 128), (128, 128)] + [(128, 128)] * 2 + [(128, 256), (256, 256)]
    convolutions = 27 * 64 + sum(9 * a * b + b * b for a, b in blocks)
    norms = 2 * 64 + sum(4 * b for _, b in blocks)
    counts = get_space("hiaml").published_counts(HiamlArchitecture(("hiaml_l20",) * 4))
    assert counts.parameters == convolutions + norms + 2_570


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The graph has one bias for BatchNorm's two vectors, else everything is equal."""
    space = get_space("hiaml")
    for _ in range(10):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        n_normed = sum(row.output_shape[1] for row in graph.per_op if row.op == "Conv")
        assert published.parameters - graph.parameters == n_normed


def test_stages_have_the_published_shapes() -> None:
    """Two blocks a stage; the second and the fourth halve the size and double the channels."""
    model = get_space("hiaml").to_onnx(HiamlArchitecture(("hiaml_a22",) * 4))
    shapes = [row.output_shape for row in count(model).per_op if row.op == "Relu"]
    expected = [(64, 16)] * 3 + [(128, 8)] * 4 + [(256, 4)] * 2
    assert shapes == [(1, channels, size, size) for channels, size in expected]


def test_all_pairs_of_blocks_are_distinct_networks() -> None:
    space = get_space("hiaml")
    texts = {
        space.to_text(HiamlArchitecture((first, "hiaml_l20", second, "hiaml_l20")))
        for first in BLOCKS
        for second in BLOCKS
    }
    assert len(texts) == 14**2
    assert space.size == 14**4


def test_texts_stay_within_the_limit_of_cell_spaces() -> None:
    space = get_space("hiaml")
    rng = np.random.default_rng(0)
    longest = HiamlArchitecture(("hiaml_t31", "hiaml_r30", "hiaml_src3", "hiaml_g30"))
    for architecture in (longest, *[space.sample(rng) for _ in range(30)]):
        model = space.to_onnx(architecture)
        assert len(model.graph.node) + sum(len(f.node) for f in model.functions) <= 80


def test_spellings() -> None:
    space = get_space("hiaml")
    expected = HiamlArchitecture(("hiaml_z", "hiaml_a22", "hiaml_l20", "hiaml_src0"))
    for string in (str(expected), ",".join(expected.blocks), str(list(expected.blocks))):
        assert space.parse(string) == expected


@pytest.mark.parametrize(
    ("string", "message"),
    [("hiaml_z", "must have 4 blocks"), ("a,b,c,d", "must be one of hiaml_z"), ("", "must have")],
)
def test_malformed_strings_are_refused(string: str, message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        get_space("hiaml").parse(string)
