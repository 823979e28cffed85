"""The light graph that builders write, passes rewrite and the printer reads.

Plain tuples, so that a thousand architectures a second can be built, canonicalised and printed.
`search_spaces.onnx_bridge` converts from and to `onnx.ModelProto`. Not for training or running.

An operator is named as in a statement of ONNX text: ``Conv``, or ``nas.cell`` for a call of the
model-local function ``cell``. A missing optional input is the empty string.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DOMAIN",
    "IMAGE_INPUT",
    "IR_VERSION",
    "OPSET",
    "AttributeValue",
    "Attributes",
    "Function",
    "Graph",
    "Node",
    "Reference",
    "Tensor",
    "ValueType",
    "weight_names",
]

DOMAIN = "nas"
"""Domain of every model-local function."""
OPSET = 17
IR_VERSION = 8
IMAGE_INPUT = "x"
"""Name of the graph input that carries the image; every other graph input is a weight."""


_WEIGHT_NAMES = tuple([f"w{index}" for index in range(4_096)])


def weight_names(first: int, count: int) -> tuple[str, ...]:
    """Return the names of consecutive weights: ``("w3", "w4")`` for 3 and 2."""
    if first + count <= len(_WEIGHT_NAMES):
        return _WEIGHT_NAMES[first : first + count]
    return tuple([f"w{index}" for index in range(first, first + count)])


class Tensor(NamedTuple):
    """A small constant: ONNX element type (1 float, 7 int64, ...), shape and little-endian bytes."""

    element_type: int
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of an attribute inside a function: what the caller gives for `name`.

    Attributes:
        name: Attribute of the function.
        kind: Type of the value: ``int``, ``ints``, ``float``, ``floats``, ``string``, ``strings``.
    """

    name: str
    kind: str

    def __hash__(self) -> int:  # attributes are the keys of many caches: a quick hash
        return hash(self.name)


AttributeValue = (
    int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Tensor | Reference
)
Attributes = tuple[tuple[str, AttributeValue], ...]
"""Attributes of a node, sorted by name."""


class ValueType(NamedTuple):
    """Static type of a graph input or output: element type as in ONNX text, and shape."""

    element: str
    shape: tuple[int, ...]


class Node(NamedTuple):
    """One statement: ``outputs = op <attributes> (inputs)``."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Attributes = ()


class Function(NamedTuple):
    """A model-local function of domain `DOMAIN`; nodes are in topological order.

    Its attributes are those that its statements refer to; every call gives all of them a value.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]

    def references(self) -> tuple[Reference, ...]:
        """Return the attributes of the function, in the order in which they are first used."""
        found = [
            value
            for node in self.nodes
            for _, value in node.attributes
            if isinstance(value, Reference)
        ]
        return tuple(dict.fromkeys(found))

    def digest(self) -> str:
        """Return 16 hex digits that equal functions share."""
        plain = repr((self.inputs, self.outputs, [tuple(node) for node in self.nodes]))
        return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


class Graph(NamedTuple):
    """A whole model: main graph and model-local functions.

    Attributes:
        inputs: Name and type of the image (first) and of every weight.
        outputs: Name and type of every output.
        nodes: Statements of the main graph, in topological order.
        functions: Model-local functions by name; a function may call others, never itself.
        data: Values of those weights that are known (initializers of a real model); may be empty.
        opset: Version of the default operator set.
    """

    inputs: tuple[tuple[str, ValueType], ...]
    outputs: tuple[tuple[str, ValueType], ...]
    nodes: tuple[Node, ...]
    functions: Mapping[str, Function] = MappingProxyType({})
    data: Mapping[str, NDArray[np.generic]] = MappingProxyType({})
    opset: int = OPSET
