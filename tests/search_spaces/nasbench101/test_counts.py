import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from search_spaces import count, get_space
from search_spaces.nasbench101.cell import Cell
from search_spaces.nasbench101.counts import published_counts

ROWS = {
    "0100 ": 882_570,
    "0110000100010000 conv1x1,conv1x1": 1_404_042,
    "0111001000010000 maxpool3x3,conv3x3": 11_925_130,
    "011000001110000101000010000001000000 conv1x1,conv3x3,conv1x1,conv3x3": 6_054_282,
    "0100110001000000010010000010000001000000010000000 "
    "conv3x3,maxpool3x3,conv3x3,conv3x3,conv1x1": 8_555_530,
}


@pytest.mark.parametrize("string", ROWS, ids=str)
def test_parameters_of_published_rows(string: str) -> None:
    assert published_counts(Cell.parse(string)).parameters == ROWS[string]


@pytest.mark.data
def test_all_published_parameters_are_equal(data_folder: Path) -> None:
    with gzip.open(data_folder / "nasbench101.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 23_985
    counted = [published_counts(Cell.parse(f"{r['adj']} {r['ops']}")).parameters for r in rows]
    assert counted == [int(row["params"]) for row in rows]


def test_graph_and_published_counts_agree(rng: np.random.Generator) -> None:
    """The export folds a BatchNorm's two vectors into one bias, which is all that differs."""
    space = get_space("nasbench101")
    for _ in range(40):
        cell = space.sample(rng)
        published, counted = space.published_counts(cell), count(space.to_onnx(cell))
        biases = sum(row.output_shape[1] for row in counted.per_op if row.op == "Conv")
        assert published.parameters == counted.parameters + biases
        assert published.mult_adds == counted.mult_adds
        assert published.activations == counted.activations


def test_counts_are_those_of_the_representative() -> None:
    """Renaming the vertices moves the odd channel, and with it the parameters of this cell."""
    matrix = Cell.parse("0111000001000010000100000 conv3x3,conv1x1,maxpool3x3").matrix
    first = Cell(matrix, ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"))
    second = Cell(matrix, ("maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu"))
    space = get_space("nasbench101")
    assert published_counts(first) != published_counts(second)
    assert space.published_counts(first) == space.published_counts(second)
