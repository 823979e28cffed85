import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from search_spaces.nasbench101.cell import OPS, Cell, matrix_of_edges
from search_spaces.nasbench101.isomorphism import all_classes, representative
from search_spaces.nasbench101.module_hash import module_hash
from search_spaces.nasbench101.space import NasBench101

ROWS = {
    "0100 ": "043721b9c7fe8c5fad811d47d83132ec",
    "0110000100010000 conv3x3,conv1x1": "1af995a92568cf42af2c2668f72834ea",
    "0111001000010000 maxpool3x3,conv3x3": "1a23d766bc88a66c08a77daa62511899",
    "011000001110000101000010000001000000 conv1x1,conv3x3,conv1x1,conv3x3": (
        "181c541ffeb0f38088107555cba77686"
    ),
    "0100110001000000010010000010000001000000010000000 "
    "conv3x3,maxpool3x3,conv3x3,conv3x3,conv1x1": "00005c142e6f48ac74fdcf73e3439874",
}


@pytest.mark.parametrize("string", ROWS, ids=ROWS.get)
def test_hash_is_the_published_one(string: str) -> None:
    assert module_hash(Cell.parse(string)) == ROWS[string]


def test_operations_direction_and_edges_all_count() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (0, 3)]
    cells = [
        Cell(matrix_of_edges(4, edges), (OPS[0], OPS[1])),
        Cell(matrix_of_edges(4, edges), (OPS[1], OPS[0])),
        Cell(matrix_of_edges(4, edges[:3]), (OPS[0], OPS[1])),
        Cell(matrix_of_edges(4, [*edges, (1, 3)]), (OPS[0], OPS[1])),
        Cell(matrix_of_edges(4, [*edges, (0, 2)]), (OPS[0], OPS[1])),
    ]
    assert len({module_hash(cell) for cell in cells}) == len(cells)


def test_isomorphic_cells_share_a_hash_and_others_do_not(rng: np.random.Generator) -> None:
    space = NasBench101()
    cells = [space.sample(rng) for _ in range(200)]
    cells += [space.mutate(cell, rng) for cell in cells]
    assert [module_hash(representative(c)) for c in cells] == [module_hash(c) for c in cells]
    assert len({module_hash(c) for c in cells}) == len({representative(c) for c in cells})


@pytest.mark.data
def test_all_published_hashes_are_equal(data_folder: Path) -> None:
    with gzip.open(data_folder / "nasbench101.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    cells = [Cell.parse(f"{row['adj']} {row['ops']}") for row in rows]
    assert len(cells) == 23_985
    assert [module_hash(cell) for cell in cells] == [row["hash"] for row in rows]


@pytest.mark.data
def test_published_cells_are_their_own_representatives(data_folder: Path) -> None:
    with gzip.open(data_folder / "nasbench101.csv.gz", "rt") as file:
        cells = [Cell.parse(f"{row['adj']} {row['ops']}") for row in csv.DictReader(file)]
    assert len(cells) == 23_985
    assert [representative(cell) for cell in cells] == cells


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_two_of_the_423_624_cells_share_a_hash() -> None:
    """The hash was published with this claim; about two minutes on one core."""
    classes = all_classes()
    hashes = {module_hash(classes.cell(index)) for index in range(len(classes))}
    assert len(hashes) == 423_624
