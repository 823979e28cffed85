"""Cells that are the same network: one representative, and what is to be written of a cell.

Nodes may stand in any order in which each reads earlier values, and the edges of a node in any
order. Besides,

- an edge with ``none``, or one that reads nothing but zeros, carries zeros whatever it reads;
- who reads a node that is a mere ``skip_connect`` reads what that node reads;
- two nodes with the same operations without weights on the same values are one value, which is in
  the output as often as they are;
- a node that nobody reads and the output does not contain is nothing;
- a node that only one ``skip_connect`` reads is part of the sum that reads it.

`normal_form` applies all of these; equal normal forms give equal text. `canonical_cell` must give
a cell of the same space: one with all nodes in its output is brought into the form that the first
three leave, one with loose ends only into order.

A convolution of zeros would give the constant of its BatchNorm; it counts as zero here, as it does
in `search_spaces.nasbench201`.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from search_spaces.nds.cell import N_INPUTS, Cell, Edge
from search_spaces.nds.operations import OPERATIONS

__all__ = ["Node", "canonical_cell", "normal_form"]

Node = tuple[bool, tuple[Edge, ...]]
"""Whether the output contains the node, and the edges it sums; no edge at all means zeros."""

_OP_INDEX = {op: index for index, op in enumerate(OPERATIONS)}
_OP_NAMES = tuple(OPERATIONS)
_WEIGHTED = frozenset([name for name, op in OPERATIONS.items() if op.has_weights])
_Key = tuple[bool, tuple[tuple[int, int], ...]]


@lru_cache(maxsize=2_048)
def normal_form(cell: Cell, *, is_reduction: bool) -> tuple[Node, ...]:
    """Return the nodes of a cell as they are written.

    Args:
        cell: Any cell.
        is_reduction: Whether edges that read an input of the cell have stride 2; a
            ``skip_connect`` there is no identity.
    """
    nodes = _without_dead(_resolved(cell, is_reduction=is_reduction))
    if any(op == "skip_connect" and source >= N_INPUTS for _, own in nodes for op, source in own):
        nodes = _without_dead(_flattened(nodes, is_reduction=is_reduction))
    return _sorted_nodes(nodes)


@lru_cache(maxsize=2_048)
def canonical_cell(cell: Cell, *, is_reduction: bool) -> Cell:
    """Return the representative of a cell, with as many nodes."""
    nodes: Sequence[Node] = [(value in cell.concat, edges) for value, edges in cell.nodes()]
    if all(is_output for is_output, _ in nodes):
        nodes = _resolved(cell, is_reduction=is_reduction)
    nodes = _sorted_nodes(nodes)
    edges = [edge for _, own in nodes for edge in (*own, *[("none", 0)] * (N_INPUTS - len(own)))]
    concat = [N_INPUTS + index for index, (is_output, _) in enumerate(nodes) if is_output]
    return Cell(tuple(edges), tuple(concat))


def _resolved(cell: Cell, *, is_reduction: bool) -> list[Node]:
    """Drop edges that carry zeros, and read every value where it is first computed."""
    meaning = list(range(N_INPUTS))
    zeros: set[int] = set()
    first: dict[tuple[Edge, ...], int] = {}
    nodes: list[Node] = []
    for value, edges in cell.nodes():
        live = tuple(
            [(op, meaning[source]) for op, source in edges if op != "none" and source not in zeros]
        )
        nodes.append((value in cell.concat, live))
        meaning.append(value)
        if not live:
            zeros.add(value)
        elif len(live) == 1 and _is_identity(live[0], is_reduction=is_reduction):
            meaning[value] = live[0][1]
        elif not any(_has_weights(edge, is_reduction=is_reduction) for edge in live):
            meaning[value] = first.setdefault(tuple(sorted(live)), value)
            _keep_in_output(nodes, meaning[value] - N_INPUTS)
    return nodes


def _keep_in_output(nodes: list[Node], first: int) -> None:
    """Let the first of equal nodes be in the output where only the last one is."""
    if nodes[-1][0] and not nodes[first][0]:
        nodes[first], nodes[-1] = (True, nodes[first][1]), (False, nodes[-1][1])


def _is_identity(edge: Edge, *, is_reduction: bool) -> bool:
    """Tell whether an edge hands on what it reads."""
    return edge[0] == "skip_connect" and not (is_reduction and edge[1] < N_INPUTS)


def _has_weights(edge: Edge, *, is_reduction: bool) -> bool:
    """Tell whether an edge has weights."""
    op, source = edge
    return op in _WEIGHTED or (is_reduction and source < N_INPUTS and op == "skip_connect")


def _flattened(nodes: Sequence[Node], *, is_reduction: bool) -> list[Node]:
    """Move the edges of a node that one ``skip_connect`` alone reads into the sum that reads it."""
    reads = Counter([source for _, edges in nodes for _, source in edges])
    result: list[Node] = []
    for is_output, edges in nodes:
        flat: list[Edge] = []
        for edge in edges:
            source = edge[1] - N_INPUTS
            is_part = (
                source >= 0
                and not result[source][0]
                and reads[edge[1]] == 1
                and _is_identity(edge, is_reduction=is_reduction)
            )
            flat += result[source][1] if is_part else (edge,)
        result.append((is_output, tuple(flat)))
    return result


def _without_dead(nodes: Sequence[Node]) -> Sequence[Node]:
    """Drop the nodes that the output does not need and number the others anew."""
    needed: set[int] = set()
    for index in range(len(nodes) - 1, -1, -1):
        is_output, edges = nodes[index]
        if is_output or N_INPUTS + index in needed:
            needed.add(N_INPUTS + index)
            needed.update([source for _, source in edges])
    kept = [index for index in range(len(nodes)) if N_INPUTS + index in needed]
    if len(kept) == len(nodes):
        return nodes
    values = [*range(N_INPUTS), *[N_INPUTS + index for index in kept]]
    number = {value: index for index, value in enumerate(values)}
    return [
        (nodes[index][0], tuple([(op, number[source]) for op, source in nodes[index][1]]))
        for index in kept
    ]


def _sorted_nodes(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the order of nodes and edges that comes first.

    The next node is always a smallest one among those that read numbered values only; where
    several are equally small, each is tried.
    """
    plain = [
        (is_output, [(_OP_INDEX[op], source) for op, source in edges])
        for is_output, edges in nodes
    ]
    keys = _smallest(plain, [0, 1, *[_UNNUMBERED] * len(nodes)], list(range(len(nodes))))
    return tuple(
        [
            (not is_inner, tuple([(_OP_NAMES[op], source) for source, op in edges]))
            for is_inner, edges in keys
        ]
    )


_UNNUMBERED = 1_000
"""Number of a node that has none yet: larger than all."""


def _smallest(
    nodes: Sequence[tuple[bool, Sequence[tuple[int, int]]]],
    number: list[int],
    left: list[int],
) -> list[_Key]:
    """Return the smallest sequence of keys for the nodes that are left."""
    found: list[_Key] = []
    number = list(number)
    while left:
        smallest: _Key | None = None
        ties: list[int] = []
        for index in left:
            is_output, edges = nodes[index]
            own = [(number[source], op) for op, source in edges]
            own.sort()
            if own and own[-1][0] == _UNNUMBERED:
                continue
            key = (not is_output, tuple(own))
            if smallest is None or key < smallest:
                smallest, ties = key, [index]
            elif key == smallest:
                ties.append(index)
        if smallest is None:
            break
        found.append(smallest)
        next_number = N_INPUTS + len(nodes) - len(left)
        rests = []
        for index in ties:
            number[N_INPUTS + index] = next_number
            rest = [other for other in left if other != index]
            if len(ties) == 1:
                left = rest
                break
            rests.append(_smallest(nodes, number, rest))
            number[N_INPUTS + index] = _UNNUMBERED
        else:
            return found + min(rests)
    return found
