"""Fold what a flat graph repeats into functions, so that it reads like our own exports.

The statements are put into a depth-first order that depends on their surroundings only, so that
equal blocks become equal runs; the run that saves most statements becomes a function, and so on
until nothing is saved. A function holds no calls: stages of equal blocks are not folded again.
Constants are given to each reader first, so that a shared one does not tie blocks together.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import onnx

from search_spaces.canonical import canonicalize_graph
from search_spaces.graph import DOMAIN, Function, Graph, Node
from search_spaces.graph_printer import statement_head
from search_spaces.onnx_bridge import from_model, to_model
from search_spaces.passes.colours import label, mix
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS

__all__ = ["fold_repeats"]

_MAX_RUN = 256
"""Longest run of statements that is looked at."""
_RADIUS = 12
"""How many statements up the data flow an order may look."""
_MIN_SAVED = 2
_PREFIX = f"{DOMAIN}."


def fold_repeats(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn repeated subgraphs of the main graph into model-local functions.

    Args:
        model: Usually flat; functions that it has stay, and calls of them are not folded.

    Returns:
        The canonical model with functions for what repeats; with its functions inlined it is the
        canonical model again. Unchanged but canonical where nothing repeats.

    Raises:
        UnsupportedModelError: If the model is outside what canonical text can say.
    """
    return to_model(_fold_graph(canonicalize_graph(from_model(model))))


class _Run(NamedTuple):
    """Equal runs of statements: where they start, and how long they are."""

    starts: tuple[int, ...]
    length: int

    @property
    def saved(self) -> int:
        """Statements that a function saves."""
        return len(self.starts) * (self.length - 1) - self.length


def _fold_graph(graph: Graph) -> Graph:
    """Fold the main graph until nothing is saved."""
    weights = frozenset(name for name, _ in graph.inputs[1:])
    nodes = _depth_first(_own_constants(graph.nodes), [name for name, _ in graph.outputs])
    functions: dict[str, Function] = dict(graph.functions)
    outputs = [name for name, _ in graph.outputs]
    while True:
        run = _best_run(nodes, weights)
        if run is None:
            break
        name = f"repeat{len(functions)}"
        functions[name], nodes = _replace(nodes, run, outputs, name)
    return canonicalize_graph(graph._replace(nodes=tuple(nodes), functions=functions))


def _own_constants(nodes: Sequence[Node]) -> list[Node]:
    """Give every reader of a constant a copy of its own."""
    constants = {node.outputs[0]: node for node in nodes if node.op == "Constant"}
    result: list[Node] = []
    for index, node in enumerate(nodes):
        if node.op == "Constant":
            continue
        inputs = []
        for position, name in enumerate(node.inputs):
            own = f"c{index}_{position}" if name in constants else name
            if own is not name:
                result.append(constants[name]._replace(outputs=(own,)))
            inputs.append(own)
        result.append(node._replace(inputs=tuple(inputs)))
    return result


def _local_colours(nodes: Sequence[Node]) -> list[tuple[int, ...]]:
    """Hash every statement with what stands 0, 1, ... `_RADIUS` statements above it.

    Compared as tuples, the nearest difference decides, so that blocks order their statements
    alike whatever stands before them.
    """
    producer = {name: index for index, node in enumerate(nodes) for name in node.outputs}
    last = [label(statement_head(node.op, node.attributes)) for node in nodes]
    rounds = [last]
    for _ in range(_RADIUS):
        colours = []
        for node, colour in zip(nodes, last, strict=True):
            above = [last[producer[name]] if name in producer else 1 for name in node.inputs]
            if node.op in COMMUTATIVE_OPS:
                above.sort()
            colours.append(mix((colour, *above)))
        rounds.append(last := colours)
    return list(zip(*rounds, strict=True))


def _depth_first(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """Order statements so that what belongs together stands together."""
    producer = {name: index for index, node in enumerate(nodes) for name in node.outputs}
    colours = _local_colours(nodes)
    order: list[Node] = []
    done: set[int] = set()
    stack = [(producer[name], False) for name in reversed(outputs) if name in producer]
    while stack:
        index, is_ready = stack.pop()
        if index in done:
            continue
        node = nodes[index]
        if is_ready:
            done.add(index)
            order.append(node)
            continue
        stack.append((index, True))
        above = [producer[name] for name in node.inputs if name in producer]
        if node.op in COMMUTATIVE_OPS:
            above.sort(key=colours.__getitem__)
        stack.extend([(other, False) for other in reversed(above) if other not in done])
    return order


def _tokens(nodes: Sequence[Node], weights: frozenset[str]) -> list[int]:
    """Number the statements: equal numbers for equal operators and distances to operands."""
    place = {name: index for index, node in enumerate(nodes) for name in node.outputs}
    numbers: dict[tuple[object, ...], int] = {}
    tokens = []
    for index, node in enumerate(nodes):
        if node.op.startswith(_PREFIX):
            tokens.append(-1 - index)
            continue
        above = [0 if name in weights else index - place.get(name, -1) for name in node.inputs]
        if node.op in COMMUTATIVE_OPS:
            above.sort()
        key = (node.op, node.attributes, tuple(above))
        tokens.append(numbers.setdefault(key, len(numbers)))
    return tokens


def _best_run(nodes: Sequence[Node], weights: frozenset[str]) -> _Run | None:
    """Find the equal runs that save most; the longer of two that save the same."""
    tokens = _tokens(nodes, weights)
    limit = _ends_before_repetition(tokens)
    counts = Counter(tokens)
    best: _Run | None = None
    current = {start: token for start, token in enumerate(tokens) if counts[token] > 1}
    for length in range(2, min(_MAX_RUN, len(tokens)) + 1):
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for start, run in current.items():
            if start + length <= limit[start]:
                groups[run, tokens[start + length - 1]].append(start)
        current = {}
        for number, starts in enumerate(groups.values()):
            if len(starts) > 1:
                current.update(dict.fromkeys(starts, number))
                found = _Run(_equal_runs(nodes, starts, length), length)
                if found.saved >= max(_MIN_SAVED, best.saved if best else 0):
                    best = found
        if not current:
            break
    return best


def _ends_before_repetition(tokens: Sequence[int]) -> list[int]:
    """Find for every start how far a run may go before it holds two blocks where one would do.

    A run with an immediate repetition of two or more statements, or the same statement three
    times, is left to the shorter block that it repeats.
    """
    n = len(tokens)
    limit = [n] * (n + 1)
    for period in range(1, min(_MAX_RUN, n) // 2 + 1):
        n_equal = 0
        needed = period if period > 1 else 2
        for start in range(n - period - 1, -1, -1):
            n_equal = n_equal + 1 if tokens[start] == tokens[start + period] else 0
            if n_equal >= needed:
                limit[start] = min(limit[start], start + period + needed - 1)
    for start in range(n - 1, -1, -1):
        limit[start] = min(limit[start], limit[start + 1])
    return limit


def _equal_runs(nodes: Sequence[Node], starts: Sequence[int], length: int) -> tuple[int, ...]:
    """Keep the runs that do not overlap and use their operands in the same pattern."""
    groups: defaultdict[tuple[Node, ...], list[int]] = defaultdict(list)
    for start in starts:
        body = _body(nodes[start : start + length])[0].nodes
        kept = groups[body]
        if not kept or kept[-1] + length <= start:
            kept.append(start)
    longest = max(groups.values(), key=len)
    return tuple(longest)


def _body(run: Sequence[Node]) -> tuple[Function, dict[str, str]]:
    """Write a run with names of its own; also return the new name of every value."""
    names: dict[str, str] = {"": ""}
    inputs: list[str] = []
    nodes: list[Node] = []
    for node in run:
        for name in node.inputs:
            if name not in names:
                names[name] = f"i{len(inputs)}"
                inputs.append(names[name])
        for name in node.outputs:
            names[name] = f"n{len(names)}"
        nodes.append(
            Node(
                node.op,
                tuple([names[name] for name in node.inputs]),
                tuple([names[name] for name in node.outputs]),
                node.attributes,
            )
        )
    return Function(tuple(inputs), (), tuple(nodes)), names


def _replace(
    nodes: Sequence[Node], run: _Run, outputs: Sequence[str], name: str
) -> tuple[Function, list[Node]]:
    """Replace runs by calls; results that any run's surroundings read become outputs."""
    owner = {start + k: start for start in run.starts for k in range(run.length)}
    readers: defaultdict[str, set[int]] = defaultdict(set)
    for index, node in enumerate(nodes):
        for operand in node.inputs:
            readers[operand].add(owner.get(index, -1 - index))
    for operand in outputs:
        readers[operand].add(-1 - len(nodes))
    bodies = {start: _body(nodes[start : start + run.length]) for start in run.starts}
    function = bodies[run.starts[0]][0]
    results: dict[str, None] = {}
    for start, (_, names) in bodies.items():
        for node in nodes[start : start + run.length]:
            results.update({names[o]: None for o in node.outputs if readers[o] - {start}})
    called: list[Node] = []
    for index, node in enumerate(nodes):
        if owner.get(index) == index:
            called.append(_call(name, function, bodies[index][1], tuple(results)))
        elif index not in owner:
            called.append(node)
    return function._replace(outputs=tuple(results)), called


def _call(name: str, function: Function, names: Mapping[str, str], results: Sequence[str]) -> Node:
    """Write the call of a run whose values have these names in the function."""
    actual = {inner: outer for outer, inner in names.items()}
    return Node(
        _PREFIX + name,
        tuple([actual[inner] for inner in function.inputs]),
        tuple([actual[inner] for inner in results]),
    )
