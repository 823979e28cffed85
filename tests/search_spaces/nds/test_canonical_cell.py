from itertools import permutations

import numpy as np
import pytest

from search_spaces import SPACES, from_text, get_space, to_text
from search_spaces.graph_builder import GraphBuilder
from search_spaces.nds.canonical_cell import canonical_cell, normal_form
from search_spaces.nds.cell import Cell, CellNetwork
from search_spaces.nds.cell_network import build_cell_network
from search_spaces.onnx_text import graph_to_text

NAMES = sorted(name for name in SPACES if name.startswith("nds_") and "res" not in name)


def text(normal: Cell, reduce: Cell | None = None) -> str:
    return graph_to_text(build_cell_network(CellNetwork(normal, reduce or normal, 4, 4)))


def all_nodes(*edges: tuple[str, int]) -> Cell:
    return Cell(edges, tuple(range(2, 2 + len(edges) // 2)))


def renumbered(cell: Cell, rng: np.random.Generator) -> Cell:
    """Permute nodes and edges at random without changing the network."""
    for order in rng.permutation(list(permutations(range(cell.n_nodes)))):
        number = {0: 0, 1: 1, **{2 + int(old): 2 + new for new, old in enumerate(order)}}
        edges = []
        for old in order:
            pair = [(op, number[s]) for op, s in cell.edges[2 * old : 2 * old + 2]]
            edges += [pair[i] for i in rng.permutation(2)]
        if all(source < 2 + index // 2 for index, (_, source) in enumerate(edges)):
            return Cell(tuple(edges), tuple(sorted(number[value] for value in cell.concat)))
    raise AssertionError("the identity is always possible")


@pytest.mark.parametrize("name", NAMES)
def test_renumbered_cells_have_one_representative_and_one_text(
    name: str, rng: np.random.Generator
) -> None:
    space = get_space(name)
    n_changed = 0
    for _ in range(12):
        architecture = space.sample(rng)
        other = CellNetwork(
            renumbered(architecture.normal, rng),
            renumbered(architecture.reduce, rng),
            architecture.width,
            architecture.depth,
        )
        n_changed += other != architecture
        canonical = space.canonical(architecture)
        assert space.canonical(other) == canonical
        assert space.check(canonical) == space.canonical(canonical) == canonical
        assert space.to_text(other) == space.to_text(architecture) == space.to_text(canonical)
    assert n_changed > 6


def test_weights_that_nothing_reads_do_not_matter() -> None:
    """The newer input of the reduction cell is read by nothing, and some of its statements tie."""
    names = {"a": "avg_pool_3x3", "m": "max_pool_3x3", "s": "skip_connect"}

    def cell(edges: str, concat: tuple[int, ...]) -> Cell:
        return Cell(tuple((names[edge[0]], int(edge[1])) for edge in edges.split()), concat)

    normal = cell("s1 a0 s0 m0 m1 a2 s1 s0 a2 m2", (3, 4, 5, 6))
    reduce = cell("a0 s0 a0 s0 m0 a3 s0 s0 m4 a5", (2, 6))
    space, network = get_space("nds_enas"), CellNetwork(normal, reduce, 16, 4)
    text = space.to_text(network)
    assert to_text(from_text(text)) == to_text(space.to_onnx(network)) == text


def test_different_cells_stay_different() -> None:
    cells = [
        all_nodes(("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        all_nodes(("sep_conv_3x3", 0), ("sep_conv_3x3", 0)),
        all_nodes(("sep_conv_3x3", 1), ("sep_conv_3x3", 1)),
        all_nodes(("sep_conv_3x3", 0), ("skip_connect", 1)),
        all_nodes(("skip_connect", 0), ("sep_conv_3x3", 1)),
        all_nodes(("sep_conv_3x3", 0), ("none", 1)),
    ]
    assert len({canonical_cell(cell, is_reduction=False) for cell in cells}) == len(cells)
    assert len({text(cell) for cell in cells}) == len(cells)


SKIPPED = (("max_pool_3x3", 0), ("conv_1x1", 1), ("skip_connect", 2), ("none", 0))
POOLED = (("max_pool_3x3", 0), ("avg_pool_3x3", 1), ("avg_pool_3x3", 1), ("max_pool_3x3", 0))
SAME = {
    "an edge without effect reads anything": (
        (("sep_conv_3x3", 0), ("none", 0)),
        (("sep_conv_3x3", 0), ("none", 1)),
    ),
    "zeros stay zeros": (
        (("none", 0), ("none", 0), ("sep_conv_3x3", 2), ("max_pool_3x3", 0)),
        (("none", 1), ("none", 0), ("none", 2), ("max_pool_3x3", 0)),
    ),
    "who reads a mere skip reads what it reads": (
        (*SKIPPED, ("sep_conv_3x3", 2), ("conv_3x3", 3)),
        (*SKIPPED, ("sep_conv_3x3", 3), ("conv_3x3", 2)),
    ),
    "equal values without weights are one": (
        (*POOLED, ("sep_conv_3x3", 2), ("conv_3x3", 2)),
        (*POOLED, ("sep_conv_3x3", 2), ("conv_3x3", 3)),
    ),
}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("is_reduction", [False, True])
def test_cells_that_are_one_network(case: str, *, is_reduction: bool) -> None:
    first, second = (all_nodes(*edges) for edges in SAME[case])
    assert first != second
    assert canonical_cell(first, is_reduction=is_reduction) == canonical_cell(
        second, is_reduction=is_reduction
    )
    other = all_nodes(("max_pool_3x3", 0), ("max_pool_3x3", 1))
    pairs = [(other, cell) if is_reduction else (cell, other) for cell in (first, second)]
    assert text(*pairs[0]) == text(*pairs[1])


def test_a_strided_skip_is_no_identity() -> None:
    first = all_nodes(("skip_connect", 0), ("none", 0), ("sep_conv_3x3", 0), ("none", 0))
    second = all_nodes(("skip_connect", 0), ("none", 0), ("sep_conv_3x3", 2), ("none", 0))
    assert canonical_cell(first, is_reduction=False) == canonical_cell(second, is_reduction=False)
    assert canonical_cell(first, is_reduction=True) != canonical_cell(second, is_reduction=True)


def test_dead_nodes_are_not_written() -> None:
    used = (("sep_conv_3x3", 0), ("max_pool_3x3", 1))
    dead = (("sep_conv_5x5", 0), ("conv_1x1", 1))
    alone = Cell(used, (2,))
    assert normal_form(Cell((*dead, *used), (3,)), is_reduction=False) == normal_form(
        alone, is_reduction=False
    )
    assert text(Cell((*used, *dead), (2,)), alone) == text(alone)


def test_grouping_of_a_sum_leaves_no_trace_in_the_text() -> None:
    parts = [("sep_conv_3x3", 0), ("max_pool_3x3", 1), ("conv_1x1", 0), ("conv_3x3", 1)]
    texts = set()
    for a, b, c, d in permutations(parts):
        edges = (a, b, ("skip_connect", 2), c, ("skip_connect", 3), d)
        texts.add(text(Cell(edges, (4,)), all_nodes(parts[1], parts[1])))
    assert len(texts) == 1


def test_equal_nodes_are_one_whichever_is_output() -> None:
    """Nodes 3 and 4 are equal; one is an end, the other is part of a sum."""
    pools = (("avg_pool_3x3", 0), ("avg_pool_3x3", 2))
    head = (("sep_conv_3x3", 1), ("avg_pool_3x3", 0), *pools, *pools)
    first = Cell((*head, ("max_pool_3x3", 1), ("skip_connect", 3)), (4, 5))
    second = Cell((*head, ("max_pool_3x3", 1), ("skip_connect", 4)), (3, 5))
    assert canonical_cell(first, is_reduction=False) == canonical_cell(second, is_reduction=False)
    plain = Cell(head[:2], (2,))
    assert text(first, plain) == text(second, plain)


def test_all_zero_cells_are_written() -> None:
    zeros = all_nodes(("none", 0), ("none", 1))
    assert "Mul" in text(zeros)
    builder = GraphBuilder((1, 1, 1, 1))
    assert builder.zero(builder.x).shape == (1, 1, 1, 1)
