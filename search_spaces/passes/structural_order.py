"""Order statements and commutative operands by structure alone, never by name.

Every statement gets a colour: a hash of its operator, attributes and the colours of its operands
(a Merkle hash from the producers). Statements are sorted by depth, then colour, which is a
topological order. Where colours tie, `search_spaces.passes.tie_breaking` refines them by the
consumers (Weisfeiler-Leman over the data flow, both directions) and, while a tie is left, singles
out one of the tied statements and refines again. Statements that still tie then are exchangeable in
every network we know of, so any choice gives the same text; two graphs that this refinement cannot
tell from a symmetric one could in principle keep two texts.

Colours are those of `search_spaces.passes.colours`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import Attributes, Function, Node
from search_spaces.graph_printer import statement_head
from search_spaces.passes.colours import label, mix
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS
from search_spaces.passes.tie_breaking import break_ties

__all__ = ["order_by_structure", "sort_operands"]


@lru_cache(maxsize=16_384)
def _statement_label(op: str, attributes: Attributes) -> int:
    """Hash operator and attributes."""
    return label(statement_head(op, attributes))


class _Colours(NamedTuple):
    """Colours of values by name, and of statements by index, with their depth."""

    values: dict[str, int]
    nodes: list[int]
    depths: list[int]


def order_by_structure(body: Function, leaf_colours: Mapping[str, int]) -> Function:
    """Sort the statements, and the operands of commutative ones.

    Args:
        body: Nodes in any topological order, without dead or equal statements.
        leaf_colours: For every input of the body, a hash of what is known about it (its role
            and type).

    Returns:
        The body in canonical order; names are as they were.
    """
    colours = _producer_colours(body, leaf_colours)
    keys: list[tuple[int, ...]] = list(zip(colours.depths, colours.nodes, strict=True))
    leaves = dict(leaf_colours)
    if len(set(keys)) < len(keys) or _has_tied_leaves(body, leaf_colours):
        own = [leaf_colours[name] for name in body.inputs]
        refined, own = break_ties(body, colours.nodes, own, colours.depths)
        keys = [(*key, colour) for key, colour in zip(keys, refined, strict=True)]
        leaves = dict(zip(body.inputs, own, strict=True))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return body._replace(nodes=sort_operands([body.nodes[i] for i in order], leaves))


def _producer_colours(body: Function, leaf_colours: Mapping[str, int]) -> _Colours:
    """Hash every value from what produces it."""
    values = dict(leaf_colours)
    values[""] = 0
    depth_of = dict.fromkeys(values, 0)
    nodes, depths = [], []
    for op, inputs, outputs, attributes in body.nodes:
        operands = [values[name] for name in inputs]
        if op in COMMUTATIVE_OPS:
            operands.sort()
        operands.append(_statement_label(op, attributes))
        colour = mix(operands)
        depth = 1 + max([depth_of[name] for name in inputs], default=0)
        nodes.append(colour)
        depths.append(depth)
        for index, name in enumerate(outputs):
            values[name] = mix((colour, index)) if index else colour
            depth_of[name] = depth
    return _Colours(values, nodes, depths)


def _has_tied_leaves(body: Function, leaf_colours: Mapping[str, int]) -> bool:
    """Tell whether a commutative statement has two operands that only consumers tell apart."""
    for node in body.nodes:
        if node.op in COMMUTATIVE_OPS:
            leaves = [leaf_colours[name] for name in node.inputs if name in leaf_colours]
            if len(set(leaves)) < len(leaves):
                return True
    return False


def sort_operands(nodes: Sequence[Node], leaves: Mapping[str, int]) -> tuple[Node, ...]:
    """Sort operands of commutative statements: results by statement, then inputs by colour."""
    position: dict[str, tuple[int, int]] = {}
    last = len(nodes)
    result = list(nodes)
    for index, (op, inputs, outputs, attributes) in enumerate(nodes):
        if op in COMMUTATIVE_OPS:
            ranked = [
                position[name] if name in position else (last, leaves.get(name, 0))
                for name in inputs
            ]
            order = sorted(range(len(inputs)), key=ranked.__getitem__)
            operands = tuple([inputs[place] for place in order])
            result[index] = Node(op, operands, outputs, attributes)
        position[outputs[0]] = (index, 0)
        for number, name in enumerate(outputs[1:], start=1):
            position[name] = (index, number)
    return tuple(result)
