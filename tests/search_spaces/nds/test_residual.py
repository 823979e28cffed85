import json
from typing import Any

import numpy as np
import onnxruntime
import pytest

from search_spaces import InvalidArchitectureError, count, get_space, materialize
from search_spaces.counts import count_graph
from search_spaces.nds.residual import ResidualNetwork, Stage, read_net, write_net
from search_spaces.nds.residual_network import build_residual_network, published_counts
from search_spaces.onnx_bridge import to_model

# Both nets are quoted in the documentation of NNI.
BASIC = {
    "block_type": "res_basic_block",
    "ds": [1, 12, 12, 12],
    "ws": [16, 24, 24, 40],
    "ss": [1, 1, 2, 2],
    "bot_muls": [],
    "num_gs": [],
}
BOTTLENECK = {
    "block_type": "res_bottleneck_block",
    "ds": [1, 16, 1, 4],
    "ws": [16, 64, 128, 16],
    "ss": [1, 1, 2, 2],
    "bot_muls": [0.0, 0.25, 0.25, 0.25],
    "num_gs": [1, 2, 1, 2],
}


def resnet(depth: int) -> ResidualNetwork:
    """Return the ResNet of He et al. for CIFAR-10, its shortcuts with projections."""
    return ResidualNetwork(tuple([Stage((depth - 2) // 6, width) for width in (16, 32, 64)]))


@pytest.mark.parametrize(
    ("depth", "thousands"),
    [(20, 272), (32, 467), (44, 661), (56, 856), (110, 1_731)],
)
def test_resnets_have_the_published_parameters(depth: int, thousands: int) -> None:
    """0.856 million is the limit of the paper's figures; without projections it is 0.853."""
    counts = published_counts(resnet(depth))
    assert round(counts.parameters / 1e3) == thousands
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    plain = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
    assert counts.parameters - projections == plain[depth]


def test_mult_adds_of_resnet_56_follow_from_its_shapes() -> None:
    stages = 18 * 16**2 * 9 * 32**2 + 2 * (16 * 32 * 9 * 16**2 + 17 * 32**2 * 9 * 16**2)
    around = 3 * 16 * 9 * 32**2 + 2 * 16 * 32 * 16**2 + 64 * 10
    assert published_counts(resnet(56)).mult_adds == stages + around == 125_747_840


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (((12, 24), (12, 24), (12, 40)), (594_138, 180_277_648, 848_394)),
        (((9, 16), (9, 32), (9, 64)), (855_770, 125_747_840, 544_778)),
        (((1, 16), (24, 256), (2, 16)), (27_841_114, 7_115_473_056, 3_265_546)),
        (((16, 64, 4, 2), (1, 128, 4, 1), (4, 16, 4, 2)), (83_002, 61_044_896, 1_769_226)),
        (((2, 64, 1, 16), (4, 256, 4, 8), (1, 1024, 2, 4)), (1_701_210, 183_953_408, 1_277_962)),
    ],
)
def test_counts_of_the_published_blocks(
    stages: tuple[tuple[int, ...], ...], expected: tuple[int, int, int]
) -> None:
    """Parameters, products and results of convolutions of stem, stages and head in pycls.

    ``pycls/models/anynet.py`` of facebookresearch/unnas, counted there; a stage here is depth,
    width, ratio and groups.
    """
    network = ResidualNetwork(tuple([Stage(*stage) for stage in stages]))
    counts = published_counts(network)
    assert (counts.parameters, counts.mult_adds, counts.activations) == expected


@pytest.mark.parametrize("name", ["nds_resnet", "nds_resnext", "nds_resnext_b"])
def test_counts_of_samples_agree_with_the_exported_network(
    name: str, rng: np.random.Generator
) -> None:
    space = get_space(name)
    for _ in range(4):
        architecture = space.sample(rng)
        published, exported = (
            space.published_counts(architecture),
            count(space.to_onnx(architecture)),
        )
        biases = sum(
            int(np.prod(shape))
            for row in exported.per_op
            if row.op == "Conv"
            for shape in row.input_shapes[2:]
        )
        # A folded BatchNorm left one bias where it had two vectors.
        assert published.parameters == exported.parameters + biases
        assert published.mult_adds == exported.mult_adds
        assert published.activations == exported.activations


@pytest.mark.parametrize(
    ("name", "size"),
    [("nds_resnet", 1_259_712), ("nds_resnext", 11_390_625), ("nds_resnext_b", 52_734_375)],
)
def test_sizes_are_those_of_the_paper(name: str, size: int) -> None:
    assert get_space(name).size == size


@pytest.mark.parametrize("name", ["nds_resnet", "nds_resnext", "nds_resnext_b"])
def test_every_gene_changes_the_text(name: str) -> None:
    """So no two architectures are one network, and `size` counts networks."""
    space = get_space(name)
    genome = [n // 2 for n in space.genome_choices]
    neighbours = {
        (*genome[:index], value, *genome[index + 1 :])
        for index, n in enumerate(space.genome_choices)
        for value in range(n)
    }
    texts = {space.to_text(space.from_genome(neighbour)) for neighbour in neighbours}
    assert len(texts) == len(neighbours) == 1 + sum(n - 1 for n in space.genome_choices)


@pytest.mark.parametrize(("name", "net"), [("nds_resnet", BASIC), ("nds_resnext", BOTTLENECK)])
def test_quoted_networks_belong_to_their_space(name: str, net: dict[str, Any]) -> None:
    space = get_space(name)
    architecture = space.parse(json.dumps(net))
    assert write_net(architecture) == net
    assert json.loads(space.format(architecture)) == net
    assert space.from_genome(space.to_genome(architecture)) == architecture


def test_blocks_share_functions_whatever_their_width() -> None:
    for net, n_functions in ((BASIC, 2), (BOTTLENECK, 2)):
        space = get_space("nds_resnet" if net is BASIC else "nds_resnext")
        model = space.to_onnx(read_net(net))
        assert len(model.functions) == n_functions


def test_first_stage_has_no_projection_where_the_stem_has_its_width() -> None:
    network = ResidualNetwork((Stage(1, 16), Stage(1, 16), Stage(1, 16)))
    ones = [
        row.input_shapes[1]
        for row in count_graph(build_residual_network(network)).per_op
        if row.op == "Conv" and row.input_shapes[1][2:] == (1, 1)
    ]
    assert ones == [(16, 16, 1, 1)] * 2


def test_deep_networks_run_and_stay_in_range() -> None:
    network = ResidualNetwork((Stage(24, 16), Stage(24, 24), Stage(24, 32)))
    model = materialize(to_model(build_residual_network(network)), 0)
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    (y,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    assert 1e-2 < y.std() < 1e2


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ((0, 16), "Depth of a stage"),
        ((2_000, 16), "Depth of a stage"),
        ((1, 0), "Width of a stage"),
        ((1, 10_000), "Width of a stage"),
        ((1, 16, 0, 2), "ratio 0 and one group"),
        ((1, 16, -1), "positive ratio"),
        ((1, 16, 3), "multiple of ratio times groups"),
        ((1, 16, 4, 8), "multiple of ratio times groups"),
        ((1, 16, 4, 0), "multiple of ratio times groups"),
    ],
)
def test_malformed_stages_are_refused(stage: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        Stage(*stage)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_type": "double_plain_block"}, "must be 'res_basic_block'"),
        ({"block_type": None}, "must be 'res_basic_block'"),
        ({"ds": None}, "must be an object"),
        ({"ds": [1, 1, 1.5, 1]}, "must be an object"),
        ({"ws": "1234"}, "must be an object"),
        ({"bot_muls": [0.0, 0.3, 0.25, 0.25]}, "must be an object"),
        ({"bot_muls": [0.0, "1", 0.25, 0.25]}, "must be an object"),
        ({"bot_muls": [0.0, 1e-320, 0.25, 0.25]}, "must be an object"),
        ({"bot_muls": [0.0, 0.25, 0.25]}, "three stages with strides"),
        ({"ss": [1, 2, 2, 2]}, "three stages with strides"),
        ({"ds": [2, 16, 1, 4]}, "three stages with strides"),
        ({"ws": [12, 64, 128, 16]}, "three stages with strides"),
        ({"bot_muls": [0.0, 0.25, 0.0, 0.25], "num_gs": [1, 2, 1, 2]}, "one kind of block"),
    ],
)
def test_networks_of_another_form_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        read_net({**BOTTLENECK, **changes})


def test_networks_of_another_space_are_refused() -> None:
    with pytest.raises(InvalidArchitectureError, match="must have 3 stages"):
        ResidualNetwork((Stage(1, 16),))
    with pytest.raises(InvalidArchitectureError, match="nds_resnext must have ratios"):
        get_space("nds_resnext").parse(
            json.dumps({**BASIC, "ds": [1, 1, 2, 4], "ws": [16, 16, 32, 64]})
        )
    with pytest.raises(InvalidArchitectureError, match="nds_resnext_b must have widths"):
        get_space("nds_resnext_b").parse(json.dumps(BOTTLENECK))
    with pytest.raises(InvalidArchitectureError, match="must be JSON"):
        get_space("nds_resnet").parse("{")
    with pytest.raises(InvalidArchitectureError, match="must be an object"):
        get_space("nds_resnet").parse("[]")
