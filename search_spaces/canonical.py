"""Canonical form of a graph: the same network gives the same statements, order and names.

Model-local functions are handled callees first, with the passes of `search_spaces.passes` on each
body; what a function does not use is dropped from its callers' arguments, a function that hands on
its input is dissolved, and functions that come out equal become one. The form is idempotent and
computes what the graph computed (up to a relabelling of the weights, and, for a BatchNorm whose
weights have no values, for the weights that the folded convolution would have).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import (
    DOMAIN,
    IMAGE_INPUT,
    Attributes,
    Function,
    Graph,
    Node,
    ValueType,
)
from search_spaces.passes.attributes import normalize_statements
from search_spaces.passes.batch_norm import fold_batch_norm, fold_batch_norm_values, foldable_pairs
from search_spaces.passes.canonical_names import name_by_position
from search_spaces.passes.colours import label, type_label
from search_spaces.passes.common_nodes import merge_common_nodes
from search_spaces.passes.dead_nodes import drop_dead_nodes
from search_spaces.passes.identities import drop_identities, substitute
from search_spaces.passes.references import name_references, order_with_references
from search_spaces.passes.structural_order import order_by_structure
from search_spaces.passes.sums import flatten_sums

__all__ = ["canonicalize_graph", "number_functions"]

_PREFIX = f"{DOMAIN}."


class Role(IntEnum):
    """What the callers of a function pass for an input; the smallest of all calls counts."""

    DATA = 0
    WEIGHT = 1
    FREE_WEIGHT = 2
    """A weight without values that nothing else uses; it may absorb a BatchNorm."""


Roles = tuple[Role, ...]
"""The role of every input of a function."""


class _Canonical(NamedTuple):
    """A function in canonical form and how its callers change.

    Attributes:
        key: Operator of the call, named by content.
        function: The body.
        arguments: For every input of `function`, its position among the old inputs.
        results: For every output of `function`, its position among the old outputs.
        attributes: New names of those attributes that `function` still uses.
        handed_on: Old outputs that are old inputs: (output position, input position).
    """

    key: str
    function: Function
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    handed_on: tuple[tuple[int, int], ...]
    attributes: Mapping[str, str]


def canonicalize_graph(graph: Graph) -> Graph:
    """Return the canonical form of a graph.

    Args:
        graph: In topological order; weights are the inputs other than `IMAGE_INPUT`.

    Returns:
        The canonical graph. Weights that no statement uses are gone.
    """
    while True:
        result = _canonicalize_once(graph)
        unused = _unused_results(result)
        if unused:
            graph = _without_results(result, unused)
        elif not _may_fold_more(result) or _is_same(result, graph):
            return result
        else:
            graph = result


def _is_same(first: Graph, second: Graph) -> bool:
    """Compare statements, names included."""
    return first.nodes == second.nodes and dict(first.functions) == dict(second.functions)


def _may_fold_more(graph: Graph) -> bool:
    """Tell whether a BatchNorm kept its weights; merged statements may have set these free."""
    outputs = tuple([name for name, _ in graph.outputs])
    bodies = [Function((), outputs, graph.nodes), *graph.functions.values()]
    return any(foldable_pairs(body) for body in bodies)


def _canonicalize_once(graph: Graph) -> Graph:
    """Canonicalise all bodies, callees first."""
    graph = _without_dead_nodes(graph)
    types = dict(graph.inputs)
    weights = types.keys() - {IMAGE_INPUT}
    uses = Counter([name for node in graph.nodes for name in node.inputs])
    roles = {
        name: Role.FREE_WEIGHT if uses[name] == 1 and name not in graph.data else Role.WEIGHT
        for name in weights
    }
    known: dict[str, _Canonical] = {}
    if graph.functions:
        function_roles = _infer_roles(graph, roles)
        for name in _callees_first(graph.functions):
            function = _rewrite_calls(graph.functions[name], known)
            known[_PREFIX + name] = _canonical_function(
                function, function_roles[name], graph.opset
            )
    body = Function(tuple(types), tuple([name for name, _ in graph.outputs]), graph.nodes)
    body = _rewrite_calls(body, known)
    free = [name for name, role in roles.items() if role is Role.FREE_WEIGHT]
    data = dict(graph.data)
    if data:
        body, folded = fold_batch_norm_values(drop_identities(drop_dead_nodes(body)), data)
        data.update(folded)
        for name, array in folded.items():
            types[name] = ValueType("float", array.shape)
        weights = types.keys() - {IMAGE_INPUT}
    body = _clean(body, graph.opset, free)
    leaves = {name: type_label(kind) for name, kind in types.items()}
    body = order_by_structure(body, leaves)
    body, renamed = name_by_position(body, weights)
    if IMAGE_INPUT not in renamed:
        body = body._replace(inputs=(IMAGE_INPUT, *body.inputs))
        renamed = {IMAGE_INPUT: IMAGE_INPUT, **renamed}
    nodes, functions = number_functions(body.nodes, {c.key: c.function for c in known.values()})
    output_types = [kind for _, kind in graph.outputs]
    return Graph(
        inputs=tuple([(new, types[old]) for old, new in renamed.items()]),
        outputs=tuple(zip(body.outputs, output_types, strict=True)),
        nodes=nodes,
        functions=functions,
        data={new: data[old] for old, new in renamed.items() if old in data},
        opset=graph.opset,
    )


def _without_dead_nodes(graph: Graph) -> Graph:
    """Drop them from all bodies, before their operands say what a function is called with."""
    outputs = tuple([name for name, _ in graph.outputs])
    main = drop_dead_nodes(Function((), outputs, graph.nodes))
    functions = {name: drop_dead_nodes(body) for name, body in graph.functions.items()}
    return graph._replace(nodes=main.nodes, functions=functions)


def _clean(body: Function, opset: int, free_weights: Collection[str]) -> Function:
    """Apply the passes that drop, fold and merge statements."""
    body = drop_dead_nodes(body)
    body = normalize_statements(body, opset)
    body = drop_identities(body)
    body = fold_batch_norm(body, free_weights)
    body = drop_dead_nodes(merge_common_nodes(body))
    while (flat := flatten_sums(body)) is not body:
        body = drop_dead_nodes(merge_common_nodes(flat))
    return body


@lru_cache(maxsize=8_192)
def _canonical_function(function: Function, roles: Roles, opset: int) -> _Canonical:
    """Canonicalise one function whose calls are canonical already."""
    role_of = dict(zip(function.inputs, roles, strict=True))
    free = [name for name, role in role_of.items() if role is Role.FREE_WEIGHT]
    body = _clean(function, opset, free)
    position = {name: index for index, name in enumerate(function.inputs)}
    handed_on = [(i, position[name]) for i, name in enumerate(body.outputs) if name in position]
    moved = {index for index, _ in handed_on}
    results = [index for index in range(len(body.outputs)) if index not in moved]
    body = body._replace(outputs=tuple([body.outputs[index] for index in results]))
    leaves = {name: label("weight" if role else "data") for name, role in role_of.items()}
    body, attributes = name_references(order_with_references(body, leaves))
    body, renamed = name_by_position(body, {name for name, role in role_of.items() if role})
    return _Canonical(
        key=_PREFIX + body.digest(),
        function=body,
        arguments=tuple([position[old] for old in renamed]),
        results=tuple(results),
        handed_on=tuple(handed_on),
        attributes=attributes,
    )


def _rewrite_calls(body: Function, known: Mapping[str, _Canonical]) -> Function:
    """Point every call to the canonical function and permute its arguments."""
    if not known:
        return body
    nodes = []
    renamed: dict[str, str] = {}
    for node in body.nodes:
        callee = known.get(node.op)
        if callee is None:
            nodes.append(node)
            continue
        inputs, outputs = node.inputs, node.outputs
        for result, argument in callee.handed_on:
            renamed[outputs[result]] = renamed.get(inputs[argument], inputs[argument])
        if callee.results:
            kept = tuple([outputs[index] for index in callee.results])
            arguments = tuple([inputs[i] for i in callee.arguments])
            attributes = node.attributes and _renamed_attributes(node, callee.attributes)
            nodes.append(Node(callee.key, arguments, kept, attributes))
    return substitute(body._replace(nodes=tuple(nodes)), renamed)


def _renamed_attributes(node: Node, names: Mapping[str, str]) -> Attributes:
    """Rename the attributes of a call; those that the function does not use are dropped."""
    return tuple(sorted([(names[old], value) for old, value in node.attributes if old in names]))


def _callees_first(functions: Mapping[str, Function]) -> list[str]:
    """Order functions so that a callee stands before its callers."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            for node in functions[name].nodes:
                if node.op.startswith(_PREFIX):
                    visit(node.op[len(_PREFIX) :])
            order[name] = None

    for name in functions:
        visit(name)
    return list(order)


def _infer_roles(graph: Graph, weights: Mapping[str, Role]) -> dict[str, Roles]:
    """Find the role of every input of every function, callers first."""
    order = _callees_first(graph.functions)[::-1]
    roles = {name: [Role.FREE_WEIGHT] * len(graph.functions[name].inputs) for name in order}
    _lower_roles(graph.nodes, weights, roles)
    for name in order:
        function = graph.functions[name]
        uses = Counter([operand for node in function.nodes for operand in node.inputs])
        own = {
            operand: min(role, Role.WEIGHT) if uses[operand] > 1 else role
            for operand, role in zip(function.inputs, roles[name], strict=True)
        }
        roles[name] = list(own.values())
        _lower_roles(function.nodes, own, roles)
    return {name: tuple(found) for name, found in roles.items()}


def _lower_roles(
    nodes: tuple[Node, ...], weights: Mapping[str, Role], roles: dict[str, list[Role]]
) -> None:
    """Lower the roles of callees to what the calls in these nodes pass."""
    for node in nodes:
        if node.op.startswith(_PREFIX):
            callee = roles[node.op[len(_PREFIX) :]]
            for index, argument in enumerate(node.inputs):
                role = weights.get(argument, Role.DATA)
                if role < callee[index]:
                    callee[index] = role


def number_functions(
    nodes: tuple[Node, ...], functions: Mapping[str, Function]
) -> tuple[tuple[Node, ...], dict[str, Function]]:
    """Name the functions ``f0``, ``f1``, ... in the order of their first call.

    Args:
        nodes: Of the main graph.
        functions: Operator of its calls to every function.

    Returns:
        The nodes, and the functions that are called by their names.
    """
    numbered: dict[str, str] = {}

    def rename(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        for node in nodes:
            if node.op.startswith(_PREFIX) and node.op not in numbered:
                numbered[node.op] = f"{_PREFIX}f{len(numbered)}"
        get = numbered.get
        return tuple([Node(get(op, op), ins, outs, attrs) for op, ins, outs, attrs in nodes])

    nodes = rename(nodes)
    result: dict[str, Function] = {}
    while len(result) < len(numbered):
        for key in list(numbered)[len(result) :]:
            function = functions[key]
            result[numbered[key][len(_PREFIX) :]] = function._replace(nodes=rename(function.nodes))
    return nodes, result


def _unused_results(graph: Graph) -> dict[str, set[int]]:
    """Find outputs of functions that no caller uses."""
    if all(len(function.outputs) == 1 for function in graph.functions.values()):
        return {}
    unused = {name: set(range(len(f.outputs))) for name, f in graph.functions.items()}
    bodies = [(graph.nodes, [name for name, _ in graph.outputs])]
    bodies += [(f.nodes, list(f.outputs)) for f in graph.functions.values()]
    for nodes, outputs in bodies:
        used = {name for node in nodes for name in node.inputs} | set(outputs)
        for node in nodes:
            if node.op.startswith(_PREFIX):
                found = {i for i, name in enumerate(node.outputs) if name in used}
                unused[node.op[len(_PREFIX) :]] -= found
    return {name: indices for name, indices in unused.items() if indices}


def _without_results(graph: Graph, unused: Mapping[str, set[int]]) -> Graph:
    """Drop outputs of functions, and the names that callers gave them."""

    def keep(names: tuple[str, ...], dropped: set[int]) -> tuple[str, ...]:
        return tuple([name for index, name in enumerate(names) if index not in dropped])

    def rewrite(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        empty: set[int] = set()
        return tuple(
            [
                node._replace(
                    outputs=keep(node.outputs, unused.get(node.op.removeprefix(_PREFIX), empty))
                )
                if node.op.startswith(_PREFIX)
                else node
                for node in nodes
            ]
        )

    functions = {
        name: Function(f.inputs, keep(f.outputs, unused.get(name, set())), rewrite(f.nodes))
        for name, f in graph.functions.items()
    }
    return graph._replace(nodes=rewrite(graph.nodes), functions=functions)
