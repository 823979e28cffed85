"""Name values by their place: ``x`` the data, ``w0...`` weights, ``v0...`` results, ``y`` the output.

Inputs are numbered and listed in the order in which the statements use them. Further data inputs of
a function are ``x1``, ``x2``; further outputs are ``y1``, ``y2``. An output that is an input of the
body, or that repeats another output, gets an ``Identity``: ONNX has no other way to say it.
"""

from collections.abc import Collection
from functools import lru_cache

from search_spaces.graph import Function, Node

__all__ = ["name_by_position"]


def name_by_position(body: Function, weights: Collection[str]) -> tuple[Function, dict[str, str]]:
    """Rename every value.

    Args:
        body: In canonical order.
        weights: Those inputs of the body that are weights.

    Returns:
        The renamed body, its inputs data first and those that nothing uses left out, and the new
        name of every input that is left.
    """
    body = _with_own_outputs(body)
    renamed = {"": ""}
    renamed.update(zip(body.outputs, _names("y", len(body.outputs)), strict=True))
    n_results = sum([len(node.outputs) for node in body.nodes])
    results = iter(_names("v", n_results, first="v0"))
    is_input = dict.fromkeys(body.inputs, True)
    used: dict[str, bool] = {}
    for node in body.nodes:
        for name in node.inputs:
            if name in is_input:
                used[name] = True
        for name in node.outputs:
            if name and name not in renamed:
                renamed[name] = next(results)
    used_data = [name for name in used if name not in weights]
    used_weights = [name for name in used if name in weights]
    inputs = dict(zip(used_data, _names("x", len(used_data)), strict=True))
    inputs.update(zip(used_weights, _names("w", len(used_weights), first="w0"), strict=True))
    renamed.update(inputs)
    get = renamed.__getitem__
    nodes = tuple(
        [
            Node(op, tuple(map(get, ins)), tuple(map(get, outs)), attributes)
            for op, ins, outs, attributes in body.nodes
        ]
    )
    return Function(tuple(inputs.values()), tuple(map(get, body.outputs)), nodes), inputs


@lru_cache(maxsize=4_096)
def _names(letter: str, count: int, first: str = "") -> tuple[str, ...]:
    """Return e.g. ``("x", "x1", "x2")``, or ``("w0", "w1")`` where `first` is ``"w0"``."""
    return tuple([first or letter, *[f"{letter}{i}" for i in range(1, count)]][:count])


def _with_own_outputs(body: Function) -> Function:
    """Give every output a statement of its own."""
    produced = {name for node in body.nodes for name in node.outputs}
    if produced.issuperset(body.outputs) and len(set(body.outputs)) == len(body.outputs):
        return body
    outputs: list[str] = []
    extra = []
    for index, name in enumerate(body.outputs):
        if name in produced and name not in outputs:
            outputs.append(name)
        else:
            outputs.append(f"{name}.output{index}")
            extra.append(Node("Identity", (name,), (outputs[-1],)))
    return Function(body.inputs, tuple(outputs), (*body.nodes, *extra))
