"""Structural checks of a model that may come from anywhere, before anything walks it.

Everything here is linear in the size of the file, never follows a path that the file names, and
bounds what later code expands: statements, calls of functions, depth of calls.
"""

from collections.abc import Iterable, Sequence

import onnx
import onnx.defs

from search_spaces.errors import UnsupportedModelError

__all__ = ["DEFAULT_DOMAINS", "MAX_CALL_DEPTH", "MAX_NODES", "check_structure", "sorted_nodes"]

MAX_NODES = 20_000
"""Most statements of a model, calls of functions expanded."""
MAX_CALL_DEPTH = 32
"""Deepest chain of functions that call each other."""

DEFAULT_DOMAINS = frozenset({"", "ai.onnx"})
_GRAPH_TYPES = frozenset({onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS})
_FunctionKey = tuple[str, str]


def check_structure(model: onnx.ModelProto) -> int:
    """Refuse a model that cannot be walked safely or that canonical text cannot say.

    Returns:
        The version of the default operator set.

    Raises:
        UnsupportedModelError: For too many statements, recursive functions, external data, unknown
            operators, control flow, or values that are undefined or defined twice. Cycles are
            found by `sorted_nodes`.
    """
    functions = {(f.domain, f.name): f for f in model.functions}
    if len(functions) < len(model.functions):
        raise UnsupportedModelError("Functions must have different names, but two share one.")
    n_nodes = len(model.graph.node) + sum(len(f.node) for f in model.functions)
    if n_nodes > MAX_NODES:
        raise UnsupportedModelError(
            f"Model must have at most {MAX_NODES} nodes, but has {n_nodes}."
        )
    opset = _default_opset(model)
    for nodes in (model.graph.node, *[f.node for f in model.functions]):
        for node in nodes:
            _check_node(node, functions, opset)
    _check_expansion(model, functions)
    for tensor in model.graph.initializer:
        _check_tensor(tensor)
    if model.graph.sparse_initializer:
        raise UnsupportedModelError("Initializers must be dense, but the model has sparse ones.")
    return opset


def _default_opset(model: onnx.ModelProto) -> int:
    """Return the version of the default operator set."""
    newest = onnx.defs.onnx_opset_version()
    for entry in model.opset_import:
        if entry.domain in DEFAULT_DOMAINS:
            if not 1 <= entry.version <= newest:
                raise UnsupportedModelError(
                    f"Operator set must have a version in 1..{newest}, but has {entry.version}."
                )
            return int(entry.version)
    raise UnsupportedModelError("Model must import the default operator set, but does not.")


def _check_tensor(tensor: onnx.TensorProto) -> None:
    """Refuse data outside the file and data that is not numbers."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise UnsupportedModelError(
            f"Weights must be inside the file, but {tensor.name[:80]!r} names external data. Save "
            "the model as one file, or without weights."
        )
    if tensor.data_type in {onnx.TensorProto.STRING, onnx.TensorProto.UNDEFINED}:
        raise UnsupportedModelError(
            f"Tensors must hold numbers, but {tensor.name[:80]!r} does not."
        )


def _check_node(
    node: onnx.NodeProto, functions: dict[_FunctionKey, onnx.FunctionProto], opset: int
) -> None:
    """Refuse unknown operators, control flow and external data in attributes."""
    key = (node.domain, node.op_type)
    if key in functions:
        function = functions[key]
        if len(node.input) > len(function.input) or len(node.output) > len(function.output):
            raise UnsupportedModelError(
                f"Call of function {node.op_type[:80]!r} must have at most "
                f"{len(function.input)} inputs and {len(function.output)} outputs, but has "
                f"{len(node.input)} and {len(node.output)}."
            )
    elif node.domain not in DEFAULT_DOMAINS or not onnx.defs.has(node.op_type, opset):
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise UnsupportedModelError(
            f"Operators must be standard ONNX (opset {opset}) or functions of the model, but got "
            f"{name[:80]!r}. Export the model with standard operators."
        )
    for attribute in node.attribute:
        if attribute.type in _GRAPH_TYPES:
            raise UnsupportedModelError(
                f"Model must have no control flow, but {node.op_type[:80]} has the subgraph "
                f"{attribute.name[:80]!r}."
            )
        if attribute.type == onnx.AttributeProto.TENSOR:
            _check_tensor(attribute.t)


def _check_expansion(
    model: onnx.ModelProto, functions: dict[_FunctionKey, onnx.FunctionProto]
) -> None:
    """Refuse recursion, deep chains of calls and calls that expand to too many statements."""
    callees = {
        key: [(n.domain, n.op_type) for n in function.node if (n.domain, n.op_type) in functions]
        for key, function in functions.items()
    }
    sizes: dict[_FunctionKey, int] = {}
    depths: dict[_FunctionKey, int] = {}
    waiting = {key: set(called) for key, called in callees.items()}
    ready = [key for key, called in waiting.items() if not called]
    callers: dict[_FunctionKey, list[_FunctionKey]] = {key: [] for key in functions}
    for key, called in waiting.items():
        for callee in called:
            callers[callee].append(key)
    while ready:
        key = ready.pop()
        sizes[key] = len(functions[key].node) + sum(sizes[c] - 1 for c in callees[key])
        depths[key] = 1 + max((depths[c] for c in callees[key]), default=0)
        for caller in callers[key]:
            waiting[caller].discard(key)
            if not waiting[caller]:
                ready.append(caller)
    if len(sizes) < len(functions):
        name = next(key[1] for key in functions if key not in sizes)
        raise UnsupportedModelError(
            f"Functions must not call themselves, but {name[:80]!r} is part of a recursion."
        )
    if max(depths.values(), default=0) > MAX_CALL_DEPTH:
        raise UnsupportedModelError(
            f"Functions must be nested at most {MAX_CALL_DEPTH} deep, but are nested "
            f"{max(depths.values())} deep."
        )
    total = sum(sizes.get((n.domain, n.op_type), 1) for n in model.graph.node)
    if total > MAX_NODES:
        raise UnsupportedModelError(
            f"Model must have at most {MAX_NODES} nodes with its functions expanded, but has "
            f"{total if total < 10**18 else 'over 10**18'}."
        )


def sorted_nodes(
    nodes: Sequence[onnx.NodeProto], defined: Iterable[str], outputs: Iterable[str], where: str
) -> Sequence[onnx.NodeProto]:
    """Return the statements in topological order; in the order they have if that is one.

    Args:
        nodes: Statements of one body.
        defined: Names of inputs and initializers.
        outputs: Names that must be defined in the end.
        where: The body, for messages.

    Raises:
        UnsupportedModelError: If there is a cycle, or a name is undefined or defined twice.
    """
    producers: dict[str, int] = {}
    available = set(defined)
    for index, node in enumerate(nodes):
        for name in node.output:
            if name and (name in producers or name in available):
                raise UnsupportedModelError(
                    f"Values must be defined once, but {name[:80]!r} in {where} is defined twice."
                )
            producers[name] = index
    available.add("")
    for name in [name for node in nodes for name in node.input] + list(outputs):
        if name not in producers and name not in available:
            raise UnsupportedModelError(
                f"Values must be defined, but {name[:80]!r} in {where} is not."
            )
    order = _topological_order(nodes, producers, available)
    if len(order) < len(nodes):
        done = set(order)
        stuck = next(index for index in range(len(nodes)) if index not in done)
        raise UnsupportedModelError(
            f"Data flow must have no cycle, but a {nodes[stuck].op_type[:80]} in {where} "
            "depends on its own result."
        )
    return nodes if order == list(range(len(nodes))) else [nodes[index] for index in order]


def _topological_order(
    nodes: Sequence[onnx.NodeProto], producers: dict[str, int], available: set[str]
) -> list[int]:
    """Order by readiness, keeping the given order where it is topological."""
    needs = [{producers[name] for name in node.input if name not in available} for node in nodes]
    if all(not need or max(need) < index for index, need in enumerate(needs)):
        return list(range(len(nodes)))
    users: list[list[int]] = [[] for _ in nodes]
    for index, need in enumerate(needs):
        for producer in need:
            users[producer].append(index)
    missing = [len(need) for need in needs]
    order = [index for index, n in enumerate(missing) if not n]
    for index in order:
        for user in users[index]:
            missing[user] -= 1
            if not missing[user]:
                order.append(user)
    return order
