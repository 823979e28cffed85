"""Single operations: what kind they are, and how many mult-adds they take."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from surrogates.inputs.nodes import decoded_attribute
from surrogates.inputs.shapes import Shape

_WEIGHED = frozenset(["Conv", "ConvTranspose", "Gemm", "MatMul"])
_WINDOWED = frozenset(["AveragePool", "MaxPool", "LpPool"])
_N_REMEMBERED = 4096


@functools.lru_cache(_N_REMEMBERED)
def kind_of(operator: str, attributes: tuple[bytes, ...], shapes: tuple[Shape, ...]) -> str:
    """Return the kind of an operation: its operator, its window, whether grouped or dilated.

    Args:
        operator: As ONNX spells it.
        attributes: Encoded, references resolved.
        shapes: Of its operands.
    """
    if operator not in _WEIGHED | _WINDOWED:
        return operator
    found = {a.name: a for a in map(decoded_attribute, attributes)}
    window: Sequence[int] = found["kernel_shape"].ints if "kernel_shape" in found else ()
    if not window and operator in _WEIGHED and len(shapes) > 1:
        window = shapes[1][2:]
    words = [operator]
    if window:
        words.append("x".join(map(str, window)))
    if "group" in found and found["group"].i > 1:
        words.append("grouped")
    if "dilations" in found and max(found["dilations"].ints, default=1) > 1:
        words.append("dilated")
    return " ".join(words)


def is_working(kind: str) -> bool:
    """Whether a kind has weights or a window, so that pairs of such kinds are followed."""
    return kind.split(" ", 1)[0] in _WEIGHED | _WINDOWED


def pair_name(a: str, b: str) -> str:
    """Return the name of two kinds together, whichever comes first."""
    return "|".join(sorted((a, b)))


def mult_adds(operator: str, result: Shape, operands: Sequence[Shape]) -> int:
    """Return the mult-adds of an operation with weights; 0 for others or unknown shapes.

    Args:
        operator: As ONNX spells it.
        result: Shape of its first result.
        operands: Shapes of its operands.
    """
    if operator not in _WEIGHED or len(operands) < 2 or not operands[1]:
        return 0
    if operator == "Conv":
        return math.prod(result) * math.prod(operands[1][1:]) if result else 0
    if operator == "ConvTranspose":
        return math.prod(operands[0]) * math.prod(operands[1][1:])
    if operator == "MatMul":
        return math.prod(result) * operands[0][-1] if operands[0] else 0
    return result[0] * math.prod(operands[1]) if result else 0
