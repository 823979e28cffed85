"""Give the weights of a model values, so that it can run.

Values are random, all distinct, and of a size that keeps activations alive: mean and variance are
carried along the data flow, and every convolution or linear layer is scaled by them (He scaling
with the actual input in place of an assumed one). A residual sum of many branches therefore grows
like the sum it is, and the next convolution brings it back to one, as BatchNorm would.

Weights as initializers are what a deployed model has. Equal constants would let a runtime merge
branches, and weights as inputs cost time: neither may be used for timing.
"""

from collections import Counter
from collections.abc import Sequence
from math import erf, exp, pi, prod, sqrt
from typing import NamedTuple

import numpy as np
import onnx
import onnx.inliner
import onnx.numpy_helper
from numpy.typing import NDArray

from search_spaces.canonical import canonicalize_graph
from search_spaces.graph import IMAGE_INPUT, Graph, ValueType
from search_spaces.onnx_bridge import from_model, to_model
from search_spaces.shapes import Step, trace_shapes

__all__ = ["materialize"]

_BIAS_SCALE = 0.1
_NORM_SCALES = ((1.0, 0.1), (0.0, 0.1), (0.0, 0.1), (1.0, 0.1))
"""Mean and spread of BatchNorm's scale, shift, mean and variance."""
_RECTIFIERS = frozenset({"Relu", "Clip", "HardSwish"})
_SUMS = frozenset({"Add", "Sum", "Sub"})
_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def materialize(model: onnx.ModelProto, seed: int, *, inline: bool = False) -> onnx.ModelProto:
    """Turn the weight inputs of a model into random initializers.

    Args:
        model: Weights are the graph inputs other than ``x``; those that are initializers already
            keep their values.
        seed: Same seed and same canonical text, same values.
        inline: Whether functions are replaced by their bodies; the result computes the same.

    Returns:
        The canonical model with one input, the image, and no symbolic weight left.

    Raises:
        UnsupportedModelError: If the model is outside what canonical text can say.
    """
    graph = canonicalize_graph(from_model(model))
    data = {**_random_weights(graph, np.random.default_rng(seed)), **graph.data}
    result = to_model(graph._replace(data=data))
    return onnx.inliner.inline_local_functions(result) if inline else result


def _random_weights(graph: Graph, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    """Draw values for all weights, in the order of the graph inputs."""
    scales = _weight_scales(graph)
    data: dict[str, NDArray[np.generic]] = {}
    for name, kind in graph.inputs:
        if name != IMAGE_INPUT:
            mean, spread = scales.get(name, (0.0, _BIAS_SCALE))
            data[name] = _draw(kind, mean, spread, rng)
    return data


def _draw(
    kind: ValueType, mean: float, spread: float, rng: np.random.Generator
) -> NDArray[np.generic]:
    """Draw one weight; integer weights (tables of indices) are zero, the one index that is safe."""
    dtype = onnx.helper.tensor_dtype_to_np_dtype(
        onnx.TensorProto.DataType.Value(kind.element.upper())
    )
    if not np.issubdtype(dtype, np.floating):
        return np.zeros(kind.shape, dtype)
    values = rng.standard_normal(kind.shape) * spread
    if mean:
        values = mean + np.abs(values)
    return np.asarray(values, dtype=dtype)


def _weight_scales(graph: Graph) -> dict[str, tuple[float, float]]:
    """Find mean and spread of every weight by carrying moments along the data flow."""
    scales: dict[str, tuple[float, float]] = {}
    moments: dict[str, _Moments] = {IMAGE_INPUT: _STANDARD}
    for step in trace_shapes(graph):
        operands = [moments.get(name, _STANDARD) for name in step.operands]
        op = step.node.op
        if op in _PRODUCTS:
            scales.update(_product_scales(step, operands[0].second))
            result = _STANDARD
        elif op == "BatchNormalization":
            scales.update(zip(step.operands[1:], _NORM_SCALES, strict=True))
            result = operands[0]._replace(variance=operands[0].variance + 0.1)
        elif op in _SUMS:
            result = _sum(step.operands, operands)
        else:
            result = _moments(op, operands)
        moments.update(dict.fromkeys(step.results, result))
    return scales


class _Moments(NamedTuple):
    """Estimated mean and variance of the elements of a value."""

    mean: float
    variance: float

    @property
    def second(self) -> float:
        """Second moment, never quite zero."""
        return max(self.mean**2 + self.variance, 1e-6)


_STANDARD = _Moments(0.0, 1.0)


def _sum(names: Sequence[str], operands: Sequence[_Moments]) -> _Moments:
    """Estimate a sum; a value that is added twice is twice as large."""
    times = Counter(names)
    variances = {name: value.variance for name, value in zip(names, operands, strict=True)}
    return _Moments(
        sum(value.mean for value in operands),
        sum(n * n * variances[name] for name, n in times.items()),
    )


def _moments(op: str, operands: Sequence[_Moments]) -> _Moments:
    """Estimate a result without weights that is no sum."""
    if not operands:
        return _STANDARD
    if op in _RECTIFIERS:
        return _rectified(operands[0])
    if op == "Mul":
        return _Moments(0.0, min(max(operands[0].second * operands[-1].second, 1e-6), 1e6))
    if op == "Concat":
        mean = sum(value.mean for value in operands) / len(operands)
        second = sum(value.second for value in operands) / len(operands)
        return _Moments(mean, max(second - mean**2, 0.0))
    if op in {"Sigmoid", "HardSigmoid", "Softmax", "Tanh"}:
        return _Moments(0.0, 0.3)
    return operands[0]


def _rectified(value: _Moments) -> _Moments:
    """Estimate ``max(x, 0)`` for normal x: a value that is positive already stays."""
    spread = sqrt(max(value.variance, 1e-12))
    ratio = value.mean / spread
    density = exp(-ratio * ratio / 2) / sqrt(2 * pi)
    share = (1 + erf(ratio / sqrt(2))) / 2
    mean = value.mean * share + spread * density
    second = (value.mean**2 + spread**2) * share + value.mean * spread * density
    return _Moments(mean, max(second - mean**2, 0.0))


def _product_scales(step: Step, moment: float) -> dict[str, tuple[float, float]]:
    """Scale the weight of a convolution or linear layer so that its result has moment one."""
    kind = step.inputs[1]
    shape = () if kind is None else kind.shape
    if step.node.op in {"Conv", "ConvTranspose"}:
        fan_in = prod(shape[1:])
    else:
        is_transposed = dict(step.node.attributes).get("transB", 0)
        fan_in = shape[-1] if is_transposed else shape[0]
    spread = (fan_in * moment) ** -0.5
    scales = ((0.0, spread), (0.0, _BIAS_SCALE))
    return dict(zip(step.operands[1:], scales, strict=False))
