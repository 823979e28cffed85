"""Two-Path against the counts of the published PyTorch models and its own graph."""

import json

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, count, get_space
from search_spaces.twopath import Path, TwoPathArchitecture
from search_spaces.twopath.architecture import PATH_SHAPES
from search_spaces.twopath.operations import Ops

PUBLISHED = [
    (
        Path(
            (
                ("bottleneck-e2-k1", "inception_s5x5"),
                ("maxpool3x3", "conv5x5"),
                ("conv3x3", "avgpool3x3"),
                ("bottleneck-r2-k3", "inception_s3x3", "maxpool3x3"),
            ),
            (0, 2),
        ),
        Path(
            (
                ("inception_s5x5", "conv3x3", "bottleneck-e2-k3"),
                ("double3x3", "bottleneck-r4-k3", "conv5x5"),
                ("conv3x3",),
                ("bottleneck-r4-k3", "conv3x3"),
            ),
            (1, 3),
        ),
        (2_073_386, 65_885_184, 168_202),
    ),
    (
        Path(
            (
                ("inception_s5x5", "maxpool3x3", "bottleneck-e2-k3"),
                ("conv1x1", "conv5x5", "conv3x3"),
                ("bottleneck-r2-k3", "bottleneck-r4-k3", "bottleneck-e2-k3"),
            ),
            (0, 2),
        ),
        Path((("bottleneck-r4-k3",), ("inception_s5x5",), ("double3x3",)), (0, 2)),
        (2_398_202, 59_036_672, 109_066),
    ),
    (
        Path((("bottleneck-r4-k3", "conv1x1"), ("bottleneck-e2-k3",)), (0, 1)),
        Path((("maxpool3x3", "double3x3"), ("bottleneck-r2-k3",)), (0, 1)),
        (1_512_506, 29_021_184, 70_666),
    ),
]
"""Two paths; parameters, products and results of convolutions of the authors' PyTorch model,
counted there."""


def simple(*blocks: Ops, reductions: tuple[int, int] = (0, 1)) -> TwoPathArchitecture:
    """Put these blocks beside two plain ones."""
    plain = Path((("conv5x5",), ("conv5x5",)), (0, 1))
    return TwoPathArchitecture.from_paths(Path(blocks, reductions), plain)


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_counts_of_the_published_models(
    first: Path, second: Path, expected: tuple[int, int, int]
) -> None:
    architecture = TwoPathArchitecture.from_paths(first, second)
    space = get_space("twopath")
    counts = space.published_counts(architecture)
    assert (counts.parameters, counts.mult_adds, counts.activations) == expected
    graph = count(space.to_onnx(architecture))
    assert (graph.mult_adds, graph.activations) == expected[1:]


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The graph has one bias for the two vectors of a folded BatchNorm, four for a pool's."""
    space = get_space("twopath")
    for _ in range(10):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        channels = dict.fromkeys(("Conv", "BatchNormalization"), 0)
        for row in graph.per_op:
            if row.op in channels:
                channels[row.op] += row.output_shape[1]
        difference = channels["Conv"] - 2 * channels["BatchNormalization"]
        assert published.parameters - graph.parameters == difference


def test_a_path_has_ten_shapes_and_the_size_counts_pairs() -> None:
    assert len(PATH_SHAPES) == 1 + 3 + 6
    n_regular, n_reducing = 1_572, 1_608
    n_paths = n_reducing**2 * (1 + 3 * n_regular + 6 * n_regular**2)
    assert get_space("twopath").size == n_paths * (n_paths + 1) // 2


def test_the_order_of_the_paths_is_no_difference() -> None:
    space = get_space("twopath")
    for first, second, _ in PUBLISHED:
        one, other = (
            TwoPathArchitecture.from_paths(first, second),
            TwoPathArchitecture.from_paths(second, first),
        )
        assert one != other
        assert space.canonical(one) == space.canonical(other)
        assert space.to_text(one) == space.to_text(other)
        assert space.published_counts(one) == space.published_counts(other)


def test_two_convolutions_are_a_double_where_nothing_is_reduced() -> None:
    space = get_space("twopath")
    tail = ("conv5x5",)
    merged = simple(("double3x3",), tail, tail, reductions=(1, 2))
    spelt = simple(("conv3x3", "conv3x3"), tail, tail, reductions=(1, 2))
    assert space.to_text(merged) == space.to_text(spelt)
    assert space.canonical(spelt) == space.canonical(merged)
    assert space.published_counts(spelt) == space.published_counts(merged)
    first, second = simple(("double3x3",), tail), simple(("conv3x3", "conv3x3"), tail)
    assert space.to_text(first) != space.to_text(second)
    assert space.published_counts(first) != space.published_counts(second)


def test_a_support_operation_before_the_convolution_does_not_reduce() -> None:
    before = simple(("maxpool3x3", "conv5x5"), ("conv5x5",))
    rows = count(get_space("twopath").to_onnx(before)).per_op
    (pool,) = [row for row in rows if row.op == "MaxPool"]
    assert pool.output_shape == (1, 32, 16, 16)
    behind = simple(("conv5x5", "maxpool3x3"), ("conv5x5",))
    rows = count(get_space("twopath").to_onnx(behind)).per_op
    (pool,) = [row for row in rows if row.op == "MaxPool"]
    assert pool.output_shape == (1, 64, 8, 8)


def test_every_genome_is_an_architecture_and_dead_genes_do_not_matter(
    rng: np.random.Generator,
) -> None:
    space = get_space("twopath")
    for _ in range(40):
        genome = [int(rng.integers(n)) for n in space.genome_choices]
        architecture = space.from_genome(genome)
        assert space.to_genome(architecture) == tuple(genome)
        again = space.parse(space.format(architecture))
        assert again.paths == architecture.paths
        assert space.canonical(again) == space.canonical(architecture)
        assert space.to_text(again) == space.to_text(architecture)


def test_mutations_change_the_network(rng: np.random.Generator) -> None:
    space = get_space("twopath")
    smallest = space.from_genome([0] * len(space.genome_choices))
    for _ in range(40):
        assert space.canonical(space.mutate(smallest, rng)) != space.canonical(smallest)


def test_texts_stay_within_the_limit_of_cell_spaces(rng: np.random.Generator) -> None:
    space = get_space("twopath")
    for _ in range(60):
        model = space.to_onnx(space.sample(rng))
        assert len(model.graph.node) + sum(len(f.node) for f in model.functions) <= 80


def block(*ops: str) -> dict[str, list[str]]:
    return {"op_names": list(ops)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path1": [block("conv3x3")]}, "must have 2 to 4 blocks"),
        ({"path1": [block("conv3x3")] * 5}, "must have 2 to 4 blocks"),
        ({"path1_reduce_inds": [1, 0]}, "two ascending indices"),
        ({"path1_reduce_inds": [0]}, "two ascending indices"),
        ({"path1_reduce_inds": 0}, "must be a list"),
        ({"path2": [block("conv3x3"), block("conv1x1")]}, "at least one of them a convolution"),
        ({"path2": [block("conv3x3"), block()]}, "must have 1 to 3 operations"),
        ({"path2": [block("conv3x3"), block("conv7x7")]}, "operation must be one of conv3x3"),
        ({"path2": [block("conv3x3"), block(["conv3x3"])]}, "operation must be one of"),  # type: ignore[arg-type]
        ({"path2": [block("conv3x3"), ["conv3x3"]]}, "block must be"),
        ({"path2": [block("conv3x3"), {**block("conv3x3"), "op_types": ["supp"]}]}, "Types of"),
    ],
)
def test_malformed_dictionaries_are_refused(changes: dict[str, object], message: str) -> None:
    good = {
        "path1": [block("conv3x3"), block("conv3x3")],
        "path2": [block("conv3x3"), block("conv3x3")],
        "path1_reduce_inds": [0, 1],
        "path2_reduce_inds": [0, 1],
    }
    space = get_space("twopath")
    assert len(space.parse(json.dumps(good)).paths) == 2
    with pytest.raises(InvalidArchitectureError, match=message):
        space.parse(json.dumps({**good, **changes}))
