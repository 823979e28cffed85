"""Write every statement in one way: attributes that only repeat a default are dropped.

Cases: attributes equal to the default of the operator's schema; zero ``pads``, unit ``strides``
and ``dilations``; a missing ``kernel_shape`` of a convolution stays missing (the weight has it);
floats are rounded to the 32 bits that ONNX stores; ``Sum`` of two operands becomes ``Add``; trailing
missing operands of an operator are dropped. ``Constant`` with a scalar or list attribute becomes a tensor, so
that equal constants are equal text. Default attributes whose value matters elsewhere stay.
"""

import struct
from functools import lru_cache

import numpy as np
import onnx.defs

from search_spaces.graph import Attributes, AttributeValue, Function, Node, Tensor

__all__ = ["normalize_statements"]

_UNIT_LISTS = {"strides": 1, "dilations": 1, "pads": 0}
_WINDOW_OPS = frozenset({"Conv", "MaxPool", "AveragePool", "LpPool", "ConvTranspose"})
_PAIR = 2


def normalize_statements(body: Function, opset: int) -> Function:
    """Return the body with every statement in normal form."""
    nodes = []
    for node in body.nodes:
        op, attributes = _normal_head(node.op, node.attributes, opset)
        if op == "Sum" and len(node.inputs) == _PAIR:
            op = "Add"
        inputs = node.inputs
        while inputs and not inputs[-1] and "." not in op:
            inputs = inputs[:-1]
        if op is node.op and attributes is node.attributes and inputs is node.inputs:
            nodes.append(node)
        else:
            nodes.append(Node(op, inputs, node.outputs, attributes))
    return body._replace(nodes=tuple(nodes))


@lru_cache(maxsize=16_384)
def _normal_head(op: str, attributes: Attributes, opset: int) -> tuple[str, Attributes]:
    """Normalise operator and attributes; the same objects come back where nothing changes."""
    if not attributes:
        return op, attributes
    if op == "Constant":
        name, value = attributes[0]
        return op, (("value", _constant_tensor(name, value)),)
    defaults = _schema_defaults(op, opset)
    kept = []
    for name, value in attributes:
        rounded = _rounded(value)
        if name in defaults and defaults[name] == rounded:
            continue
        unit = _UNIT_LISTS.get(name) if op in _WINDOW_OPS else None
        if unit is not None and isinstance(rounded, tuple) and all(v == unit for v in rounded):
            continue
        kept.append((name, rounded))
    normal = tuple(kept)
    return op, attributes if normal == attributes else normal


@lru_cache(maxsize=1_024)
def _schema_defaults(op: str, opset: int) -> dict[str, AttributeValue]:
    """Return the default attribute values of an operator; empty for functions."""
    if "." in op or not onnx.defs.has(op, opset):
        return {}
    schema = onnx.defs.get_schema(op, opset)
    return {
        name: _plain(onnx.helper.get_attribute_value(attribute.default_value))
        for name, attribute in schema.attributes.items()
        if attribute.default_value.name
    }


def _plain(value: object) -> AttributeValue:
    """Turn a protobuf attribute value into the type that the graph uses."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | str):
        return value
    return tuple(value) if isinstance(value, list) else str(value)


def _rounded(value: AttributeValue) -> AttributeValue:
    """Round floats to 32 bits."""
    if isinstance(value, float):
        return float(struct.unpack("f", struct.pack("f", value))[0])
    if isinstance(value, tuple) and not isinstance(value, Tensor):
        return tuple(_rounded(v) for v in value)  # type: ignore[return-value]
    return value


def _constant_tensor(name: str, value: AttributeValue) -> AttributeValue:
    """Write ``value_int``, ``value_ints``, ``value_float``, ``value_floats`` as a tensor."""
    if name == "value_float" or name == "value_floats":
        array = np.asarray(value, dtype="<f4")
        return Tensor(1, array.shape, array.tobytes())
    if name == "value_int" or name == "value_ints":
        array = np.asarray(value, dtype="<i8")
        return Tensor(7, array.shape, array.tobytes())
    return value
