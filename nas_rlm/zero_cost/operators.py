"""Operators of ONNX as torch functions, for what our search spaces emit.

Each function takes operands and attributes and gives the result. Whole-number operands (shapes,
starts, pads) are tensors of whole numbers, as ONNX has them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas_rlm.zero_cost.errors import ZeroCostError

Attributes = Mapping[str, Any]
"""Attribute name to number, list of numbers or text."""

Operands = Sequence[Tensor | None]
"""Operands of a node; None where an optional one is not given."""

Operator = Callable[[Operands, Attributes], Tensor]


def _some(operands: Operands, place: int) -> Tensor:
    """The operand at a place, which must be there."""
    found = operands[place] if place < len(operands) else None
    if found is None:
        raise ZeroCostError(f"Operand {place} must be given, but it is missing. Export it again.")
    return found


def _maybe(operands: Operands, place: int) -> Tensor | None:
    """The operand at a place, None if it is not given."""
    return operands[place] if place < len(operands) else None


def _window(
    x: Tensor, attributes: Attributes, filling: float
) -> tuple[Tensor, int | tuple[int, ...]]:
    """Pad what torch cannot pad by itself; return the image and what is left to pad."""
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise ZeroCostError(
            f"`auto_pad` must be NOTSET, but is {attributes['auto_pad']!r}. Give `pads`."
        )
    pads = list(attributes.get("pads", ()))
    half = len(pads) // 2
    if pads[:half] == pads[half:]:
        return x, tuple(pads[:half]) if pads else 0
    sides = [side for pair in zip(pads[:half], pads[half:], strict=True) for side in pair]
    by_axis = [sides[k : k + 2] for k in range(0, len(sides), 2)]
    return functional.pad(x, [n for pair in reversed(by_axis) for n in pair], value=filling), 0


def _conv(operands: Operands, attributes: Attributes) -> Tensor:
    x, padding = _window(_some(operands, 0), attributes, 0.0)
    weight = _some(operands, 1)
    if weight.ndim != 4:
        raise ZeroCostError(f"A convolution must have two axes, but has {weight.ndim - 2}.")
    return functional.conv2d(
        x,
        weight,
        _maybe(operands, 2),
        stride=tuple(attributes.get("strides", (1, 1))),
        padding=padding,
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=attributes.get("group", 1),
    )


def _max_pool(operands: Operands, attributes: Attributes) -> Tensor:
    x, padding = _window(_some(operands, 0), attributes, -torch.inf)
    return functional.max_pool2d(
        x,
        tuple(attributes["kernel_shape"]),
        stride=tuple(attributes.get("strides", (1, 1))),
        padding=padding,
        dilation=tuple(attributes.get("dilations", (1, 1))),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def _average_pool(operands: Operands, attributes: Attributes) -> Tensor:
    counts_padding = bool(attributes.get("count_include_pad", 0))
    x, padding = _window(_some(operands, 0), attributes, 0.0)
    if x is not operands[0] and not counts_padding:
        raise ZeroCostError("An average over uneven pads must count them, but it does not.")
    return functional.avg_pool2d(
        x,
        tuple(attributes["kernel_shape"]),
        stride=tuple(attributes.get("strides", (1, 1))),
        padding=padding,
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
        count_include_pad=counts_padding,
    )


def _gemm(operands: Operands, attributes: Attributes) -> Tensor:
    a, b = _some(operands, 0), _some(operands, 1)
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    alpha, beta = float(attributes.get("alpha", 1.0)), float(attributes.get("beta", 1.0))
    c = _maybe(operands, 2)
    return alpha * (a @ b) if c is None else alpha * (a @ b) + beta * c


def _batch_norm(operands: Operands, attributes: Attributes) -> Tensor:
    scale, shift = _some(operands, 1), _some(operands, 2)
    mean, variance = _some(operands, 3).detach(), _some(operands, 4).detach()
    return functional.batch_norm(
        _some(operands, 0), mean, variance, scale, shift, eps=attributes.get("epsilon", 1e-5)
    )


def _slice(operands: Operands, _: Attributes) -> Tensor:
    x = _some(operands, 0)
    starts, ends = _some(operands, 1).tolist(), _some(operands, 2).tolist()
    axes, steps = _maybe(operands, 3), _maybe(operands, 4)
    where = [slice(None)] * x.ndim
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = k if axes is None else int(axes[k])
        where[axis] = slice(start, end, 1 if steps is None else int(steps[k]))
    return x[tuple(where)]


def _pad(operands: Operands, attributes: Attributes) -> Tensor:
    x, pads = _some(operands, 0), _some(operands, 1).tolist()
    if attributes.get("mode", "constant") != "constant" or _maybe(operands, 3) is not None:
        raise ZeroCostError("Pad must fill all axes with a constant, but it does not.")
    value = _maybe(operands, 2)
    half = len(pads) // 2
    sides = [n for axis in reversed(range(half)) for n in (pads[axis], pads[half + axis])]
    return functional.pad(x, sides, value=0.0 if value is None else float(value))


def _reshape(operands: Operands, _: Attributes) -> Tensor:
    x = _some(operands, 0)
    sizes = _some(operands, 1).tolist()
    return x.reshape([x.shape[k] if size == 0 else size for k, size in enumerate(sizes)])


def _clip(operands: Operands, _: Attributes) -> Tensor:
    low, high = _maybe(operands, 1), _maybe(operands, 2)
    x = _some(operands, 0)
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def _hard_sigmoid(operands: Operands, attributes: Attributes) -> Tensor:
    slope, middle = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return torch.clamp(slope * _some(operands, 0) + middle, 0.0, 1.0)


def _flatten(operands: Operands, attributes: Attributes) -> Tensor:
    x = _some(operands, 0)
    axis = attributes.get("axis", 1)
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return x.reshape(rows, -1)


OPERATORS: Mapping[str, Operator] = {
    "Add": lambda operands, _: _some(operands, 0) + _some(operands, 1),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda operands, a: torch.cat(
        [_some(operands, k) for k in range(len(operands))], dim=a["axis"]
    ),
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda operands, _: _some(operands, 0).mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda operands, _: functional.hardswish(_some(operands, 0)),
    "Identity": lambda operands, _: _some(operands, 0),
    "MatMul": lambda operands, _: _some(operands, 0) @ _some(operands, 1),
    "MaxPool": _max_pool,
    "Mul": lambda operands, _: _some(operands, 0) * _some(operands, 1),
    "Pad": _pad,
    "Relu": lambda operands, _: torch.relu(_some(operands, 0)),
    "Reshape": _reshape,
    "Sigmoid": lambda operands, _: torch.sigmoid(_some(operands, 0)),
    "Slice": _slice,
    "Sub": lambda operands, _: _some(operands, 0) - _some(operands, 1),
    "Sum": lambda operands, _: reduce(
        torch.add, [_some(operands, k) for k in range(len(operands))]
    ),
    "Transpose": lambda operands, a: _some(operands, 0).permute(a["perm"]),
}
"""Operator of the default ONNX domain to its function."""
