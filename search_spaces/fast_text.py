"""Canonical text in one go, for graphs in which every weight serves one statement.

Passes, order and names are those of `search_spaces.canonical`, and so is the text, which
`tests/search_spaces/test_fast_text.py` holds for every space. What differs is that the weights of a
statement travel as one operand (`search_spaces.weight_groups`) and get their names in print. Not
for graphs of other kinds: they are left to `search_spaces.canonical`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.canonical_bodies import (
    MAX_WEIGHTS,
    Callee,
    CanonicalBody,
    Leaves,
    canonical_callee,
    name_body,
    order_body,
    print_body,
)
from search_spaces.graph import (
    IMAGE_INPUT,
    Attributes,
    Function,
    Graph,
    Node,
    ValueType,
    weight_names,
)
from search_spaces.graph_printer import graph_head, type_text
from search_spaces.passes.attributes import normalize_statements
from search_spaces.passes.batch_norm import foldable_pairs
from search_spaces.passes.colours import type_label
from search_spaces.passes.common_nodes import merge_common_nodes
from search_spaces.passes.dead_nodes import drop_dead_nodes
from search_spaces.passes.identities import drop_identities
from search_spaces.passes.sums import flatten_sums
from search_spaces.weight_groups import CALL, GroupedBody, group_graph

__all__ = [
    "NO_WEIGHTS",
    "TypedWeights",
    "clean_main",
    "declare_inputs",
    "fast_text",
    "flat_sums",
    "print_functions",
    "print_main",
    "typed_weights",
]


def fast_text(graph: Graph) -> str | None:
    """Return the canonical text of a graph, or None if it is not of the kind for this module."""
    body = clean_main(graph)
    if body is None:
        return None
    kinds = [kind for _, kind in graph.inputs]
    types = {
        group: tuple([kinds[place] for place in weights]) for group, weights in body.groups.items()
    }

    def leaves() -> tuple[list[str], list[int]]:
        return [name for name, _ in graph.inputs], [type_label(kind) for kind in kinds]

    return print_main(body, types, graph, leaves)


def clean_main(graph: Graph) -> CanonicalBody | None:
    """Return the main graph with canonical calls and clean statements, in no canonical order."""
    grouped = group_graph(graph)
    if grouped is None:
        return None
    main, functions = grouped
    known: dict[str, Callee | None] = {}

    def visit(name: str) -> Callee | None:
        if name not in known:
            called = tuple([visit(other) for other, _ in functions[name].calls])
            known[name] = _canonical_function(functions[name], called, graph.opset)
        return known[name]

    return _clean(main, [visit(name) for name, _ in main.calls], graph.opset)


@lru_cache(maxsize=1_024)
def _canonical_function(
    grouped: GroupedBody, called: tuple[Callee | None, ...], opset: int
) -> Callee | None:
    """Canonicalise a function; None if it is not of the kind for this module."""
    body = _clean(grouped, called, opset)
    return body and canonical_callee(body, grouped.inputs, grouped.n_data, opset)


def print_main(
    body: CanonicalBody, types: Mapping[str, tuple[ValueType, ...]], frame: Graph, leaves: Leaves
) -> str | None:
    """Print a canonical main graph and its functions.

    Args:
        body: The statements; clean, see `canonical_callee`.
        types: Types of the weights of every group.
        frame: Image, output and opset.
        leaves: Asked for where there are ties.

    Returns:
        The text, or None if the image is not used, or there are too many weights.
    """
    typed = {group: typed_weights(kinds) for group, kinds in types.items()}
    labels = {group: weights.labels for group, weights in typed.items()}
    image = frame.inputs[0][1]
    nodes = order_body(body, {IMAGE_INPUT: type_label(image)}, labels, leaves)
    data, statements = name_body(nodes, body)
    n_weights = statements[-1].last
    if IMAGE_INPUT not in data or n_weights > MAX_WEIGHTS:
        return None
    declared = [
        text
        for node, _, _, first, last, _ in statements
        if first < last
        for text in typed[node.inputs[-1]].texts
    ]
    output = f"{type_text(frame.outputs[0][1])} y"
    callees = [body.callees[node.op] for node in nodes if node.op in body.callees]
    head = graph_head(
        frame.opset, declare_inputs(image, declared), output, has_functions=bool(callees)
    )
    return print_functions([head, *print_body(statements, body)], callees)


def declare_inputs(image: ValueType, weights: Sequence[str]) -> str:
    """Declare the inputs of a main graph: the image, and weights with `TypedWeights.texts`."""
    declared = [""] * (2 * len(weights))
    declared[::2] = weights
    declared[1::2] = weight_names(0, len(weights))
    return f"{type_text(image)} {IMAGE_INPUT}{''.join(declared)}"


def print_functions(parts: Sequence[str], callees: Sequence[Callee]) -> str:
    """Print the functions of a main graph behind it, numbered in the order of their first call.

    Args:
        parts: The text of the main graph; a part that is the key of a function stands for its name.
        callees: The called functions, call by call.
    """
    parts = list(parts)
    queue = list(callees)
    functions: list[Callee] = []
    numbered: dict[str, str] = {}
    for callee in queue:
        if callee.key not in numbered:
            numbered[callee.key] = f"{CALL}f{len(functions)}"
            functions.append(callee)
            queue += callee.calls
    for index, callee in enumerate(functions):
        parts += (callee.before, f"f{index}", *callee.parts)
    return "".join([numbered.get(part, part) for part in parts])


class TypedWeights(NamedTuple):
    """Consecutive weights of the main graph.

    Attributes:
        labels: Colours of their types.
        texts: What stands before each name: ``, float[16] ``.
    """

    labels: tuple[int, ...]
    texts: tuple[str, ...]


NO_WEIGHTS = TypedWeights((), ())


@lru_cache(maxsize=4_096)
def typed_weights(kinds: tuple[ValueType, ...]) -> TypedWeights:
    """Describe weights by their types."""
    return TypedWeights(
        tuple([type_label(kind) for kind in kinds]),
        tuple([f", {type_text(kind)} " for kind in kinds]),
    )


def _clean(
    grouped: GroupedBody, called: Sequence[Callee | None], opset: int
) -> CanonicalBody | None:
    """Point the calls to canonical functions and drop and merge statements; None if it cannot."""
    callees = {}
    for (name, _), callee in zip(grouped.calls, called, strict=True):
        if callee is None:
            return None
        callees[CALL + name] = callee
    body = _rewrite_calls(grouped, callees)
    function = drop_dead_nodes(body.function)
    function = normalize_statements(function, opset)
    function = _merged_statements(drop_identities(function))
    if function.outputs[0] in grouped.inputs or foldable_pairs(function):
        return None
    return body._replace(function=function)


def _merged_statements(function: Function) -> Function:
    """Merge equal statements, and sums of sums."""
    merged = merge_common_nodes(function)
    return flat_sums(function if merged is function else drop_dead_nodes(merged))


def flat_sums(function: Function) -> Function:
    """Merge sums of sums, and statements that are equal then."""
    while (flat := flatten_sums(function)) is not function:
        function = drop_dead_nodes(merge_common_nodes(flat))
    return function


def _rewrite_calls(grouped: GroupedBody, callees: Mapping[str, Callee]) -> CanonicalBody:
    """Point every call to the canonical function and permute its operands."""
    function = Function((), (grouped.output,), grouped.nodes)
    if not callees:
        return CanonicalBody(function, grouped.groups, {})
    groups = dict(grouped.groups)
    nodes = []
    for node in grouped.nodes:
        callee = callees.get(node.op)
        if callee is None:
            nodes.append(node)
            continue
        _, operands, outputs, attributes = node
        weights = groups.get(operands[-1], ()) if operands else ()
        n_data = len(operands) - bool(weights)
        is_whole = n_data == len(callee.data) and len(weights) == len(callee.weights)
        if not (is_whole and callee.has_same_operands):
            operands = tuple([node.inputs[index] for index in callee.data])
            if callee.weights:
                group = node.inputs[-1]
                groups[group] = tuple([weights[index] for index in callee.weights])
                operands += (group,)
        if not callee.has_same_names or len(attributes) != len(callee.attributes):
            attributes = _renamed_attributes(attributes, callee.attributes)
        nodes.append(Node(callee.key, operands, outputs, attributes))
    by_key = {callee.key: callee for callee in callees.values()}
    return CanonicalBody(function._replace(nodes=tuple(nodes)), groups, by_key)


def _renamed_attributes(attributes: Attributes, names: Mapping[str, str]) -> Attributes:
    """Rename the attributes of a call; those that the function does not use are dropped."""
    return tuple(sorted([(names[old], value) for old, value in attributes if old in names]))
