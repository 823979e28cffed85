"""The vectorised enumeration against the published procedure, written out for small cells."""

from itertools import permutations, product

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nasbench101.cell import OPS, Cell, Matrix, matrix_of_edges
from search_spaces.nasbench101.isomorphism import all_classes, representative
from search_spaces.nasbench101.module_hash import module_hash


def all_cells(n_vertices: int) -> list[Cell]:
    """Walk matrices and operations in the published order, dead vertices left out."""
    pairs = [(source, target) for target in range(n_vertices) for source in range(target)]
    cells = []
    for number in range(1 << len(pairs)):
        matrix = matrix_of_edges(
            n_vertices, [pair for bit, pair in enumerate(pairs) if number >> bit & 1]
        )
        try:
            Cell(matrix, (OPS[0],) * (n_vertices - 2))
        except InvalidArchitectureError:
            continue
        cells += [Cell(matrix, ops) for ops in product(OPS, repeat=n_vertices - 2)]
    return cells


def renamed(cell: Cell, order: tuple[int, ...]) -> Cell | None:
    """Take interior vertex i to ``order[i - 1]``; None if an edge would turn around."""
    n = len(cell.matrix)
    name = (0, *order, n - 1)
    edges = [(name[s], name[t]) for s in range(n) for t in range(n) if cell.matrix[s][t]]
    if any(source >= target for source, target in edges):
        return None
    ops = [""] * (n - 2)
    for old, new in enumerate(order):
        ops[new - 1] = cell.ops[old]
    return Cell(matrix_of_edges(n, edges), tuple(ops))


def test_there_are_423_624_classes() -> None:
    classes = all_classes()
    assert len(classes) == 423_624
    n_vertices, counts = np.unique(classes.n_vertices, return_counts=True)
    assert dict(zip(n_vertices.tolist(), counts.tolist(), strict=True)) == {
        2: 1,
        3: 6,
        4: 84,
        5: 2_441,
        6: 62_010,
        7: 359_082,
    }


def test_small_classes_come_as_the_published_procedure_finds_them() -> None:
    first: dict[str, Cell] = {}
    for n_vertices in range(2, 6):
        for cell in all_cells(n_vertices):
            first.setdefault(module_hash(cell), cell)
    classes = all_classes()
    assert [classes.cell(index) for index in range(len(first))] == list(first.values())
    assert classes.n_vertices[len(first)] == 6


def test_representative_is_that_of_every_renaming(rng: np.random.Generator) -> None:
    classes = all_classes()
    n_renamed = 0
    for index in rng.integers(len(classes), size=60):
        cell = classes.cell(int(index))
        for order in permutations(range(1, len(cell.ops) + 1)):
            other = renamed(cell, order)
            if other is not None:
                n_renamed += other != cell
                assert representative(other) == cell
    assert n_renamed > 100


def test_different_cells_of_one_matrix_keep_apart() -> None:
    matrix: Matrix = matrix_of_edges(4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    found = {representative(Cell(matrix, ops)) for ops in product(OPS, repeat=2)}
    assert len(found) == 6


@pytest.mark.parametrize("index", [0, 1, 91, 2_532, 64_542, 423_623])
def test_a_class_is_its_own_representative(index: int) -> None:
    cell = all_classes().cell(index)
    assert representative(cell) == cell
