"""A body whose calls are canonical: order, names, content hash and print, weights in groups.

The second half of `search_spaces.fast_text`, behind its passes; also the way for a space that
writes canonical bodies itself (`search_spaces.nds.cell_text`). What is a group of weights stands in
`search_spaces.weight_groups`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from search_spaces.graph import IMAGE_INPUT, Attributes, Function, Node, weight_names
from search_spaces.graph_printer import attributes_text, function_head
from search_spaces.passes.colours import label, mix
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS
from search_spaces.passes.references import reference_names, rename_references, statement_colour
from search_spaces.passes.structural_order import sort_operands
from search_spaces.passes.tie_breaking import break_ties, split_once
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
_QUOTED = ", ".join([repr(name) for name in _NAMES])
_FIRST = tuple(range(MAX_WEIGHTS))
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
        plain: What `key` is the hash of.
        has_same_operands: Whether the operands that are left stand where they stood.
        has_same_names: Whether the attributes that are left have their old names.
    """

    key: str
    data: tuple[int, ...]
    weights: tuple[int, ...]
    attributes: Mapping[str, str]
    before: str = ""
    parts: tuple[str, ...] = ()
    calls: tuple["Callee", ...] = ()
    plain: str = ""
    has_same_operands: bool = False
    has_same_names: bool = False

    def calling(self, other: "Callee") -> "Callee":
        """Return the function that calls another one of the same operands in place of the last."""
        old, new = self.calls[-1].key, other.key
        plain = self.plain.replace(old, new)
        parts = tuple([new if part == old else part for part in self.parts])
        calls = (*self.calls[:-1], other)
        return replace(self, key=_key(plain), parts=parts, calls=calls, plain=plain)


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


class Spelling(NamedTuple):
    """How attributes are written: as ``repr`` does, and in ONNX text behind the operator."""

    plain: str
    text: str


class Statement(NamedTuple):
    """A statement with names by position.

    Attributes:
        node: The statement with its old names.
        spelling: How its attributes are written.
        data: New names of the operands that are no weights.
        first: Number of the first weight.
        last: Number behind the last weight.
        output: New names of the results.
    """

    node: Node
    spelling: "Spelling"
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
    has_same_names = all(old == new for old, new in attributes.items())
    if not has_same_names:
        nodes = [
            node._replace(attributes=rename_references(node.attributes, attributes))
            for node in nodes
        ]
    data, statements = name_body(nodes, body)
    used = [place for node in nodes for place in body.weights(node)]
    n_weights = len(used)
    if n_weights > MAX_WEIGHTS:
        return None
    names = list(data.values())
    calls = tuple([body.callees[node.op] for node in nodes if node.op in body.callees])
    weights = joined_weight_names(0, n_weights)
    before, after = function_head(
        ", ".join([*names, weights] if weights else names),
        list(attributes.values()),
        opset,
        is_nested=bool(calls),
    )
    places = tuple([inputs.index(name) for name in data])
    weight_places = tuple([place - n_data for place in used])
    plain = _plain_text(names, statements)
    return Callee(
        key=_key(plain),
        data=places,
        weights=weight_places,
        attributes=attributes,
        before=before,
        parts=(after, *print_body(statements, body)),
        calls=calls,
        plain=plain,
        has_same_operands=places == _FIRST[: len(places)] and weight_places == _FIRST[:n_weights],
        has_same_names=has_same_names,
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
        operands = {**labels, **{name: (colour,) for name, colour in data.items()}}
        refined = None if has_ties else split_once(body.function, own, operands)
        if refined is None:
            refined, colours = _break_ties(body, keys, *leaves())
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
        colour = mix(found) if depth > _SHALLOW else _mix_again(tuple(found))
        depth += 1
        keys.append((depth, colour))
        values[outputs[0]] = colour
        depth_of[outputs[0]] = depth
        for index, name in enumerate(outputs[1:], start=1):
            values[name] = mix((colour, index))
            depth_of[name] = depth
    return keys, has_ties


_SHALLOW = 1
"""Depth of operands up to which the same statements come back in body after body."""
_mix_again = lru_cache(maxsize=4_096)(mix)


def _break_ties(
    body: CanonicalBody,
    keys: Sequence[tuple[int, int]],
    inputs: Sequence[str],
    leaf_colours: Sequence[int],
) -> tuple[list[int], dict[str, int]]:
    """Refine the colours of all statements, and of those inputs that matter."""
    own = [colour for _, colour in keys]
    tied = _with_tied_weights(body, inputs, leaf_colours, own)
    colour_of = dict(zip(inputs, leaf_colours, strict=True))
    refined, colours = break_ties(
        tied, own, [colour_of[name] for name in tied.inputs], [depth for depth, _ in keys]
    )
    return refined, dict(zip(tied.inputs, colours, strict=True))


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
    groups = body.groups
    n_results = n_weights = 0
    for node in nodes:
        _, inputs, results, attributes = node
        first = n_weights
        if inputs and inputs[-1] in groups:
            n_weights += len(groups[inputs[-1]])
            inputs = inputs[:-1]
        for name in inputs:
            if name not in renamed:
                data[name] = renamed[name] = f"x{len(data)}" if data else IMAGE_INPUT
        for name in results:
            if name not in renamed:
                renamed[name] = f"v{n_results}"
                n_results += 1
        operands = tuple([renamed[name] for name in inputs])
        outputs = tuple([renamed[name] for name in results])
        spelling = _spelling(attributes)
        statements.append(Statement(node, spelling, operands, first, n_weights, outputs))
    return data, statements


def _key(plain: str) -> str:
    """Name a function by content, as `Function.digest` does."""
    return CALL + hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


def _plain_text(data: Sequence[str], statements: Sequence[Statement]) -> str:
    """Return what `Function.digest` hashes, for the function of these inputs and all weights."""
    nodes = [
        f"('{node.op}', {_plain_names(data, first, last)}, {_plain_names(outputs, 0, 0)}, "
        f"{spelling.plain})"
        for node, spelling, data, first, last, outputs in statements
    ]
    inputs = _plain_names(data, 0, statements[-1].last)
    return f"({inputs}, ('y',), [{', '.join(nodes)}])"


def _plain_names(data: Sequence[str], first: int, last: int) -> str:
    """Return the ``repr`` of the tuple of these names and the weights from first to last."""
    if first == last:
        comma = "," if len(data) == 1 else ""
        return "('" + "', '".join(data) + f"'{comma})" if data else "()"
    # quotes make every name longer by two
    weights = _QUOTED[_STARTS[first] + 2 * first : _STARTS[last] + 2 * last - 2]
    if data:
        return "('" + "', '".join(data) + f"', {weights})"
    return f"({weights})" if last > first + 1 else f"({weights},)"


@lru_cache(maxsize=16_384)
def _spelling(attributes: Attributes) -> Spelling:
    """Write attributes."""
    return Spelling(repr(attributes), f" {attributes_text(attributes)}" if attributes else "")


def joined_weight_names(first: int, last: int) -> str:
    """Return ``w3, w4`` for 3 and 5: the names of weights as operands."""
    return _JOINED[_STARTS[first] : max(_STARTS[last] - 2, _STARTS[first])]


def print_body(statements: Sequence[Statement], body: CanonicalBody) -> list[str]:
    """Print a body; the names of called functions are parts of their own."""
    parts: list[str] = []
    text = ""
    for node, spelling, data, first, last, outputs in statements:
        operands = ", ".join(data if "" not in data else [name or '""' for name in data])
        if first < last:
            names = joined_weight_names(first, last)
            operands = f"{operands}, {names}" if operands else names
        if node.op in body.callees:
            parts += (f"{text}   {', '.join(outputs)} = ", node.op)
            text = f"{spelling.text} ({operands})\n"
        else:
            text += f"   {', '.join(outputs)} = {node.op}{spelling.text} ({operands})\n"
    parts.append(text + "}")
    return parts
