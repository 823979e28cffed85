import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from search_spaces import count, get_space
from search_spaces.nasbench_macro.blocks import MacroArchitecture
from search_spaces.nasbench_macro.counts import published_counts

ROWS = {"02012100": (890_666, 47_327_744), "11111221": (2_181_386, 65_012_224)}


@pytest.mark.parametrize("string", ROWS)
def test_counts_of_published_rows(string: str) -> None:
    counts = published_counts(MacroArchitecture.parse(string))
    assert (counts.parameters, counts.mult_adds) == ROWS[string]


def test_counts_of_the_smallest_network_by_hand() -> None:
    """Identities only: the stem, three 1x1 convolutions of stride 2, the head, the classifier."""
    weights = [27 * 32, 32 * 64, 64 * 128, 128 * 256, 256 * 1280]
    pixels = [1024, 256, 64, 16, 16]
    norms = 2 * (32 + 64 + 128 + 256 + 1280)
    counts = published_counts(MacroArchitecture(("id",) * 8))
    assert counts.parameters == sum(weights) + norms + 1281 * 10
    products = sum(w * p for w, p in zip(weights, pixels, strict=True)) + 12_800
    assert counts.mult_adds == products


@pytest.mark.data
def test_all_published_counts_are_equal(data_folder: Path) -> None:
    space = get_space("nasbench_macro")
    with gzip.open(data_folder / "nasbench_macro.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    architectures = [space.parse(row["arch"].removeprefix("a")) for row in rows]
    assert len(set(architectures)) == space.size == 6_561
    for row, architecture in zip(rows, architectures, strict=True):
        assert space.to_genome(architecture) == tuple(int(row[f"op{i}"]) for i in range(8))
        counts = published_counts(architecture)
        assert (counts.parameters, counts.mult_adds) == (int(row["params"]), int(row["flops"]))


@pytest.mark.data
def test_equal_networks_have_equal_published_accuracy(data_folder: Path) -> None:
    space = get_space("nasbench_macro")
    with gzip.open(data_folder / "nasbench_macro.csv.gz", "rt") as file:
        accuracy = {
            space.parse(row["arch"].removeprefix("a")): row["acc_mean"]
            for row in csv.DictReader(file)
        }
    assert all(accuracy[space.canonical(a)] == value for a, value in accuracy.items())
    assert len({space.canonical(a) for a in accuracy}) == 3_969


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The export folds a BatchNorm's two vectors into one bias, which is all that differs."""
    space = get_space("nasbench_macro")
    for _ in range(25):
        architecture = space.sample(rng)
        published, counted = (
            space.published_counts(architecture),
            count(space.to_onnx(architecture)),
        )
        biases = sum(row.output_shape[1] for row in counted.per_op if row.op == "Conv")
        assert published.parameters == counted.parameters + biases
        assert published.mult_adds == counted.mult_adds
        assert published.activations == counted.activations
