"""A body whose calls are canonical: order, names, content hash and print, weights in groups.

The second half of `search_spaces.fast_text`, behind its passes; also the way for a space that
writes canonical bodies itself (`search_spaces.nds.cell_text`). What is a group of weights stands in
`search_spaces.weight_groups`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from search_spaces.graph import IMAGE_INPUT, Attributes, Function, Node, weight_names
from search_spaces.graph_printer import attributes_text, function_head
from search_spaces.passes.colours import label, mix
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS
from search_spaces.passes.references import reference_names, rename_references, statement_colour
from search_spaces.passes.structural_order import sort_operands
from search_spaces.passes.tie_breaking import break_ties
from search_spaces.weight_groups import CALL, Groups

__all__ = [
    "MAX_WEIGHTS",
    "Callee",
    "CanonicalBody",
    "Leaves",
    "Statement",
    "canonical_callee",
    "joined_weight_names",
    "name_body",
    "order_body",
    "print_body",
]

MAX_WEIGHTS = 4_096
"""Most weights of a body that is printed here."""
_NAMES = weight_names(0, MAX_WEIGHTS)
_JOINED = ", ".join(_NAMES)
_STARTS = (0, *accumulate([len(name) + 2 for name in _NAMES]))
_DATA, _WEIGHT = label("data"), label("weight")

Leaves = Callable[[], tuple[Sequence[str], Sequence[int]]]
"""Gives all inputs of a body, weights as well, and their colours."""


@dataclass(eq=False, slots=True)
class Callee:
    """A function in canonical form, and how its callers change; compared by identity.

    Attributes:
        key: Operator of the call, named by content.
        data: For every operand that is left and no weight, its old position.
        weights: The same for the weights, counted among the weights.
        attributes: New names of the attributes that are left.
        before: The text before the name.
        parts: The text behind the name, to be joined; called functions are named by key.
        calls: The called functions, call by call.
    """

    key: str
    data: tuple[int, ...]
    weights: tuple[int, ...]
    attributes: Mapping[str, str]
    before: str
    parts: tuple[str, ...]
    calls: tuple["Callee", ...]


class CanonicalBody(NamedTuple):
    """A body whose calls are canonical.

    Attributes:
        function: The statements and the output.
        groups: See `GroupedBody`.
        callees: The called functions by their keys.
    """

    function: Function
    groups: Groups
    callees: Mapping[str, Callee]

    def weights(self, node: Node) -> tuple[int, ...]:
        """Return the weights of a statement, as positions among the inputs."""
        return self.groups.get(node.inputs[-1], ()) if node.inputs else ()


class Statement(NamedTuple):
    """A statement with names by position.

    Attributes:
        node: The statement with its old names.
        data: New names of the operands that are no weights.
        first: Number of the first weight.
        last: Number behind the last weight.
        output: New names of the results.
    """

    node: Node
    data: tuple[str, ...]
    first: int
    last: int
    outputs: tuple[str, ...]


def canonical_callee(
    body: CanonicalBody, inputs: Sequence[str], n_data: int, opset: int
) -> Callee | None:
    """Canonicalise a function whose statements are clean.

    Args:
        body: Without dead, equal or idle statements; its output is the result of a statement.
        inputs: All inputs, weights behind the others.
        n_data: Number of inputs that are no weights.
        opset: Version of the default operator set.

    Returns:
        The function, or None if it has more than `MAX_WEIGHTS` weights.
    """
    labels = {group: (_WEIGHT,) * len(weights) for group, weights in body.groups.items()}

    def leaves() -> tuple[Sequence[str], Sequence[int]]:
        return inputs, [_DATA] * n_data + [_WEIGHT] * (len(inputs) - n_data)

    nodes = order_body(body, dict.fromkeys(inputs[:n_data], _DATA), labels, leaves)
    attributes = reference_names([node.attributes for node in nodes])
    if any(old != new for old, new in attributes.items()):
        nodes = [
            node._replace(attributes=rename_references(node.attributes, attributes))
            for node in nodes
        ]
    data, statements = name_body(nodes, body)
    n_weights = statements[-1].last
    if n_weights > MAX_WEIGHTS:
        return None
    function = Function((*data.values(), *_NAMES[:n_weights]), ("y",), tuple(nodes))
    before, after = function_head(function, opset)
    return Callee(
        key=CALL + _digest(function.inputs, statements),
        data=tuple([inputs.index(name) for name in data]),
        weights=tuple([place - n_data for node in nodes for place in body.weights(node)]),
        attributes=attributes,
        before=before,
        parts=(after, *print_body(statements, body)),
        calls=tuple([body.callees[node.op] for node in nodes if node.op in body.callees]),
    )


def order_body(
    body: CanonicalBody,
    data: Mapping[str, int],
    labels: Mapping[str, tuple[int, ...]],
    leaves: Leaves,
) -> list[Node]:
    """Sort the statements and the operands of commutative ones, as `order_by_structure` does.

    Args:
        body: Without dead or equal statements.
        data: Colours of the inputs that are no weights.
        labels: Colours of the weights of every group.
        leaves: Asked for where there are ties.
    """
    keys, has_ties = _statement_keys(body, data, labels)
    colours: Mapping[str, int] = data
    if has_ties or len(set(keys)) < len(keys):
        own = [colour for _, colour in keys]
        inputs, leaf_colours = leaves()
        tied = _with_tied_weights(body, inputs, leaf_colours, own)
        colour_of = dict(zip(inputs, leaf_colours, strict=True))
        refined, own = break_ties(
            tied,
            own,
            [colour_of[name] for name in tied.inputs],
            [depth for depth, _ in keys],
        )
        colours = dict(zip(tied.inputs, own, strict=True))
        ranks = [(*key, colour) for key, colour in zip(keys, refined, strict=True)]
        order = sorted(range(len(keys)), key=ranks.__getitem__)
    else:
        order = sorted(range(len(keys)), key=keys.__getitem__)
    return list(sort_operands([body.function.nodes[index] for index in order], colours))


def _statement_keys(
    body: CanonicalBody, data: Mapping[str, int], labels: Mapping[str, tuple[int, ...]]
) -> tuple[list[tuple[int, int]], bool]:
    """Return depth and colour of every statement, and whether only uses tell operands apart."""
    values = {"": 0, **data}
    depth_of = dict.fromkeys(values, 0)
    keys: list[tuple[int, int]] = []
    has_ties = False
    for op, operands, outputs, attributes in body.function.nodes:
        depth = 0
        found: list[int] = []
        for name in operands:
            if name in labels:
                found += labels[name]
            else:
                found.append(values[name])
                if depth_of[name] > depth:
                    depth = depth_of[name]
        if op in COMMUTATIVE_OPS:
            own = [values[name] for name in operands if name in data]
            has_ties = has_ties or len(set(own)) < len(own)
            found.sort()
        found.append(statement_colour(op, attributes))
        colour = mix(found)
        depth += 1
        keys.append((depth, colour))
        for index, name in enumerate(outputs):
            values[name] = mix((colour, index)) if index else colour
            depth_of[name] = depth
    return keys, has_ties


def _with_tied_weights(
    body: CanonicalBody,
    inputs: Sequence[str],
    leaf_colours: Sequence[int],
    node_colours: Sequence[int],
) -> Function:
    """Return the body with those weights that matter where ties are broken, as operands.

    A statement with a colour of its own keeps it, so its weights matter to nothing but whether
    there are other weights of their colour: one of each colour stands for all.
    """
    counts = Counter(node_colours)
    seen: set[int] = set()
    dropped: set[str] = set()
    nodes = []
    for node, colour in zip(body.function.nodes, node_colours, strict=True):
        weights = body.weights(node)
        if weights:
            names = [inputs[place] for place in weights]
            if counts[colour] == 1:
                kept = []
                for place, name in zip(weights, names, strict=True):
                    if leaf_colours[place] in seen:
                        dropped.add(name)
                    else:
                        seen.add(leaf_colours[place])
                        kept.append(name)
                names = kept
            node = node._replace(inputs=(*node.inputs[:-1], *names))  # noqa: PLW2901
        nodes.append(node)
    return Function(
        tuple([name for name in inputs if name not in dropped]),
        body.function.outputs,
        tuple(nodes),
    )


def name_body(
    nodes: Sequence[Node], body: CanonicalBody
) -> tuple[dict[str, str], list[Statement]]:
    """Name the values by position, as `name_by_position` does.

    Returns:
        New names of the inputs that are used and no weights, and the statements.
    """
    renamed = {"": "", body.function.outputs[0]: "y"}
    data: dict[str, str] = {}
    statements = []
    n_results = n_weights = 0
    for node in nodes:
        weights = body.weights(node)
        operands = []
        for name in node.inputs[:-1] if weights else node.inputs:
            if name not in renamed:
                data[name] = renamed[name] = f"x{len(data)}" if data else IMAGE_INPUT
            operands.append(renamed[name])
        for name in node.outputs:
            if name not in renamed:
                renamed[name] = f"v{n_results}"
                n_results += 1
        first, n_weights = n_weights, n_weights + len(weights)
        outputs = tuple([renamed[name] for name in node.outputs])
        statements.append(Statement(node, tuple(operands), first, n_weights, outputs))
    return data, statements


def _digest(inputs: tuple[str, ...], statements: Sequence[Statement]) -> str:
    """Return what `Function.digest` returns for the function."""
    nodes = [
        f"({node.op!r}, {(*data, *_NAMES[first:last])!r}, {outputs!r}, {_plain(node.attributes)})"
        for node, data, first, last, outputs in statements
    ]
    plain = f"({inputs!r}, ('y',), [{', '.join(nodes)}])"
    return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=16_384)
def _plain(attributes: Attributes) -> str:
    """Return the ``repr`` of attributes."""
    return repr(attributes)


def joined_weight_names(first: int, last: int) -> str:
    """Return ``w3, w4`` for 3 and 5: the names of weights as operands."""
    return _JOINED[_STARTS[first] : _STARTS[last] - 2]


def print_body(statements: Sequence[Statement], body: CanonicalBody) -> list[str]:
    """Print a body; the names of called functions are parts of their own."""
    parts: list[str] = []
    text = ""
    for node, data, first, last, outputs in statements:
        operands = ", ".join([name or '""' for name in data])
        if first < last:
            names = joined_weight_names(first, last)
            operands = f"{operands}, {names}" if operands else names
        head = f" {attributes_text(node.attributes)}" if node.attributes else ""
        if node.op in body.callees:
            parts += (f"{text}   {', '.join(outputs)} = ", node.op)
            text = f"{head} ({operands})\n"
        else:
            text += f"   {', '.join(outputs)} = {node.op}{head} ({operands})\n"
    parts.append(text + "}")
    return parts
