"""The fast way to canonical text gives the text of the passes, byte for byte."""

import numpy as np
import pytest

from search_spaces import SPACES, get_space
from search_spaces.canonical import canonicalize_graph
from search_spaces.fast_text import fast_text
from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.graph_printer import print_graph
from search_spaces.nds.cell import Cell, CellNetwork
from search_spaces.nds.cell_network import build_cell_network
from search_spaces.nds.cell_text import cell_network_text
from search_spaces.onnx_text import graph_to_text


def by_passes(graph: Graph) -> str:
    return print_graph(canonicalize_graph(graph))


@pytest.mark.parametrize("name", SPACES)
def test_text_of_every_space_is_that_of_the_passes(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(11)
    for _ in range(12):
        architecture = space.sample(rng)
        graph = space.build(architecture)
        expected = by_passes(graph)
        assert space.to_text(architecture) == expected
        assert graph_to_text(graph) == expected


def shared_weight() -> Graph:
    builder = GraphBuilder((1, 4, 8, 8))
    weight = builder.weight(4, 4, 1, 1)
    first = builder.node("Conv", [builder.x, weight], builder.x.shape)
    return builder.build(builder.node("Conv", [first, weight], first.shape))


def foldable_norm() -> Graph:
    builder = GraphBuilder((1, 4, 8, 8))
    return builder.build(builder.batch_norm(builder.conv(builder.x, 4, 3)))


def idle_function() -> Graph:
    def idle(body: Body, x: Value) -> Value:
        return body.node("Identity", [x], x.shape)

    builder = GraphBuilder((1, 4, 8, 8))
    return builder.build(builder.relu(builder.call(idle, builder.x)))


def weight_in_a_product() -> Graph:
    builder = GraphBuilder((1, 4, 8, 8))
    return builder.build(builder.mul(builder.x, builder.weight(1, 4, 1, 1)))


@pytest.mark.parametrize(
    "write", [shared_weight, foldable_norm, idle_function, weight_in_a_product]
)
def test_graphs_of_other_kinds_are_left_to_the_passes(write: object) -> None:
    assert callable(write)
    graph = write()
    assert fast_text(graph) is None
    assert graph_to_text(graph) == by_passes(graph)


def unordered_weights() -> Graph:
    """Declare weights in another order than that of their use, one of them for nothing."""
    builder = GraphBuilder((1, 4, 8, 8))
    late = builder.weight(8, 4, 1, 1)
    builder.weight(2, 2)
    early = builder.weight(4, 4, 3, 3)
    value = builder.node("Conv", [builder.x, early], (1, 4, 6, 6))
    return builder.build(builder.node("Conv", [value, late], (1, 8, 6, 6)))


def twins(n: int = 3) -> Graph:
    """Write equal branches, one of which is told from the others by its use alone."""

    def block(body: Body, x: Value, other: Value) -> Value:
        branches = [body.conv(value, 4, 1) for value in (x, other, x, other)[:n]]
        return body.concat(body.relu(branches[0]), body.add(*branches))

    builder = GraphBuilder((1, 4, 8, 8))
    left, right = (builder.conv(builder.x, 4, 1) for _ in range(2))
    return builder.build(builder.call(block, left, right))


@pytest.mark.parametrize("write", [unordered_weights, twins])
def test_order_of_weights_and_ties_are_those_of_the_passes(write: object) -> None:
    assert callable(write)
    graph = write()
    assert fast_text(graph) == by_passes(graph)


SKIP, POOL, CONV = "skip_connect", "max_pool_3x3", "sep_conv_3x3"
CELLS = {
    "older input is not read": Cell(((CONV, 1), (POOL, 1), (CONV, 2), (SKIP, 1)), (2, 3)),
    "newer input is not read": Cell(((CONV, 0), (POOL, 0), (CONV, 2), (SKIP, 0)), (3,)),
    "equal nodes, and a sum that only they read": Cell(
        ((POOL, 0), (POOL, 1), (SKIP, 2), (POOL, 0), (SKIP, 2), (POOL, 0)), (3, 4)
    ),
    "equal pools in different sums": Cell(((POOL, 0), (CONV, 1), (POOL, 0), (CONV, 0)), (2, 3)),
    "equal convolutions": Cell(((CONV, 0), (CONV, 0), (CONV, 1), (CONV, 1)), (2, 3)),
    "zeros": Cell((("none", 0), ("none", 1), (CONV, 1), (SKIP, 0)), (2, 3)),
    "hands on an input": Cell(((SKIP, 0), ("none", 1)), (2,)),
}


@pytest.mark.parametrize("first", CELLS)
@pytest.mark.parametrize("second", CELLS)
def test_text_of_cells_is_that_of_their_graph(first: str, second: str) -> None:
    for depth in (4, 8):
        network = CellNetwork(CELLS[first], CELLS[second], 16, depth)
        expected = by_passes(build_cell_network(network))
        assert cell_network_text(network) in {None, expected}
        assert graph_to_text(build_cell_network(network)) == expected


@pytest.mark.parametrize("name", ["nds_amoeba", "nds_darts"])
def test_most_cells_are_written_directly(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(2)
    texts = [cell_network_text(space.sample(rng)) for _ in range(60)]
    assert sum(text is None for text in texts) <= 2


def test_zeros_and_tied_calls_of_cells_are_written_directly() -> None:
    zeros, tied = CELLS["zeros"], CELLS["newer input is not read"]
    for normal, reduce in ((zeros, zeros), (tied, zeros), (tied, CELLS["equal convolutions"])):
        network = CellNetwork(normal, reduce, 16, 12)
        assert cell_network_text(network) == by_passes(build_cell_network(network))
