"""Short words for a statement: what a box says, and what kind of box it is."""

import enum
from collections.abc import Mapping

import numpy as np

from search_spaces.graph import DOMAIN, Node, Reference, Tensor

TIMES = "\u00d7"
"""The sign between two sizes, and before a number of repeats."""

_CALL = f"{DOMAIN}."
_MAX_LISTED = 6


class Kind(enum.StrEnum):
    """What a statement does; pictures colour boxes by it."""

    CALL = "call"
    CONV = "conv"
    LINEAR = "linear"
    POOL = "pool"
    ACTIVATION = "activation"
    NORM = "norm"
    JOIN = "join"
    VALUE = "value"
    OTHER = "other"


_KINDS = {
    **dict.fromkeys(("Conv", "ConvTranspose"), Kind.CONV),
    **dict.fromkeys(("Gemm", "MatMul"), Kind.LINEAR),
    **dict.fromkeys(
        ("AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"), Kind.POOL
    ),
    **dict.fromkeys(
        ("Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Softmax", "Gelu", "Erf", "Tanh"),
        Kind.ACTIVATION,
    ),
    **dict.fromkeys(("BatchNormalization", "LayerNormalization"), Kind.NORM),
    **dict.fromkeys(("Add", "Sum", "Mul", "Concat", "Sub", "Div"), Kind.JOIN),
}
_SHORT = {
    "AveragePool": "avg pool",
    "BatchNormalization": "BatchNorm",
    "GlobalAveragePool": "global avg pool",
    "GlobalMaxPool": "global max pool",
    "MaxPool": "max pool",
}
_CODES = {1: "<f4", 7: "<i8"}
"""ONNX element type to NumPy's."""


def function_of(node: Node) -> str:
    """Return the name of the function that a statement calls; empty for an operator."""
    return node.op.removeprefix(_CALL) if node.op.startswith(_CALL) else ""


def kind_of(node: Node) -> Kind:
    """Return what a statement does."""
    return Kind.CALL if function_of(node) else _KINDS.get(node.op, Kind.OTHER)


def label_of(
    node: Node,
    weights: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, str],
) -> str:
    """Say what a statement does in a few words.

    Args:
        node: The statement.
        weights: Shapes of the weights that are known; those of a function's arguments are not.
        constants: Text of small constants by name.

    Returns:
        Operator or function, window, stride, dilation, output channels; spelt like
        ``Conv 3x3 /2 → 32``.
    """
    words = [function_of(node) or _SHORT.get(node.op, node.op), *_settings(node, weights)]
    shape = weights.get(node.inputs[1]) if len(node.inputs) > 1 else None
    if node.op == "Conv" and shape:
        words.append(f"→ {shape[0]}")
    elif node.op == "Gemm" and shape:
        words.append(f"→ {shape[0 if dict(node.attributes).get('transB') else 1]}")
    words += [constants[name] for name in node.inputs if name in constants]
    return " ".join(words)


def constant_text(node: Node) -> str:
    """Return the value of a ``Constant`` statement as text."""
    for name, value in node.attributes:
        if isinstance(value, Tensor):
            code = _CODES.get(value.element_type)
            if code is None:
                return "constant"
            numbers = np.frombuffer(value.data, dtype=code).tolist()
            listed = ", ".join(map(_number_text, numbers[:_MAX_LISTED]))
            more = ", …" if len(numbers) > _MAX_LISTED else ""
            return f"[{listed}{more}]" if value.shape else listed
        if name in {"value_float", "value_int"} and isinstance(value, int | float):
            return f"{value:g}"
    return "constant"


def _number_text(number: float) -> str:
    """Return a number; the largest integer is how a Slice says that it has no end."""
    return "end" if number == np.iinfo(np.int64).max else f"{number:g}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape without the batch axis, e.g. channels, height, width."""
    return TIMES.join(map(str, shape[1:])) or "1"


def _settings(node: Node, weights: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Window, stride, dilation and groups."""
    given = dict(node.attributes)
    words = []
    kernel = given.get("kernel_shape")
    if isinstance(kernel, tuple):
        words.append(TIMES.join(map(str, kernel)))
    elif isinstance(kernel, Reference):
        words.append(f"k{TIMES}k")
    stride = given.get("strides")
    if isinstance(stride, tuple) and set(stride) != {1}:
        words.append(f"/{_side(stride)}")
    dilation = given.get("dilations")
    if isinstance(dilation, tuple) and set(dilation) != {1}:
        words.append(f"dilation {_side(dilation)}")
    if node.op == "Conv" and "group" in given:
        shape = weights.get(node.inputs[1])
        group = given["group"]
        if isinstance(group, Reference):
            words.append("grouped")
        elif shape and shape[1] == 1 and group == shape[0]:
            words.append("depthwise")
        else:
            words.append(f"{group} groups")
    return words


def _side(values: tuple[object, ...]) -> str:
    """One number for a square, else both."""
    return str(values[0]) if len(set(values)) == 1 else TIMES.join(map(str, values))
