import csv
import gzip
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError, count, get_space
from search_spaces.fbnet.blocks import LAYERS, OPS, FBNetArchitecture, Layer
from search_spaces.fbnet.counts import layer_counts


def test_layer_table_is_that_of_the_paper() -> None:
    assert len(LAYERS) == 22
    assert [layer.c_out for layer in LAYERS] == [16] + [24] * 4 + [32] * 4 + [64] * 4 + [
        112
    ] * 4 + [184] * 4 + [352]
    assert [i for i, layer in enumerate(LAYERS) if layer.stride == 2] == [1, 5, 9, 17]


def test_size_is_nine_to_the_twenty_two() -> None:
    assert get_space("fbnet").size == 9**22


def test_a_block_counted_by_hand() -> None:
    """k3_e6 from 16 to 24 channels at stride 2, result 56 x 56."""
    parameters, mult_adds, activations = layer_counts("k3_e6", Layer(16, 24, 2), 56)
    assert parameters == 16 * 96 + 2 * 96 + 96 * 9 + 2 * 96 + 96 * 24 + 2 * 24
    assert mult_adds == 16 * 96 * 112**2 + 96 * 9 * 56**2 + 96 * 24 * 56**2
    assert activations == 96 * 112**2 + 96 * 56**2 + 24 * 56**2


def test_groups_halve_both_pointwise_convolutions() -> None:
    plain = layer_counts("k3_e1", Layer(16, 16, 1), 10)
    grouped = layer_counts("k3_e1_g2", Layer(16, 16, 1), 10)
    assert plain[0] - grouped[0] == 16 * 16
    assert plain[1] - grouped[1] == 16 * 16 * 100


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The graph has one bias for BatchNorm's two vectors, else everything is equal."""
    space = get_space("fbnet")
    for _ in range(6):
        architecture = space.sample(rng)
        published = space.published_counts(architecture)
        graph = count(space.to_onnx(architecture))
        assert graph.mult_adds == published.mult_adds
        assert graph.activations == published.activations
        channels = sum(row.output_shape[1] for row in graph.per_op if row.op == "Conv")
        assert published.parameters - graph.parameters == channels


@pytest.mark.parametrize(("op", "n_layers"), [("skip", 6), ("k3_e1", 22)])
def test_skip_is_a_convolution_only_where_shape_changes(op: str, n_layers: int) -> None:
    model = get_space("fbnet").to_onnx(FBNetArchitecture((op,) * 22))
    n_depthwise = sum(node.op_type == "Conv" for node in model.graph.node) - 1
    n_calls = sum(node.domain == "nas" for node in model.graph.node) - 1
    assert (n_depthwise, n_calls) == ((0, n_layers) if op == "skip" else (n_layers, 2 * n_layers))


def test_names_and_indices_parse() -> None:
    by_name = ",".join(OPS[i % 9] for i in range(22))
    by_index = str([i % 9 for i in range(22)])
    space = get_space("fbnet")
    assert space.parse(by_name) == space.parse(by_index)


@pytest.mark.parametrize(
    ("string", "message"),
    [("0,1", "must have 22 ops"), (",".join(["9"] * 22), "one of k3_e1"), ("", "must have 22")],
)
def test_malformed_strings_are_refused(string: str, message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        FBNetArchitecture.parse(string)


def test_canonical_moves_free_skips_to_the_end_of_their_stage() -> None:
    space = get_space("fbnet")
    ops = ["k3_e1"] * 22
    ops[2] = ops[5] = ops[18] = "skip"
    expected = ["k3_e1"] * 22
    expected[4] = expected[5] = expected[20] = "skip"
    assert space.canonical(FBNetArchitecture(tuple(ops))).ops == tuple(expected)


def test_texts_differ_exactly_where_representatives_do(rng: np.random.Generator) -> None:
    """Two stages of all arrangements of a block and skips, the others drawn."""
    space = get_space("fbnet")
    head, tail = (
        [OPS[i] for i in rng.integers(9, size=1)],
        [OPS[i] for i in rng.integers(9, size=13)],
    )
    stages = list(product(("k5_e3", "skip"), repeat=8))
    architectures = [FBNetArchitecture((*head, *middle, *tail)) for middle in stages]
    pairs = {(space.canonical(each), space.to_text(each)) for each in architectures}
    assert len(pairs) == len({form for form, _ in pairs}) == len({text for _, text in pairs})
    n_forms = 2 * 4  # the first layer of a stage stays; of three others, how many are blocks
    assert len(pairs) == n_forms**2


@pytest.mark.data
def test_every_published_row_parses(data_folder: Path) -> None:
    space = get_space("fbnet")
    with gzip.open(data_folder / "fbnet.csv.gz", "rt") as file:
        genomes = [tuple(int(row[f"op{i}"]) for i in range(22)) for row in csv.DictReader(file)]
    assert len(genomes) == 5_000
    for genome in genomes:
        assert space.to_genome(space.from_genome(genome)) == genome
