"""Shapes of every value of a graph, main graph and functions, through the call sites.

The operators that architectures are made of have a rule here; any other operator is asked from
`onnx.shape_inference` one statement at a time. A function is walked once for every combination of
argument types, so fifteen calls of a cell cost three walks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import onnx
import onnx.defs
import onnx.shape_inference

from search_spaces.errors import UnsupportedModelError
from search_spaces.graph import (
    DOMAIN,
    Attributes,
    AttributeValue,
    Graph,
    Node,
    Reference,
    Tensor,
    ValueType,
)
from search_spaces.graph_printer import attribute_proto

__all__ = ["Step", "trace_shapes"]

_PREFIX = f"{DOMAIN}."
Shape = tuple[int, ...]


class Step(NamedTuple):
    """One statement as it runs: a statement of a function appears once for every call.

    Attributes:
        node: The statement; references to attributes of the function are resolved.
        function: Name of the function it stands in; empty for the main graph.
        inputs: Types of the operands; a missing operand has None.
        outputs: Types of the results.
        operands: Names of the operands, unique over the whole network: those of the main graph
            for what a call passes, with the path of calls in front for what a function computes.
        results: Names of the results, likewise.
    """

    node: Node
    function: str
    inputs: tuple[ValueType | None, ...]
    outputs: tuple[ValueType, ...]
    operands: tuple[str, ...]
    results: tuple[str, ...]


def trace_shapes(graph: Graph) -> list[Step]:
    """Return the statements in the order in which they run, calls expanded, with all types.

    Raises:
        UnsupportedModelError: If a shape cannot be inferred or operands do not fit.
    """
    return _Walker(graph).walk(graph.nodes, "", dict(graph.inputs))[0]


_Types = dict[str, ValueType | None]
_Key = tuple[str, tuple[ValueType | None, ...], Attributes]


class _Walker:
    """Walks bodies; keeps what it found for a function and its argument types."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[_Key, tuple[list[Step], tuple[ValueType, ...]]] = {}

    def walk(
        self,
        nodes: Sequence[Node],
        function: str,
        known: Mapping[str, ValueType | None],
        given: Attributes = (),
    ) -> tuple[list[Step], _Types]:
        """Return the steps of a body and the types of all its values."""
        types: _Types = {**known, "": None}
        constants: dict[str, Tensor] = {}
        steps: list[Step] = []
        for index, node in enumerate(nodes):
            if given:
                node = _resolved(node, dict(given))  # noqa: PLW2901
            inputs = tuple([types[name] for name in node.inputs])
            if node.op.startswith(_PREFIX):
                outputs = self._call(node, f"{index}/", inputs, steps)
            else:
                outputs = _infer(node, inputs, constants, self.graph.opset)
                steps.append(Step(node, function, inputs, outputs, node.inputs, node.outputs))
            types.update(zip(node.outputs, outputs, strict=False))
        return steps, types

    def _call(
        self, node: Node, path: str, inputs: tuple[ValueType | None, ...], steps: list[Step]
    ) -> tuple[ValueType, ...]:
        """Append the steps of a call, with names of the caller."""
        name = node.op[len(_PREFIX) :]
        function = self.graph.functions[name]
        key = (name, inputs, node.attributes)
        if key not in self.known:
            own = dict(zip(function.inputs, inputs, strict=True))
            body, types = self.walk(function.nodes, name, own, node.attributes)
            results = tuple([_known(types[output], name) for output in function.outputs])
            self.known[key] = (body, results)
        body, results = self.known[key]
        actual = dict(zip(function.inputs, node.inputs, strict=True))
        actual.update(zip(function.outputs, node.outputs, strict=False))
        actual[""] = ""
        for step in body:
            operands = tuple([actual.get(n) or path + n for n in step.operands])
            produced = tuple([actual.get(n) or path + n for n in step.results])
            steps.append(step._replace(operands=operands, results=produced))
        return results


def _resolved(node: Node, given: Mapping[str, AttributeValue]) -> Node:
    """Put what the caller gives in the place of references to attributes of the function."""
    if not any(isinstance(value, Reference) for _, value in node.attributes):
        return node
    return node._replace(
        attributes=tuple(
            [
                (name, given[value.name] if isinstance(value, Reference) else value)
                for name, value in node.attributes
            ]
        )
    )


def _known(value_type: ValueType | None, function: str) -> ValueType:
    """Return the type of a function's output."""
    if value_type is None:
        raise UnsupportedModelError(
            f"Function {function!r} must produce its outputs, but does not."
        )
    return value_type


def _infer(
    node: Node,
    inputs: tuple[ValueType | None, ...],
    constants: dict[str, Tensor],
    opset: int,
) -> tuple[ValueType, ...]:
    """Infer the result types of one statement."""
    if node.op == "Constant":
        value = dict(node.attributes).get("value")
        if isinstance(value, Tensor):
            constants[node.outputs[0]] = value
    rule = _RULES.get(node.op)
    first = inputs[0] if inputs else None
    if rule is not None and first is not None:
        try:
            shape = rule([i.shape if i is not None else () for i in inputs], node.attributes)
        except (IndexError, ValueError) as error:
            raise UnsupportedModelError(_misfit(node, inputs)) from error
        if shape is not None:
            if min(shape, default=1) < 1:
                raise UnsupportedModelError(_misfit(node, inputs))
            return (ValueType(first.element, shape),)
    return _ask_onnx(node, inputs, constants, opset)


def _misfit(node: Node, inputs: tuple[ValueType | None, ...]) -> str:
    """Say which statement does not fit its operands."""
    shapes = [list(i.shape) if i is not None else None for i in inputs]
    return f"Operands of {node.op} must fit each other, but have shapes {shapes!r}."


Rule = Callable[[list[Shape], Attributes], Shape | None]


def _same(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer an operator that keeps the shape of its first operand."""
    del attributes
    return shapes[0]


def _broadcast(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer an element-wise operator of several operands."""
    del attributes
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = tuple(max(sizes) for sizes in zip(*padded, strict=True))
    for shape in padded:
        if any(size not in {1, wanted} for size, wanted in zip(shape, result, strict=True)):
            raise ValueError(shape)
    return result


def _ints(value: AttributeValue) -> Shape:
    """Return an attribute that is a list of ints."""
    if not isinstance(value, tuple):
        raise TypeError(value)
    return tuple([int(str(v)) for v in value])


def _window(spatial: Shape, kernel: Shape, attributes: Attributes) -> Shape | None:
    """Infer the image size behind a sliding window; None for the rarer modes."""
    named = dict(attributes)
    if named.get("auto_pad", "NOTSET") != "NOTSET" or named.get("ceil_mode", 0):
        return None
    rank = len(spatial)
    strides = _ints(named.get("strides", (1,) * rank))
    dilations = _ints(named.get("dilations", (1,) * rank))
    pads = _ints(named.get("pads", (0,) * (2 * rank)))
    return tuple(
        [
            (spatial[i] + pads[i] + pads[i + rank] - dilations[i] * (kernel[i] - 1) - 1)
            // strides[i]
            + 1
            for i in range(rank)
        ]
    )


def _conv(shapes: list[Shape], attributes: Attributes) -> Shape | None:
    """Infer a convolution."""
    x, weight = shapes[0], shapes[1]
    groups = int(str(dict(attributes).get("group", 1)))
    if x[1] != weight[1] * groups or weight[0] % groups or len(x) != len(weight):
        raise ValueError(shapes)
    spatial = _window(x[2:], weight[2:], attributes)
    return None if spatial is None else (x[0], weight[0], *spatial)


def _pool(shapes: list[Shape], attributes: Attributes) -> Shape | None:
    """Infer a pool."""
    x = shapes[0]
    spatial = _window(x[2:], _ints(dict(attributes)["kernel_shape"]), attributes)
    return None if spatial is None else (*x[:2], *spatial)


def _global_pool(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer a global pool."""
    del attributes
    return (*shapes[0][:2], *[1 for _ in shapes[0][2:]])


def _flatten(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer a flattening."""
    axis = int(str(dict(attributes).get("axis", 1)))
    sizes = [1, 1]
    for index, size in enumerate(shapes[0]):
        sizes[index >= axis] *= size
    return (sizes[0], sizes[1])


def _gemm(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer a linear layer."""
    named = dict(attributes)
    (rows, inner), (other, columns) = shapes[0], shapes[1]
    if named.get("transA", 0):
        rows, inner = inner, rows
    if named.get("transB", 0):
        other, columns = columns, other
    if inner != other:
        raise ValueError(shapes)
    return (rows, columns)


def _concat(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Infer a concatenation."""
    axis = int(str(dict(attributes)["axis"])) % len(shapes[0])
    rests = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(rests) > 1:
        raise ValueError(shapes)
    size = sum(shape[axis] for shape in shapes)
    return (*shapes[0][:axis], size, *shapes[0][axis + 1 :])


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "BatchNormalization",
            "Clip",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "Relu",
            "Sigmoid",
            "Softmax",
            "Tanh",
        ),
        _same,
    ),
    **dict.fromkeys(("Add", "Mul", "Sub", "Div", "Sum", "Max", "Min", "Mean"), _broadcast),
    "AveragePool": _pool,
    "Concat": _concat,
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "MaxPool": _pool,
}


def _ask_onnx(
    node: Node,
    inputs: tuple[ValueType | None, ...],
    constants: dict[str, Tensor],
    opset: int,
) -> tuple[ValueType, ...]:
    """Let ONNX infer one statement."""
    names = [f"i{index}" if name else "" for index, name in enumerate(node.inputs)]
    proto = onnx.NodeProto(op_type=node.op, input=names, output=node.outputs)
    proto.attribute.extend(attribute_proto(name, value) for name, value in node.attributes)
    types, values = {}, {}
    for alias, name, kind in zip(names, node.inputs, inputs, strict=True):
        if kind is not None:
            number = onnx.TensorProto.DataType.Value(kind.element.upper())
            types[alias] = onnx.helper.make_tensor_type_proto(number, kind.shape)
        if name in constants:
            element, shape, raw = constants[name]
            values[alias] = onnx.TensorProto(data_type=element, dims=shape, raw_data=raw)
    try:
        schema = onnx.defs.get_schema(node.op, opset)
        found = onnx.shape_inference.infer_node_outputs(schema, proto, types, values)
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnsupportedModelError(f"Shape of {node.op} cannot be inferred: {reason}") from error
    return tuple([_static_type(node, found.get(name)) for name in node.outputs if name])


def _static_type(node: Node, proto: onnx.TypeProto | None) -> ValueType:
    """Convert an inferred type; every size must be known."""
    tensor = proto.tensor_type if proto is not None else None
    if tensor is None or not tensor.HasField("shape") or not tensor.elem_type:
        raise UnsupportedModelError(
            f"Shapes must be static, but that of a result of {node.op} depends on values. "
            "Simplify the model so that shape arithmetic is folded."
        )
    sizes = [dim.dim_value for dim in tensor.shape.dim]
    if not all(sizes):
        raise UnsupportedModelError(
            f"Shapes must be static, but {node.op} gives {sizes!r} (0 = unknown). "
            "Simplify the model so that shape arithmetic is folded."
        )
    element = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return ValueType(element, tuple(sizes))
