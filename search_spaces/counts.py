"""Exact counts of a network: parameters, mult-adds, activations, one row per statement that runs.

Counted on the graph as it is exported, BatchNorm folded. What a publication counted may differ
(BatchNorm's two vectors, for one): `SearchSpace.published_counts` follows its convention.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import onnx

from search_spaces.graph import IMAGE_INPUT, Graph, ValueType
from search_spaces.onnx_bridge import from_model
from search_spaces.shapes import Step, trace_shapes

__all__ = ["Counts", "OpCount", "count", "count_graph"]


@dataclass(frozen=True, slots=True)
class OpCount:
    """Counts of one statement, once for every time it runs.

    Attributes:
        op: Operator.
        function: Function it stands in; empty for the main graph.
        input_shapes: Shapes of the operands; () for a missing one.
        output_shape: Shape of the first result.
        parameters: Elements of the weights among its operands.
        mult_adds: Multiply-accumulate operations; 1 is 2 FLOPs.
    """

    op: str
    function: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    parameters: int
    mult_adds: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a network for one image.

    Attributes:
        parameters: Elements of all weights; a weight that is used twice counts once.
        mult_adds: Multiply-accumulate operations of convolutions and matrix products.
        activations: Elements of the outputs of convolutions and matrix products (the definition
            of "On Network Design Spaces for Visual Recognition", arXiv:1905.13214).
        per_op: One row per statement that runs, in order; empty where only totals are known.
    """

    parameters: int
    mult_adds: int
    activations: int
    per_op: Sequence[OpCount] = ()


_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def count(model: onnx.ModelProto) -> Counts:
    """Count a model.

    Args:
        model: Static shapes; weights as typed inputs or initializers.

    Raises:
        UnsupportedModelError: If a shape cannot be inferred.
    """
    return count_graph(from_model(model))


def count_graph(graph: Graph) -> Counts:
    """Count a graph; linear in the statements that run."""
    steps = trace_shapes(graph)
    sizes = {name: prod(kind.shape) for name, kind in graph.inputs if name != IMAGE_INPUT}
    used = {name for step in steps for name in step.operands if name in sizes}
    per_op = tuple(
        [
            OpCount(
                op=step.node.op,
                function=step.function,
                input_shapes=tuple([kind.shape if kind else () for kind in step.inputs]),
                output_shape=step.outputs[0].shape,
                parameters=sum([sizes.get(name, 0) for name in set(step.operands)]),
                mult_adds=_mult_adds(step),
            )
            for step in steps
        ]
    )
    return Counts(
        parameters=sum(sizes[name] for name in used),
        mult_adds=sum(row.mult_adds for row in per_op),
        activations=sum(prod(row.output_shape) for row in per_op if row.op in _PRODUCTS),
        per_op=per_op,
    )


def _mult_adds(step: Step) -> int:
    """Count the products of one statement; additions of a bias are not products."""
    if step.node.op not in _PRODUCTS:
        return 0
    first, second = _shape(step.inputs[0]), _shape(step.inputs[1])
    output = step.outputs[0].shape
    if step.node.op == "Conv":
        return prod(output) * prod(second[1:])
    if step.node.op == "ConvTranspose":
        return prod(first) * prod(second[1:])
    if step.node.op == "Gemm":
        is_transposed = dict(step.node.attributes).get("transA", 0)
        return prod(output) * first[0 if is_transposed else 1]
    return prod(output) * first[-1]


def _shape(kind: ValueType | None) -> tuple[int, ...]:
    """Return the shape of an operand that must be there."""
    return () if kind is None else kind.shape
