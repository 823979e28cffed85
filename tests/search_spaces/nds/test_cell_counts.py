import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search_spaces import Counts, InvalidArchitectureError, count, get_space
from search_spaces.counts import count_graph
from search_spaces.nds.cell import Cell, CellNetwork
from search_spaces.nds.cell_counts import nasbench301_counts, published_counts
from search_spaces.nds.cell_network import build_cell_network
from search_spaces.nds.named_cells import NAMED_CELLS
from search_spaces.nds.nasbench301 import COMPACT_OPS, from_compact, to_compact

# (input, operation) of the edges of the normal, then of the reduction cell, as digits; parameters
# and FLOPs as published.
NASBENCH301 = (
    ("0015110113031332 1002130330012036", 856_298, 153_499_136),
    ("0316221613251332 0510230534250611", 1_017_002, 174_085_632),
    ("0214160331111036 1101011125313116", 750_826, 144_381_440),
    ("0611032614001604 0513062533254015", 1_068_906, 186_963_456),
)


def named(name: str, width: int, depth: int) -> CellNetwork:
    space_name, genotype = NAMED_CELLS[name]
    network = get_space(space_name).parse(genotype)
    return CellNetwork(network.normal, network.reduce, width, depth)


def from_digits(digits: str) -> CellNetwork:
    normal, reduce = (
        [(int(cell[i]), int(cell[i + 1])) for i in range(0, 16, 2)] for cell in digits.split()
    )
    return from_compact(normal, reduce)


def layers(network: CellNetwork) -> list[tuple[int, int]]:
    """Channels, and size at which the inputs are brought to them, of every layer."""
    result = []
    channels, size = network.width, 32
    for layer in range(network.depth):
        is_reduction = layer in {network.depth // 3, 2 * network.depth // 3}
        channels *= 1 + is_reduction
        result.append((channels, size))
        size //= 1 + is_reduction
    return result


def exported_parameters(counts: Counts) -> tuple[int, int]:
    """Count convolution weights and biases of an exported network, and add the classifier to both.

    A folded BatchNorm left one bias where it had two vectors.
    """
    weights = biases = classifier = 0
    for row in counts.per_op:
        if row.op == "Conv":
            weights += int(np.prod(row.input_shapes[1]))
            biases += sum(int(np.prod(shape)) for shape in row.input_shapes[2:])
        elif row.op == "Gemm":
            classifier = row.parameters
    return weights + 2 * biases + classifier, weights + classifier


def nasbench301_from_export(network: CellNetwork) -> tuple[int, int]:
    """Count parameters and FLOPs of NAS-Bench-301 on the exported network."""
    counts = count_graph(build_cell_network(network))
    frame = [(3 * network.width, 32), *[pair for pair in layers(network) for _ in range(2)]]
    parameters = exported_parameters(counts)[1] + 2 * sum(channels for channels, _ in frame)
    flops = counts.mult_adds + sum(channels * size * size for channels, size in frame)
    for row in counts.per_op:
        elements = int(np.prod(row.output_shape))
        if row.op == "Relu" or (row.op == "Conv" and len(row.input_shapes) == 3):
            flops += elements
        elif row.op == "GlobalAveragePool":
            flops += elements * 81
    for layer, (channels, size) in enumerate(layers(network)):
        is_reduction = layer in {network.depth // 3, 2 * network.depth // 3}
        cell = network.reduce if is_reduction else network.normal
        pixels = (size // (1 + is_reduction)) ** 2
        flops += 10 * channels * pixels * sum("pool" in op for op, _ in cell.edges)
    return parameters, flops


@pytest.mark.parametrize(("digits", "parameters", "flops"), NASBENCH301)
def test_rows_of_nasbench301_are_exact(digits: str, parameters: int, flops: int) -> None:
    network = from_digits(digits)
    assert nasbench301_counts(network) == (parameters, flops)
    assert nasbench301_from_export(network) == (parameters, flops)
    assert get_space("nds_darts").check(network) == network
    assert from_compact(*to_compact(network)) == network


def test_compact_form_refuses_what_it_cannot_say() -> None:
    with pytest.raises(InvalidArchitectureError, match=r"index must be in 0\.\.6"):
        from_compact([(0, 7), (1, 0)], [(0, 0), (1, 0)])
    with pytest.raises(InvalidArchitectureError, match="must be one of max_pool_3x3"):
        to_compact(
            get_space("nds_nasnet").parse(
                NAMED_CELLS["amoebanet_a"][1]
                .replace("conv_7x1_1x7", "conv_3x3")
                .replace("sep_conv_7x7", "conv_1x1")
            )
        )
    assert len(set(COMPACT_OPS)) == 7


@pytest.mark.data
def test_every_row_of_nasbench301_is_exact(data_folder: Path, rng: np.random.Generator) -> None:
    rows = list(read_rows(data_folder / "darts_nb301_surrogate.csv.gz"))
    assert len(rows) == 1_218
    space = get_space("nds_darts")
    for network, parameters, flops in rows:
        assert nasbench301_counts(space.check(network)) == (parameters, flops)
    for index in rng.choice(len(rows), 5, replace=False):
        network, parameters, flops = rows[index]
        assert nasbench301_from_export(network) == (parameters, flops)


def read_rows(path: Path) -> Iterator[tuple[CellNetwork, int, int]]:
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            normal, reduce = (
                [(int(row[f"{cell}{i}_in"]), int(row[f"{cell}{i}_op"])) for i in range(8)]
                for cell in "nr"
            )
            counts = (round(float(row[f"{what}_M"]) * 1e6) for what in ("params", "flops"))
            yield (from_compact(normal, reduce), *counts)


@pytest.mark.parametrize(
    ("name", "width", "depth", "parameters", "mult_adds"),
    [
        # The training log of the authors' code says "param size = 3.349342MB".
        ("darts_v2", 36, 20, 3_349_342, 528_359_040),
        ("darts_v1", 36, 20, 3_169_414, 500_987_520),
    ],
)
def test_darts_cells_have_the_published_counts(
    name: str, width: int, depth: int, parameters: int, mult_adds: int
) -> None:
    counts = published_counts(named(name, width, depth))
    assert (counts.parameters, counts.mult_adds) == (parameters, mult_adds)


@pytest.mark.parametrize(
    ("name", "width", "depth", "millions"),
    [
        ("pnasnet_5", 48, 9, 3.2),  # the PNASNet paper
        ("nasnet_a", 32, 20, 3.1),  # these two as trained with the code of DARTS, in its table 1
        ("amoebanet_a", 36, 20, 3.1),
        ("darts_v2", 36, 20, 3.3),
    ],
)
def test_named_cells_have_the_published_parameters(
    name: str, width: int, depth: int, millions: float
) -> None:
    parameters = published_counts(named(name, width, depth)).parameters
    assert round(parameters / 1e6, 1) == millions


PYCLS = {
    ("nasnet_a", 36, 20): (3_830_950, 603_452_448, 9_400_330),
    ("nasnet_a", 32, 8): (1_181_930, 196_860_160, 3_309_578),
    ("amoebanet_a", 36, 20): (3_145_078, 488_931_552, 7_824_394),
    ("amoebanet_a", 32, 8): (1_194_346, 191_205_120, 2_826_250),
    ("pnasnet_5", 36, 20): (4_481_110, 706_026_528, 11_086_858),
    ("pnasnet_5", 32, 8): (1_446_250, 233_838_848, 3_891_210),
    ("enas", 36, 17): (3_729_430, 590_384_160, 9_409_546),
    ("enas", 36, 20): (4_394_710, 693_197_856, 11_086_858),
    ("enas", 32, 8): (1_388_906, 226_629_888, 3_891_210),
    ("darts_v1", 36, 20): (3_169_414, 500_987_520, 8_847_370),
    ("darts_v1", 32, 8): (871_786, 152_441_856, 2_818_058),
    ("darts_v2", 36, 20): (3_349_342, 528_359_040, 9_621_514),
    ("darts_v2", 32, 8): (919_722, 159_765_504, 3_047_434),
}
"""Name, width and depth; parameters, products and results of convolutions of ``NetworkCIFAR`` in
facebookresearch/unnas (``pycls/models/nas/nas.py``), counted there with these genotypes."""


@pytest.mark.parametrize("key", PYCLS, ids=lambda key: f"{key[0]}-{key[1]}-{key[2]}")
def test_named_cells_have_the_counts_of_the_published_model(key: tuple[str, int, int]) -> None:
    network = named(*key)
    counts = published_counts(network)
    assert (counts.parameters, counts.mult_adds, counts.activations) == PYCLS[key]
    graph = count_graph(build_cell_network(network))
    assert (graph.mult_adds, graph.activations) == PYCLS[key][1:]


def test_every_named_cell_is_counted_by_the_published_model() -> None:
    assert {name for name, _, _ in PYCLS} == set(NAMED_CELLS)


@pytest.mark.parametrize("name", NAMED_CELLS)
def test_counts_of_named_cells_agree_with_the_exported_network(name: str) -> None:
    network = named(name, 24, 8)
    published, exported = published_counts(network), count_graph(build_cell_network(network))
    assert published.parameters == exported_parameters(exported)[0]
    assert published.mult_adds == exported.mult_adds
    assert published.activations == exported.activations


def test_cells_with_one_loose_end_keep_their_preprocessing() -> None:
    """Here the inputs of a cell have its channels already."""
    edges = (("conv_1x1", 0), ("conv_1x1", 1), ("conv_3x3", 2), ("avg_pool_3x3", 0))
    cell = Cell(edges, (3,))
    network = CellNetwork(cell, cell, 16, 8)
    published, exported = published_counts(network), count_graph(build_cell_network(network))
    assert published.parameters == exported_parameters(exported)[0]
    assert published.mult_adds == exported.mult_adds


@pytest.mark.parametrize("name", ["nds_amoeba", "nds_darts", "nds_enas", "nds_nasnet", "nds_pnas"])
def test_counts_of_samples_agree_with_the_exported_network(
    name: str, rng: np.random.Generator
) -> None:
    space = get_space(name)
    n_equal = 0
    while n_equal < 6:
        architecture = space.sample(rng)
        cells = (architecture.normal, architecture.reduce)
        if any({"none"} & {op for op, _ in cell.edges} for cell in cells):
            continue
        if any({0, 1} - {source for _, source in cell.edges} for cell in cells):
            continue  # an input that nobody reads is counted as published, but not written
        published, exported = (
            space.published_counts(architecture),
            count(space.to_onnx(architecture)),
        )
        assert published.parameters == exported_parameters(exported)[0]
        assert published.mult_adds == exported.mult_adds
        assert published.activations == exported.activations
        n_equal += 1
