from collections import Counter
from itertools import islice

import numpy as np
import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.nasbench101.cell import OPS, Cell, matrix_of_edges
from search_spaces.nasbench101.isomorphism import all_classes, representative
from search_spaces.nasbench101.space import NasBench101

SPACE = NasBench101()
EMPTY = Cell(((0, 1), (0, 0)), ())


def test_genome_has_edges_row_by_row_and_operations() -> None:
    cell = Cell(matrix_of_edges(4, [(0, 1), (1, 2), (0, 3), (2, 3)]), (OPS[2], OPS[1]))
    edges = {0, 5, 6, 14}
    expected = [int(gene in edges) for gene in range(21)]
    assert SPACE.to_genome(cell) == (*expected, 2, 1, 0, 0, 0)


def test_genome_is_pruned() -> None:
    genome = [int(gene in {5, 7}) for gene in range(21)] + [1, 2, 0, 1, 2]
    assert SPACE.from_genome(genome) == EMPTY


@pytest.mark.parametrize(
    ("edges", "message"),
    [((), "has none"), ((0, 1, 2, 3, 4, 10, 14, 17, 19, 20), "at most 9 edges")],
)
def test_genome_without_path_or_with_ten_edges_is_refused(
    edges: tuple[int, ...], message: str
) -> None:
    genome = [int(gene in edges) for gene in range(21)] + [0] * 5
    assert not SPACE.is_valid_genome(genome)
    with pytest.raises(InvalidArchitectureError, match=message):
        SPACE.from_genome(genome)


def test_samples_are_uniform_over_the_published_cells(rng: np.random.Generator) -> None:
    """Number of vertices and number of edges of 4,000 samples within 4.5 standard deviations."""
    n = 4_000
    classes = all_classes()
    n_edges = np.zeros_like(classes.numbers)
    for bit in range(21):
        n_edges += classes.numbers >> bit & 1
    expected = Counter(zip(classes.n_vertices.tolist(), n_edges.tolist(), strict=True))
    cells = [SPACE.sample(rng) for _ in range(n)]
    found = Counter((len(cell.matrix), cell.n_edges) for cell in cells)
    for group, size in expected.items():
        share = size / len(classes)
        assert abs(found[group] - n * share) <= 4.5 * (n * share * (1 - share)) ** 0.5 + 1
    assert all(representative(cell) == cell for cell in cells[:200])


def test_mutants_are_never_isomorphic(rng: np.random.Generator) -> None:
    for _ in range(100):
        cell = SPACE.sample(rng)
        assert representative(SPACE.mutate(cell, rng)) != representative(cell)


def test_mutation_grows_the_smallest_cell_to_the_largest(rng: np.random.Generator) -> None:
    cell = EMPTY
    reached = set()
    for _ in range(300):
        cell = SPACE.mutate(cell, rng)
        reached.add(len(cell.matrix))
    assert reached >= {3, 4, 5, 6, 7}


def test_crossover_mixes_cells(rng: np.random.Generator) -> None:
    n_mixed = 0
    for _ in range(50):
        first, second = SPACE.sample(rng), SPACE.sample(rng)
        n_mixed += SPACE.crossover(first, second, rng) not in {first, second}
    assert n_mixed > 25


def test_enumeration_starts_with_the_smallest_cells() -> None:
    sizes = [len(cell.matrix) for cell in islice(SPACE.enumerate(), 100)]
    assert sizes == [2] + [3] * 6 + [4] * 84 + [5] * 9
