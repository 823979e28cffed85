"""Result shapes of the common operators, by the rules of the ONNX operator definitions.

ONNX infers shapes for whole models only and, with model-local functions, spends more time on it
than parsing takes. These rules cover what convolutional networks are made of; for any other
operator the shape is unknown here and the caller asks ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

Shape = tuple[int, ...]
"""Sizes along each axis; the empty tuple stands for "unknown"."""

Attributes = Mapping[str, int | float | str | Sequence[int]]
"""Attribute name to value; tensors and graphs are absent."""

_MAX_SIZE = 2**63 - 1

_SAME = frozenset(
    [
        "Relu",
        "Sigmoid",
        "HardSwish",
        "HardSigmoid",
        "Clip",
        "BatchNormalization",
        "Identity",
        "Dropout",
        "LeakyRelu",
        "Tanh",
        "Softmax",
        "LogSoftmax",
        "Elu",
        "Selu",
        "PRelu",
        "Gelu",
        "Erf",
        "Exp",
        "Sqrt",
        "Neg",
        "Abs",
        "Softplus",
        "LRN",
        "InstanceNormalization",
        "LayerNormalization",
        "Cast",
        "Floor",
        "Mish",
    ]
)
_BROADCAST = frozenset(["Add", "Sub", "Mul", "Div", "Sum", "Pow", "Min", "Max", "Mean"])


def result_shape(operator: str, attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    """Return the shape of the first result, empty if it is unknown.

    It is unknown too where the attributes do not fit the operands, or where a size would be below 0
    or beyond 64 bits.

    Args:
        operator: Operator of the default ONNX domain.
        attributes: Its attributes.
        operands: Shape of every operand, weights included, empty where unknown.
    """
    if not operands or not operands[0]:
        return ()
    if operator in _SAME:
        return operands[0]
    if operator in _BROADCAST:
        return _broadcast(operands)
    rule = _RULES.get(operator)
    found = rule(attributes, operands) if rule is not None else ()
    return found if all(0 <= size <= _MAX_SIZE for size in found) else ()


def _ints(attributes: Attributes, name: str, default: Sequence[int]) -> list[int]:
    value = attributes.get(name, default)
    return (
        list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [*default]
    )


def _broadcast(operands: Sequence[Shape]) -> Shape:
    """Multidirectional broadcasting; unknown if an operand is unknown or sizes disagree."""
    if not all(operands):
        return ()
    rank = max(map(len, operands))
    padded = [(1,) * (rank - len(shape)) + shape for shape in operands]
    sizes = [{size for size in axis if size != 1} for axis in zip(*padded, strict=True)]
    if any(len(axis) > 1 for axis in sizes):
        return ()
    return tuple(axis.pop() if axis else 1 for axis in sizes)


def _window(
    attributes: Attributes, spatial: Sequence[int], kernel: Sequence[int]
) -> list[int] | None:
    """Spatial sizes after a sliding window; None if the attributes do not describe one."""
    n = len(spatial)
    strides = _ints(attributes, "strides", [1] * n)
    dilations = _ints(attributes, "dilations", [1] * n)
    pads = _ints(attributes, "pads", [0] * 2 * n)
    if not len(kernel) == len(strides) == len(dilations) == n or len(pads) != 2 * n:
        return None
    if min([*kernel, *strides, *dilations], default=1) < 1:
        return None
    auto_pad = attributes.get("auto_pad", "NOTSET")
    rounded = math.ceil if attributes.get("ceil_mode") else math.floor
    sizes = []
    for axis in range(n):
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            sizes.append(math.ceil(spatial[axis] / strides[axis]))
            continue
        covered = dilations[axis] * (kernel[axis] - 1) + 1
        free = spatial[axis] + pads[axis] + pads[n + axis] - covered
        sizes.append(int(rounded(free / strides[axis])) + 1)
    return sizes


def _conv(attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    if len(operands) < 2 or len(operands[1]) != len(operands[0]):
        return ()
    data, weight = operands[0], operands[1]
    kernel = _ints(attributes, "kernel_shape", weight[2:])
    sizes = _window(attributes, data[2:], kernel)
    return (data[0], weight[0], *sizes) if sizes is not None else ()


def _pool(attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    data = operands[0]
    sizes = _window(attributes, data[2:], _ints(attributes, "kernel_shape", ()))
    return (*data[:2], *sizes) if sizes is not None else ()


def _global_pool(_: Attributes, operands: Sequence[Shape]) -> Shape:
    return (*operands[0][:2], *(1 for _ in operands[0][2:]))


def _flatten(attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    axis = attributes.get("axis", 1)
    rank = len(operands[0])
    if not isinstance(axis, int) or not -rank <= axis <= rank:
        return ()
    return math.prod(operands[0][:axis]), math.prod(operands[0][axis:])


def _gemm(attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    if len(operands) < 2 or len(operands[0]) != 2 or len(operands[1]) != 2:
        return ()
    rows = operands[0][1 if attributes.get("transA") else 0]
    return rows, operands[1][0 if attributes.get("transB") else 1]


def _matmul(_: Attributes, operands: Sequence[Shape]) -> Shape:
    if len(operands) < 2 or min(len(operands[0]), len(operands[1])) < 2:
        return ()
    stacked = _broadcast([operands[0][:-2] or (1,), operands[1][:-2] or (1,)])
    has_stack = max(len(operands[0]), len(operands[1])) > 2
    return (*(stacked if has_stack else ()), operands[0][-2], operands[1][-1])


def _concat(attributes: Attributes, operands: Sequence[Shape]) -> Shape:
    axis = attributes.get("axis", 0)
    ranks = set(map(len, operands))
    if len(ranks) > 1 or not isinstance(axis, int) or not -min(ranks) <= axis < min(ranks):
        return ()
    sizes = list(operands[0])
    sizes[axis] = sum(shape[axis] for shape in operands)
    return tuple(sizes)


_RULES: dict[str, Callable[[Attributes, Sequence[Shape]], Shape]] = {
    "Conv": _conv,
    "AveragePool": _pool,
    "MaxPool": _pool,
    "LpPool": _pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Concat": _concat,
}
