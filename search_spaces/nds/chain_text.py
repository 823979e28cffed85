"""The main graph of a network that calls cells: put in order, named and printed.

Every statement has one result and names its operands by the numbers of the statements that give
them, so nothing is looked up by name. Colours (`search_spaces.passes.structural_order`) are only
computed as far as statements of equal depth need them. Not for operands in any order.
"""

from collections.abc import Sequence
from typing import NamedTuple

from search_spaces.canonical_bodies import (
    MAX_WEIGHTS,
    Callee,
    CanonicalBody,
    joined_weight_names,
    order_body,
)
from search_spaces.fast_text import TypedWeights, declare_inputs, print_functions
from search_spaces.graph import (
    IMAGE_INPUT,
    OPSET,
    Attributes,
    Function,
    Node,
    ValueType,
    weight_names,
)
from search_spaces.graph_printer import attributes_text, graph_head, type_text
from search_spaces.passes.colours import mix, type_label
from search_spaces.passes.references import statement_colour

__all__ = ["IMAGE", "ChainStatement", "chain_text"]

IMAGE = -1
"""Operand that is the image."""


class ChainStatement(NamedTuple):
    """A statement of the main graph.

    Attributes:
        op: Operator; of a call, the key of the function.
        attributes: Of the operator.
        operands: Numbers of earlier statements, or `IMAGE`.
        weights: Operands behind these.
        callee: The called function.
    """

    op: str
    attributes: Attributes
    operands: tuple[int, ...]
    weights: TypedWeights
    callee: Callee | None


def chain_text(
    statements: Sequence[ChainStatement], image: ValueType, output: ValueType
) -> str | None:
    """Return the canonical text.

    Args:
        statements: Without equal ones; none is commutative; the last one gives the output.
        image: Type of the image.
        output: Type of the output.

    Returns:
        The text; None if there are too many weights.
    """
    live = _live(statements)
    order = _order(statements, live, image) or _tied_order(statements, live, image)
    names = {IMAGE: IMAGE_INPUT}
    declared: list[str] = []
    callees: list[Callee] = []
    parts = [""]
    text = ""
    for number, index in enumerate(order):
        op, attributes, operands, weights, callee = statements[index]
        names[index] = name = f"v{number}" if number < len(order) - 1 else "y"
        operand_text = ", ".join([names[operand] for operand in operands])
        if weights.texts:
            first = len(declared)
            declared += weights.texts
            if len(declared) > MAX_WEIGHTS:
                return None
            operand_text += f", {joined_weight_names(first, len(declared))}"
        head = f" {attributes_text(attributes)}" if attributes else ""
        if callee:
            callees.append(callee)
            parts += (f"{text}   {name} = ", op)
            text = f"{head} ({operand_text})\n"
        else:
            text += f"   {name} = {op}{head} ({operand_text})\n"
    parts.append(text + "}")
    parts[0] = graph_head(
        OPSET,
        declare_inputs(image, declared),
        f"{type_text(output)} y",
        has_functions=bool(callees),
    )
    return print_functions(parts, callees)


def _live(statements: Sequence[ChainStatement]) -> list[int]:
    """Return the numbers of the statements that the last one needs, ascending."""
    needed = {len(statements) - 1}
    for index in range(len(statements) - 1, -1, -1):
        if index in needed:
            needed.update(statements[index].operands)
    return sorted(needed - {IMAGE})


def _order(
    statements: Sequence[ChainStatement], live: Sequence[int], image: ValueType
) -> list[int] | None:
    """Return the canonical order of the live statements; None if two of them tie."""
    depths = [0] * (len(statements) + 1)  # the last one, at `IMAGE`, is that of the image
    colours = [*depths[:-1], type_label(image)]
    levels: list[list[int]] = [[] for _ in depths]
    for index in live:
        depth = 0
        for operand in statements[index].operands:
            if depths[operand] > depth:
                depth = depths[operand]
        levels[depth].append(index)
        depths[index] = depth + 1
    last = max([level[-1] for level in levels if len(level) > 1], default=IMAGE)
    for index in live:
        if index > last:
            break
        op, attributes, operands, weights, _ = statements[index]
        found = [colours[operand] for operand in operands]
        found += weights.labels
        found.append(statement_colour(op, attributes))
        colours[index] = mix(found)
    order: list[int] = []
    for level in levels:
        if len(level) > 1:
            if len({colours[index] for index in level}) < len(level):
                return None
            level.sort(key=colours.__getitem__)
        order += level
    return order


def _tied_order(
    statements: Sequence[ChainStatement], live: Sequence[int], image: ValueType
) -> list[int]:
    """Return the canonical order of the live statements where some of them tie."""
    names = {IMAGE: IMAGE_INPUT, **{index: f"v{index}" for index in range(len(statements))}}
    leaf_colours = [type_label(image)]
    nodes = []
    groups: dict[str, tuple[int, ...]] = {}
    labels: dict[str, tuple[int, ...]] = {}
    for index, (op, attributes, operands, weights, _) in enumerate(statements):
        inputs = tuple([names[operand] for operand in operands])
        if weights.labels:
            group = f"\0{index}"
            groups[group] = tuple(
                range(len(leaf_colours), len(leaf_colours) + len(weights.labels))
            )
            labels[group] = weights.labels
            leaf_colours += weights.labels
            inputs += (group,)
        nodes.append(Node(op, inputs, (names[index],), attributes))
    leaves = (IMAGE_INPUT, *weight_names(0, len(leaf_colours) - 1))
    function = Function((), (names[live[-1]],), tuple([nodes[index] for index in live]))
    body = CanonicalBody(function, groups, {})
    ordered = order_body(
        body, {IMAGE_INPUT: leaf_colours[0]}, labels, lambda: (leaves, leaf_colours)
    )
    numbers = {names[index]: index for index in live}
    return [numbers[node.outputs[0]] for node in ordered]
