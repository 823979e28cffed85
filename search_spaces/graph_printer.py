"""Print a `Graph` exactly as `onnx.printer` prints the same model, a hundred times faster.

Only operator and attributes of a statement need ONNX's own formatting; those repeat, so they are
printed once by `onnx.printer` and cached. The names in the graph must be plain identifiers, which
canonical names are. Equality with `onnx.printer.to_text` is held by the ONNX text contract test.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import onnx
import onnx.printer

from search_spaces.graph import (
    DOMAIN,
    IR_VERSION,
    Attributes,
    AttributeValue,
    Graph,
    Node,
    Reference,
    Tensor,
    ValueType,
)

__all__ = [
    "attribute_proto",
    "attributes_text",
    "function_head",
    "graph_head",
    "print_graph",
    "statement_head",
    "type_text",
]

_GRAPH_NAME = "main"
_CALL = f"{DOMAIN}."


def attribute_proto(name: str, value: AttributeValue) -> onnx.AttributeProto:
    """Build the protobuf of one attribute; the type of the value decides the type in ONNX."""
    if isinstance(value, Reference):
        kind = onnx.AttributeProto.AttributeType.Value(value.kind.upper())
        return onnx.AttributeProto(name=name, type=kind, ref_attr_name=value.name)
    if isinstance(value, Tensor):
        tensor = onnx.TensorProto(
            data_type=value.element_type, dims=value.shape, raw_data=value.data
        )
        return onnx.helper.make_attribute(name, tensor)
    return onnx.helper.make_attribute(name, value)


def statement_head(op: str, attributes: Attributes) -> str:
    """Return what stands between ``=`` and the operands: ``Conv <group: int = 4>``."""
    return f"{op} {attributes_text(attributes)}" if attributes else op


@lru_cache(maxsize=16_384)
def attributes_text(attributes: Attributes) -> str:
    """Let ONNX print attributes: ``<group: int = 4>``."""
    node = onnx.NodeProto(op_type="Op", output=["o"])
    node.attribute.extend(attribute_proto(name, value) for name, value in attributes)
    holder = onnx.FunctionProto(name="f", domain=DOMAIN, node=[node])
    text: str = onnx.printer.to_text(holder)
    return text[text.index(" = Op ", text.index("{\n")) + 6 : text.rindex(" ()")]


@lru_cache(maxsize=4_096)
def type_text(value_type: ValueType) -> str:
    """Return ``float[1,3,32,32]``; a scalar has no brackets."""
    if not value_type.shape:
        return value_type.element
    return f"{value_type.element}[{','.join(map(str, value_type.shape))}]"


def print_graph(graph: Graph) -> str:
    """Print a graph as ONNX text.

    Args:
        graph: Every name must be an identifier: a letter or underscore, then letters, digits
            and underscores.

    Returns:
        The text that `onnx.printer.to_text` gives for the same model.
    """
    functions = graph.functions
    inputs = ", ".join([f"{type_text(kind)} {name}" for name, kind in graph.inputs])
    outputs = ", ".join([f"{type_text(kind)} {name}" for name, kind in graph.outputs])
    parts = [
        graph_head(graph.opset, inputs, outputs, has_functions=bool(functions)),
        *_statements(graph.nodes),
        "}",
    ]
    for name, function in functions.items():
        before, after = function_head(
            ", ".join(function.inputs),
            [reference.name for reference in function.references()],
            graph.opset,
            is_nested=any(node.op.startswith(_CALL) for node in function.nodes),
            outputs=", ".join(function.outputs),
        )
        parts += (before, name, after, *_statements(function.nodes), "}")
    return "".join(parts)


def graph_head(opset: int, inputs: str, outputs: str, *, has_functions: bool) -> str:
    """Return what stands before the statements of the main graph."""
    imports = f'"" : {opset}, "{DOMAIN}" : 1' if has_functions else f'"" : {opset}'
    return (
        f"<\n   ir_version: {IR_VERSION},\n   opset_import: [{imports}]\n>\n"
        f"{_GRAPH_NAME} ({inputs}) => ({outputs}) {{\n"
    )


def function_head(
    inputs: str, attributes: Sequence[str], opset: int, *, is_nested: bool, outputs: str = "y"
) -> tuple[str, str]:
    """Return what stands before the name of a function, and between name and statements."""
    # the official printer has no space behind this comma
    imports = f'"" : {opset},"{DOMAIN}" : 1' if is_nested else f'"" : {opset}'
    names = f"<{','.join(attributes)}>" if attributes else ""
    return (
        f'\n<\n  domain: "{DOMAIN}",\n  opset_import: [{imports}]\n>\n',
        f" {names}({inputs}) => ({outputs})\n{{\n",
    )


def _statements(nodes: Iterable[Node]) -> list[str]:
    """Print one line a node."""
    return [
        f"   {', '.join(node.outputs)} = {statement_head(node.op, node.attributes)} "
        f"({', '.join([name or _MISSING for name in node.inputs])})\n"
        for node in nodes
    ]


_MISSING = '""'
"""How a missing optional operand is written."""
