"""Convert between `Graph` and `onnx.ModelProto`.

Reading keeps the structure and drops the rest: doc strings, metadata, producer, value types inside
the graph, overload names. Initializers become typed weights whose values stay beside the graph;
small constants that say something about the structure (lists of integers such as a Reshape target,
scalars such as a Clip limit) stay as ``Constant`` statements.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
from numpy.typing import NDArray

from search_spaces.errors import UnsupportedModelError
from search_spaces.graph import (
    DOMAIN,
    IMAGE_INPUT,
    Attributes,
    AttributeValue,
    Function,
    Graph,
    Node,
    Reference,
    Tensor,
    ValueType,
)
from search_spaces.graph_printer import attribute_proto, print_graph
from search_spaces.model_checks import check_structure, sorted_nodes

__all__ = ["from_model", "to_model"]

MAX_CONSTANT_ELEMENTS = 64
"""Integer constants up to this size stay in the text; larger ones become weights."""

_ELEMENT_NAMES = {
    number: name.lower()
    for name, number in onnx.TensorProto.DataType.items()
    if number != onnx.TensorProto.UNDEFINED
}


def to_model(graph: Graph) -> onnx.ModelProto:
    """Convert a graph whose names are identifiers, e.g. a canonical one.

    Returns:
        The model; weights with values are initializers, the others are typed graph inputs.
    """
    if not graph.data:
        return onnx.parser.parse_model(print_graph(graph))
    inputs = tuple([item for item in graph.inputs if item[0] not in graph.data])
    model = onnx.parser.parse_model(print_graph(graph._replace(inputs=inputs)))
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in graph.data.items()
    )
    return model


def from_model(model: onnx.ModelProto) -> Graph:
    """Convert a model.

    Args:
        model: Nodes in topological order; static shapes.

    Raises:
        UnsupportedModelError: If canonical text cannot say what the model holds: control flow,
            sparse tensors, dynamic shapes, unknown operator domains, several image inputs.
    """
    opset = check_structure(model)
    graph = model.graph
    constants, data = _split_initializers(graph.initializer)
    names = {f.name if f.domain == DOMAIN else f"{f.domain}_{f.name}": f for f in model.functions}
    if len(names) < len(model.functions):
        raise UnsupportedModelError(
            "Functions of several domains must differ in domain and name joined by an underscore, but "
            "some do not. Rename one of them."
        )
    calls = {(f.domain, f.name): _signature(f, name) for name, f in names.items()}
    defined = {*[v.name for v in graph.input], *[t.name for t in graph.initializer]}
    main = sorted_nodes(graph.node, defined, [v.name for v in graph.output], "the main graph")
    nodes = [*constants, *_read_nodes(main, calls)]
    inputs, renamed = _read_inputs(graph, data)
    nodes, more_data = _lift_constants(nodes)
    data.update(more_data)
    inputs += [(n, _array_type(a)) for n, a in more_data.items()]
    outputs = [(_renamed(v.name, renamed), _value_type(v)) for v in graph.output]
    if renamed:
        nodes = [
            Node(
                n.op,
                tuple(_renamed(i, renamed) for i in n.inputs),
                tuple(_renamed(o, renamed) for o in n.outputs),
                n.attributes,
            )
            for n in nodes
        ]
    return Graph(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        nodes=tuple(nodes),
        functions={name: _read_function(f, calls, name) for name, f in names.items()},
        data=data,
        opset=opset,
    )


class _Signature(NamedTuple):
    """How a function is called.

    Attributes:
        name: Name in the graph.
        n_inputs: Number of inputs.
        kinds: Type of each attribute that the function uses.
        declared: All attributes that a call may give.
        defaults: Values of attributes that a call may leave out.
    """

    name: str
    n_inputs: int
    kinds: Mapping[str, str]
    declared: frozenset[str]
    defaults: Mapping[str, AttributeValue]


_Calls = Mapping[tuple[str, str], _Signature]


def _signature(function: onnx.FunctionProto, name: str) -> _Signature:
    """Read the head of a function."""
    declared = {*function.attribute, *[item.name for item in function.attribute_proto]}
    kinds: dict[str, str] = {}
    for node in function.node:
        for item in node.attribute:
            reference = item.ref_attr_name
            if not reference:
                continue
            kind = onnx.AttributeProto.AttributeType.Name(item.type).lower()
            if reference not in declared or kinds.setdefault(reference, kind) != kind:
                raise UnsupportedModelError(
                    f"References must name an attribute of their function, always with one type, "
                    f"but {node.op_type} in {name!r} refers to '@{reference}' as {kind}. "
                    "Inline that function first."
                )
    defaults = {
        item.name: _read_value(item, name)
        for item in function.attribute_proto
        if item.name in kinds
    }
    return _Signature(name, len(function.input), kinds, frozenset(declared), defaults)


def _read_function(function: onnx.FunctionProto, calls: _Calls, name: str) -> Function:
    """Convert a function; it must take its weights as inputs."""
    nodes = sorted_nodes(function.node, function.input, function.output, f"function {name!r}")
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t") and not _is_structural(attribute.t):
                raise UnsupportedModelError(
                    f"Functions must take weights as inputs, but {name!r} holds a constant of "
                    f"shape {list(attribute.t.dims)!r}. Inline that function first."
                )
    return Function(
        tuple(function.input), tuple(function.output), tuple(_read_nodes(nodes, calls, name))
    )


def _renamed(name: str, renamed: dict[str, str]) -> str:
    """Look a name up."""
    return renamed.get(name, name)


def _split_initializers(
    initializers: Iterable[onnx.TensorProto],
) -> tuple[list[Node], dict[str, NDArray[np.generic]]]:
    """Separate structural constants from weights."""
    constants, data = [], {}
    for tensor in initializers:
        if _is_structural(tensor):
            attribute = ("value", _read_tensor(tensor))
            constants.append(Node("Constant", (), (tensor.name,), (attribute,)))
        else:
            data[tensor.name] = _array(tensor)
    return constants, data


def _is_structural(tensor: onnx.TensorProto) -> bool:
    """Tell a small constant that belongs to the structure from a weight."""
    is_index = tensor.data_type in _INDEX_TYPES
    return not tensor.dims or (is_index and prod(tensor.dims) <= MAX_CONSTANT_ELEMENTS)


_INDEX_TYPES = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL})


def _array(tensor: onnx.TensorProto) -> NDArray[np.generic]:
    """Return the values of a tensor that may come from anywhere."""
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(
            f"Tensors must hold as many values as their shape says, but those of "
            f"{tensor.name[:80]!r} of shape {list(tensor.dims)[:16]!r} cannot be read: {error}."
        ) from error


def _read_tensor(tensor: onnx.TensorProto) -> Tensor:
    """Copy a small constant."""
    array = _array(tensor)
    return Tensor(tensor.data_type, tuple(tensor.dims), array.tobytes())


def _lift_constants(nodes: list[Node]) -> tuple[list[Node], dict[str, NDArray[np.generic]]]:
    """Turn large ``Constant`` statements of the main graph into weights."""
    kept, data = [], {}
    for node in nodes:
        value = node.attributes[0][1] if node.op == "Constant" and node.attributes else None
        if isinstance(value, Tensor):
            tensor = onnx.TensorProto(
                data_type=value.element_type, dims=value.shape, raw_data=value.data
            )
            if not _is_structural(tensor):
                data[node.outputs[0]] = _array(tensor)
                continue
        kept.append(node)
    return kept, data


def _read_inputs(
    graph: onnx.GraphProto, data: dict[str, NDArray[np.generic]]
) -> tuple[list[tuple[str, ValueType]], dict[str, str]]:
    """List image and weights; the image gets its canonical name."""
    initialized = {tensor.name for tensor in graph.initializer}
    open_inputs = [value for value in graph.input if value.name not in initialized]
    named = [value for value in open_inputs if value.name == IMAGE_INPUT]
    images = named or open_inputs
    if len(images) != 1:
        found = ", ".join(repr(value.name) for value in images[:4]) or "none"
        raise UnsupportedModelError(
            f"Model must have one image input, but has {len(images)} ({found}). "
            f"Name the image input {IMAGE_INPUT!r}; all other inputs are then weights."
        )
    image = images[0]
    inputs = [(IMAGE_INPUT, _value_type(image))]
    inputs += [(value.name, _value_type(value)) for value in open_inputs if value is not image]
    inputs += [(name, _array_type(array)) for name, array in data.items()]
    if image.name == IMAGE_INPUT:
        return inputs, {}
    return inputs, {image.name: IMAGE_INPUT, IMAGE_INPUT: f"{IMAGE_INPUT}.result"}


def _array_type(array: NDArray[np.generic]) -> ValueType:
    """Return the type of a weight with values."""
    element = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    return ValueType(_ELEMENT_NAMES[element], array.shape)


def _value_type(value: onnx.ValueInfoProto) -> ValueType:
    """Read a static tensor type."""
    if value.type.WhichOneof("value") != "tensor_type":
        raise UnsupportedModelError(f"Value {value.name!r} must be a tensor, but is not one.")
    tensor = value.type.tensor_type
    dims = tensor.shape.dim
    sizes = [dim.dim_value for dim in dims]  # 0 for a name, and for none
    if not tensor.HasField("shape") or any(size < 1 for size in sizes):
        shown = f"shape {[dim.dim_param or dim.dim_value or '?' for dim in dims]!r}"
        raise UnsupportedModelError(
            f"Model must have static shapes, but {value.name!r} has "
            f"{shown if tensor.HasField('shape') else 'none declared'}. "
            "Export it with fixed sizes, batch 1 included."
        )
    return ValueType(_ELEMENT_NAMES[tensor.elem_type], tuple(sizes))


def _read_nodes(nodes: Iterable[onnx.NodeProto], calls: _Calls, function: str = "") -> list[Node]:
    """Convert statements."""
    result = []
    for node in nodes:
        domain, op, inputs = node.domain, node.op_type, tuple(node.input)
        attributes = _read_attributes(node, function)
        if (domain, op) in calls:
            callee = calls[domain, op]
            op = f"{DOMAIN}.{callee.name}"
            inputs += ("",) * (callee.n_inputs - len(inputs))
            attributes = _call_attributes(callee, dict(attributes))
        result.append(Node(op, inputs, tuple(node.output), attributes))
    return result


def _call_attributes(callee: _Signature, given: Mapping[str, AttributeValue]) -> Attributes:
    """Give every attribute of a function its value; those that it does not use are dropped."""
    attributes = []
    for name in sorted({*given, *callee.kinds}):
        value = given.get(name, callee.defaults.get(name))
        if value is None or name not in callee.declared:
            raise UnsupportedModelError(
                f"Calls must give the attributes of their function, but a call of {callee.name!r} "
                f"{'lacks' if value is None else 'has the unknown'} {name!r}."
            )
        if name in callee.kinds:
            if _kind(value) != callee.kinds[name]:
                raise UnsupportedModelError(
                    f"Attribute {name!r} of {callee.name!r} must be of type "
                    f"{callee.kinds[name]}, but a call gives {_kind(value)}."
                )
            attributes.append((name, value))
    return tuple(attributes)


def _kind(value: AttributeValue) -> str:
    """Return the type of an attribute value, as ONNX text writes it."""
    if isinstance(value, Reference):
        return value.kind
    kind: str = onnx.AttributeProto.AttributeType.Name(attribute_proto("value", value).type)
    return kind.lower()


def _read_attributes(node: onnx.NodeProto, function: str) -> Attributes:
    """Convert attributes, sorted by name."""
    if not node.attribute:
        return ()
    return tuple(
        sorted(
            [(item.name, _read_attribute(node, item, function)) for item in node.attribute],
            key=lambda attribute: attribute[0],  # a name may stand twice, with other values
        )
    )


def _read_attribute(
    node: onnx.NodeProto, item: onnx.AttributeProto, function: str
) -> AttributeValue:
    """Convert one attribute."""
    if item.ref_attr_name:
        kind = onnx.AttributeProto.AttributeType.Name(item.type).lower()
        if not function or kind not in _REFERENCE_KINDS:
            raise UnsupportedModelError(
                f"References must stand in a function and be numbers or strings, but "
                f"{node.op_type} in {function or 'the main graph'!r} refers to "
                f"'@{item.ref_attr_name}' as {kind}."
            )
        return Reference(item.ref_attr_name, kind)
    return _read_value(item, node.op_type)


_REFERENCE_KINDS = frozenset({"int", "ints", "float", "floats", "string", "strings"})


def _read_value(item: onnx.AttributeProto, where: str) -> AttributeValue:
    """Convert the value of an attribute."""
    kind = item.type
    if kind == onnx.AttributeProto.INT:
        return int(item.i)
    if kind == onnx.AttributeProto.INTS:
        return tuple(item.ints)
    if kind == onnx.AttributeProto.FLOAT:
        return float(item.f)
    if kind == onnx.AttributeProto.FLOATS:
        return tuple(item.floats)
    if kind == onnx.AttributeProto.STRING:
        return item.s.decode("utf-8", "replace")
    if kind == onnx.AttributeProto.STRINGS:
        return tuple(s.decode("utf-8", "replace") for s in item.strings)
    if kind == onnx.AttributeProto.TENSOR:
        return _read_tensor(item.t)
    raise UnsupportedModelError(
        f"Attributes must be numbers, strings or tensors, but {where} has {item.name!r} of "
        f"type {onnx.AttributeProto.AttributeType.Name(kind)}. Control flow is not supported."
    )
