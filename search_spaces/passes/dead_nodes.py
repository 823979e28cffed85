"""Drop statements that no output needs."""

from search_spaces.graph import Function

__all__ = ["drop_dead_nodes"]


def drop_dead_nodes(body: Function) -> Function:
    """Return the body without the nodes from which no output can be reached.

    Inputs stay, used or not: `search_spaces.canonical` drops unused ones together with the
    arguments of the callers.
    """
    needed = set(body.outputs)
    kept = []
    for node in reversed(body.nodes):
        if not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
            needed.discard("")  # no value: an operand or a result that is left out
    if len(kept) == len(body.nodes):
        return body
    return body._replace(nodes=tuple(reversed(kept)))
