"""The part of a network that carries its input to its output; what else runs only costs time.

A text that describes a network as a device runs it may hold operations that work on zeros, or whose
result nobody reads. Latency knows them and accuracy does not, so what can be counted is counted in
the whole graph and in its live part. This is dataflow: no space and no name is known here.

A result is *silent* if it is a product with the constant 0, or if all data that it is made from is
silent: it says nothing about the input. A step is *dead* if nobody needs its results: neither the
scope that it stands in, nor a step that is not dead, nor a sum in which they are silent. A function
is judged by itself, as if its operands carried data.
"""

from __future__ import annotations

import functools
from collections.abc import Set
from dataclasses import replace

import numpy as np
import onnx

from surrogates.inputs.inferred_shapes import constant_value
from surrogates.inputs.nodes import Step, tensor_values
from surrogates.inputs.parsed_models import Function, MainGraph, ParsedModel

_N_REMEMBERED = 16384
_LINEAR = frozenset(["BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu"])
"""Operators that read data first and then weights, which a function cannot tell from data."""
_SUMS = frozenset(["Add", "Sum"])


def live_model(model: ParsedModel) -> ParsedModel:
    """Return a model without its dead steps; the model itself if it has none.

    A sum of which one operand is left is that operand. A function of which the only result is
    silent is its first operand times 0, and taken to return that one's shape.

    Raises:
        TextError: If a constant holds more or fewer values than its shape says.
    """
    main = _live_main(model.main)
    functions = tuple(map(_live_function, model.functions))
    if main is model.main and functions == model.functions:
        return model
    return ParsedModel(main, functions)


@functools.lru_cache(_N_REMEMBERED)
def _live_main(main: MainGraph) -> MainGraph:
    """Leave out the dead steps of a main graph; all are kept if its output is silent."""
    weights = {*main.inputs, *main.stored}.difference(main.data)
    zeros = {name for name, encoded in main.constants.items() if is_zero(encoded)}
    silent = _silent_results(main.steps, zeros, weights)
    if silent.intersection(main.outputs):
        return main
    steps, outputs = _without_dead(main.steps, main.outputs, silent)
    return main if steps == main.steps else replace(main, steps=steps, outputs=outputs)


@functools.lru_cache(_N_REMEMBERED)
def _live_function(function: Function) -> Function:
    """Leave out the dead steps of a function."""
    silent = _silent_results(function.steps, set(), set())
    steps, outputs = function.steps, function.outputs
    if not silent.intersection(outputs):
        steps, outputs = _without_dead(steps, outputs, silent)
    elif len(outputs) == 1 and function.formals and len(steps) > 2:
        zero = next(step for step in steps if _is_constant(step) and holds_zeros(step))
        steps = (zero, Step("", "Mul", (), (function.formals[0], zero.results[0]), outputs))
    return function if steps == function.steps else replace(function, steps=steps, outputs=outputs)


def _silent_results(steps: tuple[Step, ...], zeros: Set[str], weights: Set[str]) -> set[str]:
    """Names of silent results.

    Args:
        steps: Of a scope, in text order.
        zeros: Names of stored tensors that hold nothing but 0.
        weights: Names of inputs that carry no data, where they can be told.
    """
    constants = {step.results[0]: step for step in steps if _is_constant(step)}
    zeros = zeros | {name for name, step in constants.items() if holds_zeros(step)}
    silent: set[str] = set()
    if not zeros:
        return silent
    for step in steps:
        operands = step.operands[:1] if step.operator in _LINEAR else step.operands
        data = {name for name in operands if name} - constants.keys() - weights
        is_product = step.operator == "Mul" and not zeros.isdisjoint(operands)
        if not step.domain and (is_product or (data and data <= silent)):
            silent.update(step.results)
    return silent


def _without_dead(
    steps: tuple[Step, ...], outputs: tuple[str, ...], silent: Set[str]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Leave out dead steps and silent summands.

    Args:
        steps: Of a scope, in text order.
        outputs: Names that it returns, none of them silent.
        silent: Names of silent results.
    """
    needed = set(outputs)
    live: list[Step] = []
    for step in reversed(steps):
        if needed.isdisjoint(step.results):
            continue
        heard = tuple([name for name in step.operands if name not in silent])
        is_sum = step.operator in _SUMS and not step.domain
        live.append(step._replace(operands=heard) if heard and is_sum else step)
        needed.update(live[-1].operands)
    kept: list[Step] = []
    names: dict[str, str] = {}
    for step in reversed(live):
        operands = tuple([names.get(name, name) for name in step.operands])
        if step.operator in _SUMS and not step.domain and len(operands) == 1:
            names[step.results[0]] = operands[0]
        else:
            kept.append(step._replace(operands=operands))
    return tuple(kept), tuple([names.get(name, name) for name in outputs])


def _is_constant(step: Step) -> bool:
    return step.operator == "Constant" and not step.domain and len(step.results) == 1


def holds_zeros(constant: Step) -> bool:
    """Whether a Constant is short, and nothing but 0."""
    encoded = constant_value(constant.attributes)
    return encoded is not None and is_zero(encoded)


@functools.lru_cache(_N_REMEMBERED)
def is_zero(encoded: bytes) -> bool:
    """Whether a tensor holds numbers, and all of them are 0."""
    values = tensor_values(onnx.TensorProto.FromString(encoded))
    return bool(values.size) and not np.any(values)
