"""Canonical form of a graph: the same network gives the same statements, order and names.

Model-local functions are handled callees first, with the passes of `search_spaces.passes` on each
body; what a function does not use is dropped from its callers' arguments, a function that hands on
its input is dissolved, and functions that come out equal become one. The form is idempotent and
computes what the graph computed (up to a relabelling of the weights, and, for a BatchNorm whose
weights have no values, for the weights that the folded convolution would have).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from search_spaces.graph import DOMAIN, IMAGE_INPUT, Function, Graph, Node, ValueType
from search_spaces.passes.attributes import normalize_statements
from search_spaces.passes.canonical_names import name_by_position
from search_spaces.passes.common_nodes import merge_common_nodes
from search_spaces.passes.dead_nodes import drop_dead_nodes
from search_spaces.passes.identities import drop_identities, substitute
from search_spaces.passes.structural_order import label, order_by_structure

__all__ = ["canonicalize_graph"]

_PREFIX = f"{DOMAIN}."
Roles = tuple[bool, ...]
"""For every input of a function: whether every caller passes a weight."""


class _Canonical(NamedTuple):
    """A function in canonical form and how its callers change.

    Attributes:
        key: Operator of the call, named by content.
        function: The body.
        arguments: For every input of `function`, its position among the old inputs.
        results: For every output of `function`, its position among the old outputs.
        handed_on: Old outputs that are old inputs: (output position, input position).
    """

    key: str
    function: Function
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    handed_on: tuple[tuple[int, int], ...]


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
        if not unused:
            return result
        graph = _without_results(result, unused)


def _canonicalize_once(graph: Graph) -> Graph:
    """Canonicalise all bodies, callees first."""
    types = dict(graph.inputs)
    weights = types.keys() - {IMAGE_INPUT}
    body = Function(tuple(types), tuple([name for name, _ in graph.outputs]), graph.nodes)
    roles = _infer_roles(graph, weights)
    known: dict[str, _Canonical] = {}
    for name in _callees_first(graph.functions):
        function = _rewrite_calls(graph.functions[name], known)
        known[_PREFIX + name] = _canonical_function(function, roles[name], graph.opset)
    body = _clean(_rewrite_calls(body, known), graph.opset)
    leaves = {name: _type_label(kind) for name, kind in graph.inputs}
    body = order_by_structure(body, leaves)
    body, renamed = name_by_position(body, weights)
    if IMAGE_INPUT not in renamed:
        body = body._replace(inputs=(IMAGE_INPUT, *body.inputs))
        renamed = {IMAGE_INPUT: IMAGE_INPUT, **renamed}
    nodes, functions = _number_functions(body, {c.key: c.function for c in known.values()})
    output_types = [kind for _, kind in graph.outputs]
    return Graph(
        inputs=tuple([(new, types[old]) for old, new in renamed.items()]),
        outputs=tuple(zip(body.outputs, output_types, strict=True)),
        nodes=nodes,
        functions=functions,
        data={new: graph.data[old] for old, new in renamed.items() if old in graph.data},
        opset=graph.opset,
    )


@lru_cache(maxsize=4_096)
def _type_label(kind: ValueType) -> int:
    """Hash the type of a graph input."""
    return label(f"{kind.element}{kind.shape}")


def _clean(body: Function, opset: int) -> Function:
    """Apply the passes that drop and merge statements."""
    body = drop_dead_nodes(body)
    body = normalize_statements(body, opset)
    body = drop_identities(body)
    body = merge_common_nodes(body)
    return drop_dead_nodes(body)


@lru_cache(maxsize=8_192)
def _canonical_function(function: Function, is_weight: Roles, opset: int) -> _Canonical:
    """Canonicalise one function whose calls are canonical already."""
    body = _clean(function, opset)
    position = {name: index for index, name in enumerate(function.inputs)}
    handed_on = [(i, position[name]) for i, name in enumerate(body.outputs) if name in position]
    moved = {index for index, _ in handed_on}
    results = [index for index in range(len(body.outputs)) if index not in moved]
    body = body._replace(outputs=tuple([body.outputs[index] for index in results]))
    roles = dict(zip(function.inputs, is_weight, strict=True))
    leaves = {name: label("weight" if role else "data") for name, role in roles.items()}
    body = order_by_structure(body, leaves)
    body, renamed = name_by_position(body, {name for name, role in roles.items() if role})
    return _Canonical(
        key=f"{_PREFIX}{label(repr(body)):016x}",
        function=body,
        arguments=tuple([position[old] for old in renamed]),
        results=tuple(results),
        handed_on=tuple(handed_on),
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
            nodes.append(Node(callee.key, tuple([inputs[i] for i in callee.arguments]), kept))
    return substitute(body._replace(nodes=tuple(nodes)), renamed)


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


def _infer_roles(graph: Graph, weights: frozenset[str] | set[str]) -> dict[str, Roles]:
    """Find the inputs of functions that are weights at every call."""
    roles: dict[str, list[bool]] = {}
    order = _callees_first(graph.functions)
    bodies = [(graph.nodes, weights)]
    for name in reversed(order):
        roles[name] = [True] * len(graph.functions[name].inputs)
    for name in [None, *reversed(order)]:
        if name is None:
            nodes, is_weight = bodies[0]
        else:
            function = graph.functions[name]
            nodes = function.nodes
            is_weight = {i for i, w in zip(function.inputs, roles[name], strict=True) if w}
        for node in nodes:
            if node.op.startswith(_PREFIX):
                callee = roles[node.op[len(_PREFIX) :]]
                for index, argument in enumerate(node.inputs):
                    if argument not in is_weight:
                        callee[index] = False
    return {name: tuple(found) for name, found in roles.items()}


def _number_functions(
    body: Function, functions: Mapping[str, Function]
) -> tuple[tuple[Node, ...], dict[str, Function]]:
    """Name the functions ``f0``, ``f1``, ... in the order of their first call."""
    numbered: dict[str, str] = {}

    def rename(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        for node in nodes:
            if node.op.startswith(_PREFIX) and node.op not in numbered:
                numbered[node.op] = f"{_PREFIX}f{len(numbered)}"
        get = numbered.get
        return tuple([Node(get(op, op), *rest) for op, *rest in nodes])

    nodes = rename(body.nodes)
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
