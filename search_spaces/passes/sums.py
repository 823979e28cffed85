"""Write a sum of sums as one sum, so that the grouping of additions leaves no trace.

``Add(Add(a, b), c)`` becomes ``Sum(a, b, c)`` where nothing else reads the inner sum. Integers are
left alone (``Sum`` is for floats): one operand of the whole sum must come from an operator that
only floats have, such as a convolution.
"""

from collections import Counter

from search_spaces.graph import Function, Node

__all__ = ["flatten_sums"]

_SUMS = frozenset({"Add", "Sum"})
_FLOAT_OPS = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "GlobalAveragePool",
        "HardSigmoid",
        "HardSwish",
        "LayerNormalization",
        "Sigmoid",
        "Softmax",
        "Sum",
        "Tanh",
    }
)


def flatten_sums(body: Function) -> Function:
    """Return the body with nested sums flattened; two operands stay ``Add``."""
    producers = {node.outputs[0]: node for node in body.nodes if node.op in _SUMS}
    if not any(name in producers for node in producers.values() for name in node.inputs):
        return body
    uses = Counter([name for node in body.nodes for name in node.inputs])
    uses.update(body.outputs)
    floats = {node.outputs[0] for node in body.nodes if node.op in _FLOAT_OPS}
    operands: dict[str, tuple[str, ...]] = {}
    merged: set[str] = set()
    for node in body.nodes:
        if node.op not in _SUMS:
            continue
        inner = [name for name in node.inputs if name in operands and uses[name] == 1]
        flat = [part for name in node.inputs for part in _parts(name, operands, inner)]
        if node.op == "Sum" or not floats.isdisjoint(flat):
            merged.update(inner)
            operands[node.outputs[0]] = tuple(flat)
        else:
            operands[node.outputs[0]] = node.inputs
    if not merged:
        return body
    nodes = []
    for node in body.nodes:
        if node.op in _SUMS and node.outputs[0] not in merged:
            inputs = operands[node.outputs[0]]
            nodes.append(Node("Add" if len(inputs) == 2 else "Sum", inputs, node.outputs))
        elif node.outputs[0] not in merged:
            nodes.append(node)
    return body._replace(nodes=tuple(nodes))


def _parts(name: str, operands: dict[str, tuple[str, ...]], inner: list[str]) -> tuple[str, ...]:
    """Return the operands of an inner sum, or the value itself."""
    return operands[name] if name in inner else (name,)
