"""Nodes of a protocol buffer as plain values: read once, rendered and measured from caches.

Reading a protocol buffer field by field costs more than parsing the text did, so a node is copied
once into tuples, and what is derived from its attributes is looked up by their encoding.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import onnx
import onnx.numpy_helper
from numpy.typing import NDArray

from surrogates.errors import TextError
from surrogates.inputs.shapes import Shape, result_shape

MAX_FIELD_CHARACTERS = 256
"""Longest field that a statement spells out; no network of a search space has half as long a one."""

_MAX_CONSTANT_VALUES = 8
_N_SHOWN = 32
_ATTRIBUTE = onnx.AttributeProto
_MAX_CACHED = 65536
_N_NODES = 16384


class Step(NamedTuple):
    """A node, read once out of its protocol buffer."""

    domain: str
    operator: str
    attributes: tuple[bytes, ...]
    """Each attribute as it is encoded; equal encodings are equal attributes."""
    operands: tuple[str, ...]
    results: tuple[str, ...]


def read_steps(nodes: Iterable[onnx.NodeProto]) -> tuple[Step, ...]:
    """Read nodes; texts share many, so they are looked up by their encoding."""
    return tuple([_step(node.SerializeToString()) for node in nodes])


@functools.lru_cache(_N_NODES)
def _step(encoded: bytes) -> Step:
    """Read a node once; reading a protocol buffer field by field is what costs."""
    node = onnx.NodeProto.FromString(encoded)
    return Step(
        node.domain,
        node.op_type,
        tuple([attribute.SerializeToString() for attribute in node.attribute]),
        tuple(node.input),
        tuple(node.output),
    )


def typed_shape(value: onnx.ValueInfoProto) -> Shape:
    """Shape of a typed value; a dimension that is not a number, or is negative, becomes 0.

    Reading a shape field by field costs more than parsing it did, and a text declares the same
    few types many times, so shapes are looked up by their encoding.
    """
    return _shape(value.type.SerializeToString())


@functools.lru_cache(_MAX_CACHED)
def _shape(encoded: bytes) -> Shape:
    """Shape of an encoded type."""
    found = onnx.TypeProto.FromString(encoded).tensor_type.shape
    return tuple([max(axis.dim_value, 0) for axis in found.dim])


@functools.lru_cache(_MAX_CACHED)
def shape_fields(prefix: str, shape: Shape) -> str:
    """One field a dimension, each with a leading space."""
    return "".join(f" {prefix}{axis}={size}" for axis, size in enumerate(shape))


@functools.lru_cache(_MAX_CACHED)
def render(
    operator: str, attributes: tuple[bytes, ...], weights: tuple[Shape, ...], result: Shape
) -> str:
    """Write a statement without names; long fields are begun, counted and digested."""
    fields = sorted(_attribute_field(decoded_attribute(encoded)) for encoded in attributes)
    shapes = [shape_fields(f"w{k}.", shape) for k, shape in enumerate(weights)]
    return (
        " ".join(map(_shortened, [operator, *fields]))
        + "".join(shapes)
        + shape_fields("out", result)
    )


def _shortened(field: str) -> str:
    """Return a field, or where it is long its beginning, its length and a digest of it all."""
    if len(field) <= MAX_FIELD_CHARACTERS:
        return field
    digest = hashlib.sha256(field.encode()).hexdigest()[:16]
    return f"{field[:_N_SHOWN]}[{len(field)}]{digest}"


def decoded_attribute(encoded: bytes) -> onnx.AttributeProto:
    """Decode an attribute."""
    attribute = onnx.AttributeProto()
    attribute.ParseFromString(encoded)
    return attribute


def resolve_references(
    attributes: tuple[bytes, ...], bound: Mapping[str, bytes]
) -> tuple[bytes, ...]:
    """Replace references to attributes of the call by their values, renamed."""
    if not bound:
        return attributes
    resolved = []
    for encoded in attributes:
        attribute = decoded_attribute(encoded)
        if attribute.ref_attr_name in bound:
            value = decoded_attribute(bound[attribute.ref_attr_name])
            value.name = attribute.name
            resolved.append(value.SerializeToString())
        else:
            resolved.append(encoded)
    return tuple(resolved)


@functools.lru_cache(_MAX_CACHED)
def plain_result_shape(
    operator: str, attributes: tuple[bytes, ...], operands: tuple[Shape, ...]
) -> Shape:
    """Result shape of an operator of ONNX; unknown if an attribute is an unbound reference."""
    found: dict[str, int | float | str | Sequence[int]] = {}
    for attribute in map(decoded_attribute, attributes):
        if attribute.ref_attr_name:
            return ()
        if attribute.type == _ATTRIBUTE.INT:
            found[attribute.name] = attribute.i
        elif attribute.type == _ATTRIBUTE.INTS:
            found[attribute.name] = list(attribute.ints)
        elif attribute.type == _ATTRIBUTE.STRING:
            found[attribute.name] = attribute.s.decode("utf-8", "replace")
    return result_shape(operator, found, operands)


def _attribute_field(attribute: onnx.AttributeProto) -> str:
    """Render an attribute; data of tensors is not read beyond a few values."""
    if attribute.ref_attr_name:
        return f"{attribute.name}=@"
    match attribute.type:
        case _ATTRIBUTE.INT:
            value = str(attribute.i)
        case _ATTRIBUTE.INTS:
            value = ",".join(map(str, attribute.ints))
        case _ATTRIBUTE.FLOAT:
            value = f"{attribute.f:.4g}"
        case _ATTRIBUTE.FLOATS:
            value = ",".join(f"{number:.4g}" for number in attribute.floats)
        case _ATTRIBUTE.STRING:
            value = attribute.s.decode("utf-8", "replace").replace(" ", "_")
        case _ATTRIBUTE.TENSOR:
            value = _tensor_field(attribute.t)
        case _:
            value = onnx.AttributeProto.AttributeType.Name(attribute.type)
    return f"{attribute.name}={value}"


def _tensor_field(tensor: onnx.TensorProto) -> str:
    """Shape of a constant, and its values when they are few and in the text."""
    shape = "x".join(map(str, tensor.dims))
    has_no_numbers = tensor.data_location == tensor.EXTERNAL or tensor.data_type == tensor.STRING
    if has_no_numbers or math.prod(tensor.dims) > _MAX_CONSTANT_VALUES:
        return f"[{shape}]"
    values = tensor_values(tensor).ravel()
    return f"[{shape}]" + ",".join(f"{number:.4g}" for number in values.tolist())


def tensor_values(tensor: onnx.TensorProto) -> NDArray[Any]:
    """Return the values of a tensor.

    Raises:
        TextError: If there are more or fewer than its shape says.
    """
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (TypeError, ValueError) as error:
        shape = "x".join(map(str, tensor.dims))
        raise TextError(
            f"A tensor must hold as many values as its shape [{shape}] says, but they cannot be "
            f"read: {error}. Export the model again."
        ) from error


def forget_nodes() -> None:
    """Forget all nodes and what was derived from them, as a measurement of speed must."""
    for remembered in (_step, _shape, shape_fields, render, plain_result_shape):
        remembered.cache_clear()
