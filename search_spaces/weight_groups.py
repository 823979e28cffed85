"""Bodies in which the weights of a statement travel as one operand.

In nearly every network a weight serves one statement and stands behind the operands that are no
weights; a cell of twenty statements has forty weights, and whoever calls it names all of them. A
group is one operand in their place, so a pass over the statements handles three operands and not
thirty. `group_graph` says None where a weight is shared or stands elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from search_spaces.graph import DOMAIN, IMAGE_INPUT, Function, Graph, Node
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS

__all__ = ["CALL", "GroupedBody", "Groups", "group_graph"]

CALL = f"{DOMAIN}."
"""How the operator of a call begins."""
_GROUP = "\0"
"""First character of an operand that is a group; no value has such a name."""

Groups = Mapping[str, tuple[int, ...]]
"""For every group its weights, in order, as positions among the inputs of the body."""


@dataclass(eq=False, slots=True)
class GroupedBody:
    """A body whose statements have at most one operand for weights, the last one.

    Compared by identity, so that it can be the key of a cache at no cost.

    Attributes:
        inputs: All inputs, as they were; weights are the last ones.
        n_data: Number of inputs that are no weights.
        output: The only output.
        nodes: The statements.
        groups: What the operands stand for.
        calls: Called function and its number of operands that are no weights, one for each call.
    """

    inputs: tuple[str, ...]
    n_data: int
    output: str
    nodes: tuple[Node, ...]
    groups: Groups
    calls: tuple[tuple[str, int], ...]


def group_graph(graph: Graph) -> tuple[GroupedBody, dict[str, GroupedBody]] | None:
    """Group the weights of a graph.

    Returns:
        The main graph, and every function that is called; None if a weight is used twice, has
        values or stands before other operands, if a body has several outputs, or if the calls of a
        function differ in which operands are weights.
    """
    inputs = tuple([name for name, _ in graph.inputs])
    if graph.data or len(graph.outputs) != 1 or inputs[0] != IMAGE_INPUT:
        return None
    main = _group(inputs, 1, graph.outputs[0][0], graph.nodes)
    if main is None:
        return None
    bodies = [main]
    functions: dict[str, GroupedBody] = {}
    for body in bodies:
        for name, n_data in body.calls:
            if name not in functions:
                grouped = _group_function(graph.functions[name], n_data)
                if grouped is None:
                    return None
                functions[name] = grouped
                bodies.append(grouped)
            elif functions[name].n_data != n_data:
                return None
    return main, functions


@lru_cache(maxsize=1_024)
def _group_function(function: Function, n_data: int) -> GroupedBody | None:
    """Group the weights of a function."""
    if len(function.outputs) != 1:
        return None
    return _group(function.inputs, n_data, function.outputs[0], function.nodes)


def _group(
    inputs: tuple[str, ...], n_data: int, output: str, nodes: Sequence[Node]
) -> GroupedBody | None:
    """Group the weights of a body."""
    weights = inputs[n_data:]
    are_weights = set(weights)
    grouped: list[Node] = []
    groups: dict[str, tuple[int, ...]] = {}
    used: list[str] = []
    calls = []
    for node in nodes:
        op, operands, outputs, attributes = node
        split = 0
        for name in operands:
            if name in are_weights:
                break
            split += 1
        if op.startswith(CALL):
            calls.append((op[len(CALL) :], split))
        if split == len(operands):
            grouped.append(node)
            continue
        if op in COMMUTATIVE_OPS:
            return None
        group = f"{_GROUP}{len(groups)}"
        first = n_data + len(used)
        used += operands[split:]
        groups[group] = tuple(range(first, n_data + len(used)))
        grouped.append(Node(op, (*operands[:split], group), outputs, attributes))
    if output in are_weights:
        return None
    if used != list(weights):  # not declared in the order of use
        if len(set(used)) < len(used) or not are_weights.issuperset(used):
            return None
        place = {name: index for index, name in enumerate(weights, start=n_data)}
        places = [place[name] for name in used]
        groups = {
            group: tuple(places[own[0] - n_data : own[-1] - n_data + 1])
            for group, own in groups.items()
        }
    return GroupedBody(inputs, n_data, output, tuple(grouped), groups, tuple(calls))
