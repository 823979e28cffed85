"""Edges of long texts: hubs are cut, classes hold what is alike, batches keep texts apart."""

import numpy as np
import pytest

from surrogates.inputs.batches import MAX_DENSE_STATEMENTS, by_length
from surrogates.inputs.edge_batches import MAX_CLASSES, MAX_FAN, PAIR_RELATIONS, EdgeLists
from surrogates.inputs.statements import StatementGraph


def chain(n_blocks: int) -> StatementGraph:
    """Equal blocks of two statements, one after the other."""
    size = 2 * n_blocks
    defines = np.array([(i, i + 1) for i in range(size - 1)], dtype=np.int32)
    none = np.empty((0, 2), dtype=np.int32)
    return StatementGraph(("Conv", "Relu") * n_blocks, defines, none, none)


def star(n_readers: int) -> StatementGraph:
    """One result that many statements read."""
    defines = np.array([(0, i + 1) for i in range(n_readers)], dtype=np.int32)
    none = np.empty((0, 2), dtype=np.int32)
    return StatementGraph(("Input",) + ("Relu",) * n_readers, defines, none, none)


def listed(graph: StatementGraph, n_layers: int = 3) -> EdgeLists:
    names = sorted(set(graph.statements))
    numbers = np.array([names.index(s) for s in graph.statements])
    return EdgeLists.of(graph, numbers, n_layers)


def test_no_dense_graph_has_a_hub_that_edges_leave_out() -> None:
    assert MAX_FAN >= MAX_DENSE_STATEMENTS


@pytest.mark.parametrize(("n_readers", "related"), [(MAX_FAN, True), (MAX_FAN + 1, False)])
def test_readers_of_a_hub_are_no_siblings(n_readers: int, *, related: bool) -> None:
    by, whom = listed(star(n_readers)).pairs[PAIR_RELATIONS.index("siblings")]
    assert bool((by != whom).any()) == related


def test_edges_grow_with_the_length_and_classes_do_not() -> None:
    short, long = listed(chain(50)), listed(chain(500))
    assert len(long.speakers) < 11 * len(short.speakers)
    for relation in range(len(PAIR_RELATIONS)):
        assert long.pairs[relation].shape[1] < 11 * short.pairs[relation].shape[1]
    for layer in range(3):
        n_short, n_long = (len(np.unique(lists.classes[layer])) for lists in (short, long))
        assert n_long == n_short
        assert n_long < 40


def test_a_class_holds_what_reads_the_same() -> None:
    classes = listed(star(5)).classes[-1]
    assert len(np.unique(classes)) == 2
    assert classes[0] != classes[1]


def test_classes_of_a_long_text_do_not_depend_on_texts_before_it() -> None:
    n_statements = MAX_CLASSES + 190
    defines = np.array([(i, i + 1) for i in range(n_statements - 1)], dtype=np.int32)
    none = np.empty((0, 2), dtype=np.int32)
    statements = tuple(f"Conv group={number}" for number in range(n_statements))
    graph = StatementGraph(statements, defines, none, none)
    numbers = np.arange(n_statements)
    alone = EdgeLists.of(graph, numbers, 2).classes
    behind = EdgeLists.of(graph, np.random.default_rng(0).permutation(numbers), 2).classes
    for layer, other in zip(alone, behind, strict=True):
        assert np.array_equal(layer, other)
        assert layer.max() < MAX_CLASSES
        assert np.bincount(layer).min() > 0


def test_an_operand_read_twice_tells_apart() -> None:
    none = np.empty((0, 2), dtype=np.int32)
    defines = np.array([(0, 1), (0, 2), (0, 2)], dtype=np.int32)
    classes = listed(StatementGraph(("Input", "Add", "Add"), defines, none, none)).classes[0]
    assert classes[1] != classes[2]


def test_long_and_short_graphs_share_no_batch() -> None:
    lengths = [3, MAX_DENSE_STATEMENTS, MAX_DENSE_STATEMENTS + 1, 2000, 2600]
    batches = [batch.tolist() for batch in by_length(lengths)]
    assert batches == [[0, 1], [2, 3, 4]]
