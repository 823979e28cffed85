"""Drop statements that hand on their operand unchanged.

Cases: ``Identity``; ``Dropout`` at inference (its second output, the mask, must be unused);
``Sum``, ``Concat``, ``Max``, ``Min`` and ``Mean`` of one operand. An output of the body may then
name one of its inputs; callers resolve that, see `search_spaces.canonical`.
"""

from collections.abc import Mapping

from search_spaces.graph import Function, Node

__all__ = ["drop_identities", "substitute"]

_ONE_OPERAND = frozenset({"Sum", "Concat", "Max", "Min", "Mean"})


def drop_identities(body: Function) -> Function:
    """Return the body without identities."""
    if not any(_may_be_identity(node) for node in body.nodes):
        return body
    used = {name for node in body.nodes for name in node.inputs} | set(body.outputs)
    renamed: dict[str, str] = {}
    kept = []
    for node in body.nodes:
        if _may_be_identity(node) and used.isdisjoint(node.outputs[1:]):
            renamed[node.outputs[0]] = renamed.get(node.inputs[0], node.inputs[0])
        else:
            kept.append(node)
    return substitute(body._replace(nodes=tuple(kept)), renamed)


def substitute(body: Function, renamed: Mapping[str, str]) -> Function:
    """Replace operands and outputs by name."""
    if not renamed:
        return body
    get = renamed.get
    nodes = tuple(
        [
            node
            if renamed.keys().isdisjoint(node.inputs)
            else node._replace(inputs=tuple([get(name, name) for name in node.inputs]))
            for node in body.nodes
        ]
    )
    return Function(body.inputs, tuple([get(name, name) for name in body.outputs]), nodes)


def _may_be_identity(node: Node) -> bool:
    """Tell whether the first output equals the first operand."""
    if node.op == "Identity":
        return True
    if node.op == "Dropout":
        return len(node.inputs) < 3
    return node.op in _ONE_OPERAND and len(node.inputs) == 1
