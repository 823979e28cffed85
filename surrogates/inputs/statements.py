"""ONNX text to statements and the relations between them: what every surrogate here reads.

A statement is one node: its operator, its attributes, the shape of each weight and of its result.
Names never enter a statement: what a name says is *which statement defines it*, and that becomes
an edge. A model-local function is read once; a call points to the statements of the body, and
inside the body the weight shapes are those of the first call. A chain of equal statements, such
as one cell stacked five times, is read as one statement that carries its count.

The text is parsed by ``onnx.parser`` and nothing else. This module knows no tokenizer and no
network, and it never evaluates or loads data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx.checker
import onnx.parser
import onnx.shape_inference
from numpy.typing import NDArray

from surrogates.errors import TextError, TextTooLongError

MAX_STATEMENTS = 4096
"""Longest graph that is read, in statements after chains are merged."""

_MAX_CONSTANT_VALUES = 8
_ATTRIBUTE = onnx.AttributeProto
_Shape = tuple[int, ...]


@dataclass(frozen=True)
class StatementGraph:
    """The statements of one architecture, in text order, and who uses whom.

    Attributes:
        statements: Length s; fields separated by one space, without any name.
        defines: Shape ``(e, 2)``; row (i, j) says that j reads the result of i, once per operand.
        calls: Shape ``(c, 2)``; row (i, j) says that statement i calls a function with statement
            j in its body.
        returns: Shape ``(r, 2)``; row (i, j) says that j returns the result of the call i.
    """

    statements: tuple[str, ...]
    defines: NDArray[np.int32]
    calls: NDArray[np.int32]
    returns: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of statements."""
        return len(self.statements)


@dataclass(frozen=True)
class _Body:
    """The statements of a function: all of them, and the ones that define its results."""

    statements: tuple[int, ...]
    results: tuple[int, ...]


def read_statements(text: str, *, max_statements: int = MAX_STATEMENTS) -> StatementGraph:
    """Read ONNX text into statements and relations.

    Args:
        text: The official textual syntax of ONNX. The graph input named ``x``, or else the first
            one, carries data; every other graph input or initializer is a weight.
        max_statements: Refuse longer graphs.

    Raises:
        TextError: If the text does not parse, is empty, reads or returns an undefined name, or its
            functions recurse.
        TextTooLongError: If the graph is longer than ``max_statements``.
    """
    try:
        text.encode("utf-8")  # a lone surrogate is no text, and the parser would call it a type
        model = onnx.parser.parse_model(text)
    except (onnx.parser.ParseError, UnicodeEncodeError) as error:
        reason = str(error).strip().splitlines()
        raise TextError(
            f"A text must be ONNX text, but it does not parse: {reason[-1] if reason else error}. "
            "Export models with `nas-rlm export --text`."
        ) from error
    return _Reader(model, max_statements).read()


class _Reader:
    """Reads one model; holds what is shared between its scopes."""

    def __init__(self, model: onnx.ModelProto, max_statements: int) -> None:
        self._model = model
        self._limit = max_statements
        self._functions = {(f.domain, f.name): f for f in model.functions}
        self._bodies: dict[tuple[str, str], _Body] = {}
        self._open: set[tuple[str, str]] = set()
        self._statements: list[str] = []
        self._defines: list[tuple[int, int]] = []
        self._calls: list[tuple[int, int]] = []
        self._returns: list[tuple[int, int]] = []

    def read(self) -> StatementGraph:
        """Read the main graph and, from its calls, the functions."""
        graph = self._model.graph
        shapes = _typed_shapes(graph.input)
        for tensor in graph.initializer:
            shapes[tensor.name] = tuple(tensor.dims)
        names = [value.name for value in graph.input]
        initializers = {tensor.name for tensor in graph.initializer}
        data = [n for n in names if n == "x"] or [n for n in names if n not in initializers][:1]
        weights = {n: s for n, s in shapes.items() if n not in data}
        results = self._result_shapes(graph)
        self._scope(
            graph.node,
            data=[(name, shapes.get(name, ())) for name in data],
            weights=weights,
            results=results,
            outputs=[value.name for value in graph.output],
        )
        if not self._statements:
            raise TextError(
                "A graph must have an input or a node, but it is empty. Export the model again."
            )
        return StatementGraph(
            statements=tuple(self._statements),
            defines=_pairs(self._defines),
            calls=_pairs(self._calls),
            returns=_pairs(self._returns),
        )

    def _result_shapes(self, graph: onnx.GraphProto) -> dict[str, _Shape]:
        """Shapes of the values in the main graph, as far as ONNX infers them."""
        try:
            inferred = onnx.shape_inference.infer_shapes(self._model).graph
        except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError):
            inferred = graph  # no shapes then; what is wrong is said where it is read
        return _typed_shapes(inferred.value_info) | _typed_shapes(inferred.output)

    def _scope(
        self,
        nodes: Sequence[onnx.NodeProto],
        *,
        data: list[tuple[str, _Shape]],
        weights: dict[str, _Shape],
        results: dict[str, _Shape],
        outputs: Sequence[str],
    ) -> _Body:
        """Read the nodes of a graph or function body; return which statements they became."""
        defined: dict[str, int] = {}
        own: list[int] = []
        for name, shape in data:
            defined[name] = self._add(f"Input{_shape_fields('out', shape)}")
            own.append(defined[name])
        chain = _Chain()
        n_uses = _count_uses(nodes, outputs)
        for node in nodes:
            operands = [name for name in node.input if name]
            key = (node.domain, node.op_type)
            function = self._functions.get(key)
            fields = [node.op_type if function is None else "Call"]
            fields += [_attribute_field(a) for a in sorted(node.attribute, key=_name)]
            bound = [weights[name] for name in operands if name in weights]
            if function is None:
                fields += [_shape_fields(f"w{k}.", s)[1:] for k, s in enumerate(bound) if s]
            producers = self._producers(node, operands, defined, weights)
            shape = results.get(node.output[0], ()) if node.output else ()
            fields += [_shape_fields("out", shape)[1:]] if shape else []
            rendered = " ".join(fields)
            signature = (key, rendered, tuple(bound))
            if chain.continues(signature, producers, operands, n_uses):
                chain.count += 1
                index = chain.statement
                self._statements[index] = f"{rendered} times={chain.count}"
            else:
                index = self._add(rendered)
                own.append(index)
                self._defines += [(producer, index) for producer in producers]
                chain = _Chain(signature, index)
                if function is not None:
                    self._link(index, key, node, weights, results)
            chain.result = node.output[0] if node.output else ""
            for name in node.output:
                defined[name] = index
        for name in outputs:
            if name not in defined and name not in weights:
                raise TextError(
                    f"Every result must be defined, but {name!r} is not. Export the model again."
                )
        ends = tuple(defined[name] for name in outputs if name in defined)
        return _Body(tuple(own), ends)

    def _producers(
        self,
        node: onnx.NodeProto,
        operands: Iterable[str],
        defined: dict[str, int],
        weights: dict[str, _Shape],
    ) -> list[int]:
        """Statements that define the operands, one entry per operand that is not a weight."""
        producers = []
        for name in operands:
            if name in defined:
                producers.append(defined[name])
            elif name not in weights:
                raise TextError(
                    f"Every operand must be defined before it is used, but {node.op_type} reads "
                    f"{name!r}. Export the model again."
                )
        return producers

    def _link(
        self,
        call: int,
        key: tuple[str, str],
        node: onnx.NodeProto,
        weights: dict[str, _Shape],
        results: dict[str, _Shape],
    ) -> None:
        """Relate a call to the body of its function, which is read at the first call."""
        if key in self._open:
            raise TextError(
                f"Functions must not call themselves, but {key[0]}.{key[1]} does. "
                "Inline the function."
            )
        if key not in self._bodies:
            function = self._functions[key]
            self._open.add(key)
            inner_weights: dict[str, _Shape] = {}
            inner_data: list[tuple[str, _Shape]] = []
            for formal, actual in zip(function.input, node.input, strict=False):
                if actual in weights:
                    inner_weights[formal] = weights[actual]
                else:
                    inner_data.append((formal, results.get(actual, ())))
            for formal in function.input[len(node.input) :]:
                inner_weights[formal] = ()
            self._bodies[key] = self._scope(
                function.node,
                data=inner_data,
                weights=inner_weights,
                results={},
                outputs=list(function.output),
            )
            self._open.discard(key)
        body = self._bodies[key]
        self._calls += [(call, statement) for statement in body.statements]
        self._returns += [(call, statement) for statement in body.results]

    def _add(self, statement: str) -> int:
        """Append a statement and return its index."""
        if len(self._statements) >= self._limit:
            raise TextTooLongError(
                f"A text must have at most {self._limit} statements, but it has more. "
                "Fold its repeated blocks into functions; texts are never cut."
            )
        self._statements.append(statement)
        return len(self._statements) - 1


class _Chain:
    """The run of equal statements that the last node may continue."""

    def __init__(self, signature: object = None, statement: int = -1) -> None:
        self.signature = signature
        self.statement = statement
        self.count = 1
        self.result = ""

    def continues(
        self,
        signature: object,
        producers: list[int],
        operands: list[str],
        n_uses: dict[str, int],
    ) -> bool:
        """Whether a node equals the last one and is the only reader of its result."""
        return (
            signature == self.signature
            and producers == [self.statement]
            and self.result in operands
            and n_uses.get(self.result, 0) == 1
        )


def _count_uses(nodes: Iterable[onnx.NodeProto], outputs: Iterable[str]) -> dict[str, int]:
    """How often each name is read in a scope."""
    uses: dict[str, int] = {}
    for node in nodes:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    for name in outputs:
        uses[name] = uses.get(name, 0) + 1
    return uses


def _typed_shapes(values: Iterable[onnx.ValueInfoProto]) -> dict[str, _Shape]:
    """Name to shape; a dimension that is not a number becomes 0."""
    return {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in values
    }


def _shape_fields(prefix: str, shape: _Shape) -> str:
    """One field a dimension, each with a leading space."""
    return "".join(f" {prefix}{axis}={size}" for axis, size in enumerate(shape))


def _name(attribute: onnx.AttributeProto) -> str:
    return attribute.name


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
    """Shape of a constant, and its values when they are few."""
    shape = "x".join(map(str, tensor.dims))
    if int(np.prod(tensor.dims, dtype=np.int64)) > _MAX_CONSTANT_VALUES:
        return f"[{shape}]"
    values = onnx.numpy_helper.to_array(tensor).ravel()
    return f"[{shape}]" + ",".join(f"{number:.4g}" for number in values.tolist())


def _pairs(pairs: list[tuple[int, int]]) -> NDArray[np.int32]:
    """A list of index pairs as an array of shape (n, 2)."""
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)
