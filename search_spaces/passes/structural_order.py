"""Order statements and commutative operands by structure alone, never by name.

Every statement gets a colour: a hash of its operator, attributes and the colours of its operands
(a Merkle hash from the producers). Statements are sorted by depth, then colour, which is a
topological order. Where colours tie, they are refined by the consumers (Weisfeiler-Leman over the
data flow, both directions) and, if a tie is left, one of the tied statements is singled out and the
refinement runs again. Statements that still tie then are exchangeable in every network we know of,
so any choice gives the same text; two graphs that Weisfeiler-Leman refinement cannot tell from a
symmetric one could in principle keep two texts.

Colours are 64-bit integers mixed here and not by Python's `hash`, so that the order is the same in
every process, platform and Python version.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import Attributes, Function, Node
from search_spaces.graph_printer import statement_head
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS

__all__ = ["label", "order_by_structure"]

_MASK = (1 << 64) - 1
_MULTIPLIER = 0x9E3779B97F4A7C15
_SINGLED_OUT = 0x5851F42D4C957F2D
_OUTPUT_MARK = 0x2545F4914F6CDD1D


@lru_cache(maxsize=16_384)
def label(text: str) -> int:
    """Hash a string to 64 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=16_384)
def _statement_label(op: str, attributes: Attributes) -> int:
    """Hash operator and attributes."""
    return label(statement_head(op, attributes))


def _mix(parts: Sequence[int]) -> int:
    """Hash a sequence of 64-bit colours; the order counts."""
    state = len(parts)
    for part in parts:
        state = ((state ^ part) * _MULTIPLIER) & _MASK
        state ^= state >> 31
    return state


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
    value_colours = colours.values
    if len(set(keys)) < len(keys) or _has_tied_leaves(body, leaf_colours):
        nodes, value_colours = _refine_to_the_end(body, colours)
        keys = [(*key, node) for key, node in zip(keys, nodes, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return body._replace(nodes=_sort_operands([body.nodes[i] for i in order], value_colours))


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
        colour = _mix(operands)
        depth = 1 + max([depth_of[name] for name in inputs], default=0)
        nodes.append(colour)
        depths.append(depth)
        for index, name in enumerate(outputs):
            values[name] = _mix((colour, index)) if index else colour
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


def _refine_to_the_end(body: Function, colours: _Colours) -> tuple[list[int], dict[str, int]]:
    """Refine by consumers; single out tied statements until none tie."""
    nodes, values = _refine(body, list(colours.nodes), colours.values)
    while True:
        counts = Counter(nodes)
        tied = [
            (depth, colour, index)
            for index, (depth, colour) in enumerate(zip(colours.depths, nodes, strict=True))
            if counts[colour] > 1
        ]
        if not tied:
            return nodes, values
        chosen = min(tied)[2]
        nodes[chosen] = _mix((nodes[chosen], _SINGLED_OUT))
        nodes, values = _refine(body, nodes, values)


def _refine(
    body: Function, nodes: list[int], values: Mapping[str, int]
) -> tuple[list[int], dict[str, int]]:
    """Exchange colours between producers and consumers until no class splits."""
    n_classes = -1
    outputs = {name: index for index, name in enumerate(body.outputs)}
    refined = dict(values)
    while True:
        uses: dict[str, list[int]] = {name: [colour] for name, colour in refined.items()}
        for node, colour in zip(body.nodes, nodes, strict=True):
            is_commutative = node.op in COMMUTATIVE_OPS
            for position, name in enumerate(node.inputs):
                uses[name].append(_mix((colour, 0 if is_commutative else position)))
            for position, name in enumerate(node.outputs):
                uses[name].append(_mix((colour, _OUTPUT_MARK, position)))
        for name, index in outputs.items():
            uses[name].append(_mix((_OUTPUT_MARK, index)))
        refined = {name: _mix((seen[0], *sorted(seen[1:]))) for name, seen in uses.items()}
        nodes = [_node_colour(node, c, refined) for node, c in zip(body.nodes, nodes, strict=True)]
        found = len(set(nodes)) + len(set(refined.values()))
        if found == n_classes:
            return nodes, refined
        n_classes = found


def _node_colour(node: Node, colour: int, values: Mapping[str, int]) -> int:
    """Hash a statement with its operands and results."""
    operands = [values[name] for name in node.inputs]
    if node.op in COMMUTATIVE_OPS:
        operands.sort()
    return _mix((colour, *operands, *[values[name] for name in node.outputs]))


def _sort_operands(nodes: Sequence[Node], values: Mapping[str, int]) -> tuple[Node, ...]:
    """Sort operands of commutative statements: results by statement, then inputs by colour."""
    position: dict[str, tuple[int, int]] = {}
    result = []
    for index, node in enumerate(nodes):
        if node.op in COMMUTATIVE_OPS:
            ranked = sorted(
                node.inputs, key=lambda name: position.get(name, (len(nodes), values[name]))
            )
            node = node._replace(inputs=tuple(ranked))  # noqa: PLW2901
        result.append(node)
        for output, name in enumerate(node.outputs):
            position[name] = (index, output)
    return tuple(result)
