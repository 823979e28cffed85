"""Result shapes of operators that :mod:`surrogates.inputs.shapes` has no rule for: ONNX is asked.

One node at a time, with the operands that are small constants given as values, because shapes of
Reshape, Slice and Pad depend on them. Answers are remembered.
"""

from __future__ import annotations

import functools

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx.shape_inference

from surrogates.inputs.nodes import decoded_attribute, typed_shape
from surrogates.inputs.shapes import Shape

MAX_CONSTANT_VALUES = 64
"""Longest constant that a shape may depend on."""

_N_REMEMBERED = 65536
_PLAIN_VALUES = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}
"""Attributes by which a Constant gives numbers instead of a tensor, and their type."""


@functools.lru_cache(_N_REMEMBERED)
def inferred_shapes(
    operator: str,
    attributes: tuple[bytes, ...],
    operands: tuple[Shape | bytes | None, ...],
    n_results: int,
    opset: int,
) -> tuple[Shape, ...]:
    """Return the shape of each result, empty where ONNX does not know it.

    Args:
        operator: Of the default ONNX domain.
        attributes: Each as it is encoded, references resolved.
        operands: Shape of each, taken as float, or an encoded tensor, or None for a missing one.
        n_results: Of the node.
        opset: Version of the default domain.
    """
    if any(operand == () for operand in operands):
        return ((),) * n_results
    names = ["" if operand is None else f"i{k}" for k, operand in enumerate(operands)]
    results = [f"r{k}" for k in range(n_results)]
    node = onnx.NodeProto(op_type=operator, input=names, output=results)
    node.attribute.extend(map(decoded_attribute, attributes))
    typed, constants = [], []
    for name, operand in zip(names, operands, strict=True):
        if isinstance(operand, bytes):
            tensor = onnx.TensorProto.FromString(operand)
            tensor.name = name
            constants.append(tensor)
        elif operand is not None:
            kind = onnx.TensorProto.FLOAT
            typed.append(onnx.helper.make_tensor_value_info(name, kind, operand))
    outputs = [onnx.ValueInfoProto(name=name) for name in results]
    graph = onnx.helper.make_graph([node], "node", typed, outputs, constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    try:
        found = onnx.shape_inference.infer_shapes(model).graph.output
    except onnx.shape_inference.InferenceError:
        return ((),) * n_results
    return tuple(map(typed_shape, found))


def constant_value(attributes: tuple[bytes, ...]) -> bytes | None:
    """Return the encoded tensor of a Constant, None if it is long, unbound or of another kind."""
    for attribute in map(decoded_attribute, attributes):
        if attribute.ref_attr_name:
            continue
        if attribute.name == "value" and attribute.HasField("t"):
            return small_tensor(attribute.t)
        if attribute.name in _PLAIN_VALUES:
            values = onnx.helper.get_attribute_value(attribute)
            try:
                of_type = np.array(values, dtype=_PLAIN_VALUES[attribute.name])
            except (OverflowError, TypeError, ValueError):
                return None
            return small_tensor(onnx.numpy_helper.from_array(of_type))
    return None


def small_tensor(tensor: onnx.TensorProto) -> bytes | None:
    """Return an encoded tensor without its name, None if it is long or stored elsewhere."""
    size = 1
    for extent in tensor.dims:
        size *= extent
    if size > MAX_CONSTANT_VALUES or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    copy.ClearField("name")
    encoded: bytes = copy.SerializeToString()
    return encoded
