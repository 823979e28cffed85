"""Inception against the counts of the published PyTorch models and its own graph."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, count, get_space
from search_spaces.inception import Branch, InceptionArchitecture, Stage
from search_spaces.inception.distinct import count_blocks

PUBLISHED = [
    (
        (
            Stage(
                2,
                (
                    Branch(16, ("inception_p3x3", "maxpool3x3"), 16),
                    Branch(16, ("inception_p3x3", "inception_p3x3"), 16),
                    Branch(16, ("inception_p3x3", "inception_p5x5", "conv5x5", "maxpool3x3"), 16),
                ),
            ),
            Stage(2, (Branch(64, ("inception_s5x5", "depthwise5x5"), 64),)),
            Stage(
                3,
                (
                    Branch(32, ("conv3x3", "depthwise3x3", "double1x1", "depthwise3x3"), 32),
                    Branch(32, ("inception_p3x3", "inception_p5x5"), 32),
                    Branch(64, ("depthwise3x3", "inception_p5x5"), 32),
                ),
            ),
            Stage(
                5,
                (
                    Branch(128, ("avgpool3x3", "conv5x5"), 128),
                    Branch(64, ("inception_s3x3", "conv5x5"), 64),
                    Branch(64, ("conv5x5", "inception_p3x3", "double1x1"), 64),
                ),
            ),
        ),
        (7_923_402, 187_571_200, 542_730),
    ),
    (
        (
            Stage(
                2,
                (
                    Branch(16, ("conv5x5", "avgpool3x3", "depthwise5x5", "inception_p3x3"), 16),
                    Branch(16, ("maxpool3x3", "inception_s3x3"), 16),
                    Branch(16, ("depthwise5x5", "inception_s3x3"), 16),
                ),
            ),
            Stage(
                5,
                (
                    Branch(16, ("maxpool3x3", "depthwise5x5"), 16),
                    Branch(16, ("inception_s3x3", "avgpool3x3", "inception_s3x3"), 16),
                    Branch(32, ("inception_s5x5", "inception_s3x3"), 64),
                ),
            ),
            Stage(6, (Branch(128, ("inception_s3x3", "conv3x3", "conv1x1"), 64),)),
            Stage(
                5,
                (
                    Branch(64, ("inception_p3x3", "inception_p3x3"), 32),
                    Branch(64, ("conv5x5", "depthwise5x5"), 32),
                    Branch(64, ("depthwise3x3", "inception_p3x3", "avgpool3x3", "conv5x5"), 64),
                    Branch(64, ("double1x1", "conv5x5"), 64),
                ),
            ),
        ),
        (4_339_658, 204_499_968, 996_362),
    ),
]
"""Stages; parameters, products and results of convolutions of the authors' PyTorch model, counted
there."""


def with_first(*branches: Branch) -> InceptionArchitecture:
    """Put a block into the first stage; the others are plain."""
    plain = [Stage(2, (Branch(c, ("conv3x3",), c),)) for c in (64, 128, 256)]
    return InceptionArchitecture.from_stages([Stage(2, branches), *plain])


@pytest.mark.parametrize(("stages", "expected"), PUBLISHED)
def test_counts_of_the_published_models(
    stages: tuple[Stage, ...], expected: tuple[int, int, int]
) -> None:
    space = get_space("inception")
    architecture = InceptionArchitecture.from_stages(stages)
    assert architecture.stages == stages
    counts = space.published_counts(architecture)
    assert (counts.parameters, counts.mult_adds, counts.activations) == expected
    graph = count(space.to_onnx(architecture))
    assert (graph.mult_adds, graph.activations) == expected[1:]


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """A folded BatchNorm takes two vectors with it; a pool's has four where two are learnt."""
    space = get_space("inception")
    for _ in range(6):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        folded = sum(
            row.output_shape[1]
            for row in graph.per_op
            if row.op == "Conv" and len(row.input_shapes) == 3
        )
        pooled = sum(row.output_shape[1] for row in graph.per_op if row.op == "BatchNormalization")
        assert published.parameters - graph.parameters == 2 * folded - 2 * pooled


def test_stages_have_the_published_shapes() -> None:
    architecture = with_first(Branch(32, ("conv3x3",), 32))
    rows = count(get_space("inception").to_onnx(architecture)).per_op
    shapes = [row.output_shape for row in rows if row.op == "Conv"]
    channels = [(32, 32)] * 3 + [(64, 16)] * 2 + [(128, 8)] * 2 + [(256, 4)] * 2 + [(512, 4)]
    assert shapes == [(1, c, size, size) for c, size in channels]
    assert [row.op for row in rows].count("Add") == 2 + 3


def test_thin_paths_are_brought_to_the_channels_of_the_stage() -> None:
    """Four paths of a 32-channel stage have 16 channels each, 64 together."""
    branch = Branch(16, ("conv3x3", "conv3x3"), 16)
    rows = count(get_space("inception").to_onnx(with_first(*[branch] * 4))).per_op
    projections = [row for row in rows if row.op == "Conv" and row.input_shapes[1][2:] == (1, 1)]
    assert [row.input_shapes[1][:2] for row in projections] == [(32, 64)] * 2


def test_size_is_a_product_over_stages() -> None:
    expected = 1
    for channels in (32, 64, 128, 256):
        expected *= 5 * count_blocks(channels)
    assert get_space("inception").size == expected


def test_the_order_of_the_paths_is_no_difference() -> None:
    space = get_space("inception")
    first = Branch(16, ("conv3x3", "conv5x5"), 32)
    second = Branch(16, ("avgpool3x3", "depthwise3x3"), 16)
    one, other = with_first(first, second), with_first(second, first)
    assert one != other
    assert space.canonical(one) == space.canonical(other)
    assert space.to_text(one) == space.to_text(other)
    assert space.to_text(one) != space.to_text(with_first(first, first))


def test_every_genome_is_an_architecture_and_dead_genes_do_not_matter(
    rng: np.random.Generator,
) -> None:
    space = get_space("inception")
    for _ in range(20):
        genome = [int(rng.integers(n)) for n in space.genome_choices]
        architecture = space.from_genome(genome)
        assert space.to_genome(architecture) == tuple(genome)
        again = space.parse(space.format(architecture))
        assert again.stages == architecture.stages
        assert space.canonical(again) == space.canonical(architecture)
        assert space.to_text(again) == space.to_text(architecture)


def test_mutations_change_the_network(rng: np.random.Generator) -> None:
    space = get_space("inception")
    smallest = space.from_genome([0] * len(space.genome_choices))
    for _ in range(30):
        assert space.canonical(space.mutate(smallest, rng)) != space.canonical(smallest)


def set_in(settings: Any, keys: tuple[str | int, ...], value: Any) -> None:
    for key in keys[:-1]:
        settings = settings[key]
    settings[keys[-1]] = value


BLOCK = ("stages", 0, "block", "paths")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("stages",), [], "must have a list of 4 stages"),
        (("stages",), 4, "must have a list of 4 stages"),
        (("stages", 1), None, "Inception stage must have block"),
        (("stages", 1), {}, "Inception stage must have block"),
        ((*BLOCK, 0), {"ops": []}, "Inception stage must have block"),
        (("stages", 0, "n_blocks"), 7, "must have 2 to 6 blocks"),
        (("stages", 2, "stride"), 1, r"stage 3 must be \(64, 128, 2\)"),
        ((*BLOCK, 0, "ops"), ["conv7x7"], "operation must be one of conv3x3"),
        ((*BLOCK, 0, "ops"), ["avgpool3x3"], "at least one of them a convolution"),
        ((*BLOCK, 0, "ops"), ["conv3x3"] * 5, "must have 1 to 4 operations"),
        ((*BLOCK, 0, "op_types"), ["supp"], "Types of"),
        ((*BLOCK, 0, "C_out"), 64, "C_out of the paths must be one of"),
        ((*BLOCK, 0, "C_internal"), 16, "C_internal of"),
        (BLOCK, [], "must have at most 3, 4, 8, 10 operations"),
    ],
)
def test_malformed_dictionaries_are_refused(
    keys: tuple[str | int, ...], value: object, message: str
) -> None:
    space = get_space("inception")
    settings = json.loads(space.format(with_first(Branch(32, ("conv3x3",), 32))))
    assert space.parse(json.dumps(settings))
    broken = copy.deepcopy(settings)
    set_in(broken, keys, value)
    with pytest.raises(InvalidArchitectureError, match=message):
        space.parse(json.dumps(broken))
