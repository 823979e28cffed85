"""Plain numbers of a graph: counts, path lengths, degrees, sizes; what trees and perceptrons read.

After "Surprisingly Strong Performance Prediction with Neural Graph Features" (GRAF),
arXiv:2404.16551: operations counted, shortest and longest ways from input to output counted in
steps of one kind or of two, and degrees at the ends of a cell. The paper reads them off the cell
that a search space names; a surrogate sees only text, so here they are those of the whole graph
as it runs: every call counts as often as it is made, with the shapes it has there. What plays the
cell is every function, and its ends are its formals and results. Added are parameters, mult-adds
and activations, in all and by kind and resolution.

A function is summed up once for each list of operand shapes, so a cell that is stacked fifteen
times at three resolutions is walked three times; and what texts share is summed up once for all.

Where operations run for nothing, all is counted again in the live part of the graph, see
:mod:`surrogates.inputs.live_steps`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from surrogates.errors import TextError
from surrogates.inputs.inferred_shapes import constant_value, inferred_shapes
from surrogates.inputs.live_steps import live_model
from surrogates.inputs.nodes import (
    Step,
    decoded_attribute,
    plain_result_shape,
    resolve_references,
)
from surrogates.inputs.operations import is_working, kind_of, mult_adds
from surrogates.inputs.parsed_models import Function, MainGraph, ParsedModel, parse_model
from surrogates.inputs.scope_plans import ScopePlan
from surrogates.inputs.shapes import Shape
from surrogates.inputs.summaries import (
    MISSING,
    MainInputs,
    Memory,
    Summary,
    Value,
    forget_summaries,
    shared_memory,
)
from surrogates.inputs.text_memory import TextMemory
from surrogates.inputs.ways import Flow, FlowStep, flow_of_scope

LIVE = "live "
"""Before the name of a feature: the same of the live part of a graph."""

MAX_TOTAL = 1e30
"""Most that a feature may say; no network comes near, and sums and squares of more would overflow."""

_COUNT = "count "

Features = Mapping[str, float]
"""Name of a feature to its value; what a text lacks is absent and counts as 0."""


def graph_features(text: str) -> Features:
    """Return the features of an ONNX text; recent texts are remembered.

    Names are ``count KIND``, ``edges KIND>KIND``, ``level L KIND`` (kinds with weights or a window
    whose result is 2^L times smaller than the input), ``entry KIND`` and ``exit KIND`` (readers
    of formals, makers of what the last node of a function reads), ``shortest`` and ``longest``
    (steps from the first input to the first output), both also followed by one kind or by
    ``KIND|KIND``, ``params``, ``macs``, ``activations``, also by kind or level, and a few peaks. If
    anything runs for nothing, all of them also stand behind ``live``, those of the live part.

    Args:
        text: As for :func:`surrogates.inputs.statements.read_statements`.

    Raises:
        TextError: If the text does not parse, reads an undefined name, names more results than a
            function has, its functions recurse or nest too deep, or a feature is beyond
            :data:`MAX_TOTAL`.
        TextTooLongError: If its functions expand to too many nodes or ways, see
            :mod:`surrogates.inputs.limits` and :data:`surrogates.inputs.ways.MAX_WAYS`.
    """
    return READ_FEATURES.of(text)


def _counted(text: str) -> Features:
    """Count in the whole graph, and in its live part where that is less."""
    whole = parse_model(text)
    found = _features(whole)
    live = live_model(whole)
    if live is whole:
        return found
    return {**found, **{f"{LIVE}{name}": value for name, value in _features(live).items()}}


READ_FEATURES = TextMemory(_counted)
"""Features of recent texts."""


def forget_features() -> None:
    """Forget all texts and what they share, as a measurement of speed must."""
    READ_FEATURES.forget()
    forget_summaries()


def _features(model: ParsedModel) -> Features:
    """Sum up the main graph and name the numbers, by what texts share where that can be."""
    main = model.main
    sizes = {**main.inputs, **main.stored}
    data = main.data
    if not data and not main.steps:
        raise TextError(
            "A graph must have an input or a node, but it is empty. Export the model again."
        )
    size = max((sizes[data[0]] or (0,))[-1], 0) if data else 0
    memory = shared_memory(size, main.opset)
    summary = _walked(model, data, sizes, memory)
    if memory.kinds.is_overfull:
        memory = Memory(size, main.opset)
        summary = _walked(model, data, sizes, memory)
    found: dict[str, float] = {"macs": 0, **summary.sums, **summary.peaks}
    found["params"] = memory.inputs[main].n_parameters
    if max(found.values()) > MAX_TOTAL:
        too_large = next(name for name, value in found.items() if value > MAX_TOTAL)
        raise TextError(
            f"What is counted in a text must be at most {MAX_TOTAL:g}, but {too_large!r} is "
            "more. Check the sizes that the text declares."
        )
    found["params"] = float(found["params"])
    found["input size"] = float(size)
    ways = summary.flow.results[0] if summary.flow.results else {}
    if 0 in ways:
        kinds = [name.removeprefix(_COUNT) for name in summary.sums if name.startswith(_COUNT)]
        found |= memory.kinds.features(ways[0], kinds)
    return found


def _walked(
    model: ParsedModel, data: Sequence[str], sizes: Mapping[str, Shape], memory: Memory
) -> Summary:
    """Walk through a model.

    Args:
        model: To be summed up.
        data: Names of inputs that carry data, at most one.
        sizes: Shapes of all inputs and initializers, by name.
        memory: What is remembered of texts with this input.
    """
    main = model.main
    if main not in memory.inputs:
        weights = [name for name in sizes if name not in data]
        memory.inputs[main] = MainInputs(
            (*data, *weights),
            (
                *[memory.value(sizes[name], "Input") for name in data],
                *[memory.value(sizes[name], "", main.constants.get(name)) for name in weights],
            ),
            sum(math.prod(sizes[name]) for name in weights),
        )
    names, values, _ = memory.inputs[main]
    walker = _Walker(model.functions, memory)
    return walker.scope(main, main.steps, names, values, main.outputs, {})


class _Walker:
    """Walks one model, by what is remembered where it can."""

    def __init__(self, functions: tuple[Function, ...], memory: Memory) -> None:
        self._memory = memory
        self._all = functions
        self._functions = {function.key: function for function in functions}
        self._is_plain = all(domain for domain, _ in self._functions)

    def scope(
        self,
        owner: MainGraph | Function,
        steps: Sequence[Step],
        formals: Sequence[str],
        actuals: Sequence[Value],
        outputs: Sequence[str],
        bound: Mapping[str, bytes],
    ) -> Summary:
        """Sum up a graph or function body.

        Args:
            owner: Whose body it is.
            steps: In text order.
            formals: Names of its inputs.
            actuals: What they are bound to.
            outputs: Names that it returns.
            bound: Attributes of the call, by name.
        """
        plan = self._plan(owner, steps, formals[: len(actuals)], outputs)
        values = [MISSING, *actuals[: len(formals)]]
        inners: list[Summary] = []
        last: tuple[Value, ...] = ()
        for step, operands, named, repeats in plan.steps:
            given = tuple(map(values.__getitem__, operands))
            inner = inners[-1] if repeats and given == last else self._node(step, given, bound)
            last = given
            if len(inner.results) < len(named):
                raise TextError(
                    f"A call must name at most the {len(inner.results)} results of its function, "
                    f"but a call of {step.operator} names {len(step.results)}. Export the model "
                    "again."
                )
            values += inner.results[: len(named)]
            inners.append(inner)
        sums, peaks = _added(inners)
        self._add_ends(plan, values, inners, sums)
        readers = [
            readers
            for readers, value in zip(plan.formal_readers, actuals, strict=False)
            if value.kind
        ]
        most = float(max(readers, default=0))
        peaks["most readers"] = max(peaks.get("most readers", most), most, plan.most_readers)
        results = tuple([values[value] for value in plan.outputs])
        return Summary(sums, peaks, results, self._flow(plan, values, inners))

    def _plan(
        self,
        owner: MainGraph | Function,
        steps: Sequence[Step],
        formals: Sequence[str],
        outputs: Sequence[str],
    ) -> ScopePlan:
        """Number the values of a scope, once."""
        key = (owner, len(formals))
        if key not in self._memory.plans:
            self._memory.plans[key] = ScopePlan(steps, formals, outputs)
        return self._memory.plans[key]

    def _add_ends(
        self,
        plan: ScopePlan,
        values: Sequence[Value],
        inners: Sequence[Summary],
        sums: dict[str, float],
    ) -> None:
        """Count readers of formals, and makers of what the last node of a scope reads."""
        for place, entered in plan.entries:
            step = plan.steps[place].step
            if (step.domain, step.operator) in self._functions:
                continue
            name = inners[place].entry
            for value in entered:
                if values[value].kind:
                    sums[name] = sums.get(name, 0) + 1
        for operands in plan.exits:
            for value in operands:
                if values[value].kind:
                    name = f"exit {values[value].kind}"
                    sums[name] = sums.get(name, 0) + 1

    def _flow(self, plan: ScopePlan, values: Sequence[Value], inners: Sequence[Summary]) -> Flow:
        """Ways through a scope: by the kinds of its operations, whatever their sizes."""
        n_formals = len(plan.formal_readers)
        starts = [value for value in range(1, 1 + n_formals) if values[value].kind]
        flows = [inner.flow for inner in inners]
        key = (plan, *starts, None, *flows)
        if key not in self._memory.flows:
            found = self._memory.flows[key] = flow_of_scope(
                [
                    FlowStep(planned.operands, planned.results, flow, planned.repeats)
                    for planned, flow in zip(plan.steps, flows, strict=True)
                ],
                dict.fromkeys(starts, self._memory.kinds.no_step),
                plan.n_values,
                plan.outputs,
            )
            self._memory.n_ways += sum(map(len, found.results))
        return self._memory.flows[key]

    def _node(
        self, step: Step, operands: tuple[Value, ...], bound: Mapping[str, bytes]
    ) -> Summary:
        """Sum up a node, or the body that it calls, from memory where it can be."""
        attributes = resolve_references(step.attributes, bound) if bound else step.attributes
        n_results = len(step.results)
        function = self._functions.get((step.domain, step.operator))
        key: tuple[object, ...]
        if function is None:
            key = (step.domain, step.operator, attributes, n_results, operands)
        else:
            key = (function, self._callees(function), attributes, n_results, operands)
        made = self._memory.summaries.get(key)
        if made is None:
            if function is None:
                made = self._operation(step, attributes, operands)
            else:
                made = self._call(function, attributes, operands)
            self._memory.summaries[key] = made
        return made

    def _call(
        self, function: Function, attributes: tuple[bytes, ...], operands: Sequence[Value]
    ) -> Summary:
        """Sum up the body of a function for these operands, whatever operations made them."""
        kinds = list(dict.fromkeys([value.kind for value in operands if value.kind]))
        unnamed = tuple([self._memory.unnamed(value, kinds) for value in operands])
        key = (function, self._callees(function), attributes, unnamed)
        made = self._memory.summaries.get(key)
        if made is None:
            named = {decoded_attribute(encoded).name: encoded for encoded in attributes}
            made = self.scope(
                function, function.steps, function.formals, unnamed, function.outputs, named
            )
            self._memory.summaries[key] = made
        return self._memory.named(made, kinds)

    def _callees(self, function: Function) -> tuple[Function, ...]:
        """The functions that the body of a function may call."""
        return () if function.is_plain and self._is_plain else self._all

    def _operation(
        self, step: Step, attributes: tuple[bytes, ...], operands: Sequence[Value]
    ) -> Summary:
        """Count one operation."""
        memory = self._memory
        shapes = tuple(value.shape for value in operands)
        results = self._result_shapes(step, attributes, operands)
        shape = results[0] if results else ()
        kind = kind_of(step.operator, attributes, shapes)
        read = [value.kind for value in operands if value.kind]
        sums: Counter[str] = Counter({f"{_COUNT}{kind}": 1, "activations": math.prod(shape)})
        sums.update(f"edges {other}>{kind}" for other in read)
        peaks = {"most operands": float(len(read))}
        if len(shape) > 1:
            peaks["most channels"] = float(shape[1])
        if is_working(kind):
            level, macs = self._level(shape), mult_adds(step.operator, shape, shapes)
            sums["macs"] += macs
            sums[f"macs {kind}"] += macs
            sums[f"level {level} macs"] += macs
            sums[f"level {level} {kind}"] += 1
            sums["channels"] += shape[1] if len(shape) > 1 else 0
        if step.operator == "Constant":
            made = [memory.value(at, "", constant_value(attributes)) for at in results]
        else:
            made = [memory.value(at, kind) for at in results]
        from_data = tuple(place for place, value in enumerate(operands) if value.kind)
        flow = memory.kinds.flow(kind, from_data, len(step.results))
        entry = f"entry {made[0].kind if made else step.operator}"
        return Summary(dict(sums), peaks, tuple(made), flow, entry)

    def _result_shapes(
        self, step: Step, attributes: tuple[bytes, ...], operands: Sequence[Value]
    ) -> tuple[Shape, ...]:
        """Shapes of all results: by the rules, or else by asking ONNX."""
        if step.domain:
            return ((),) * len(step.results)
        shapes = tuple(value.shape for value in operands)
        known = plain_result_shape(step.operator, attributes, shapes)
        if known and len(step.results) == 1:
            return (known,)
        given = tuple(
            None if value is MISSING else value.constant or value.shape for value in operands
        )
        opset = self._memory.opset
        return inferred_shapes(step.operator, attributes, given, len(step.results), opset)

    def _level(self, shape: Shape) -> int:
        """How often the resolution was halved; the last level where there is no resolution."""
        size = self._memory.size
        if len(shape) < 3 or not shape[-1] or not size:
            return 9
        return min(9, max(0, round(math.log2(size / shape[-1]))))


def _added(inners: Sequence[Summary]) -> tuple[dict[str, float], dict[str, float]]:
    """Sums and peaks of all operations and calls of a scope, in the order in which kinds are met."""
    number: dict[Summary, int] = {}
    for inner in inners:
        number[inner] = number.get(inner, 0) + 1
        if inner.shared is not None:
            number[inner.shared] = number.get(inner.shared, 0) + 1
    sums: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for part, times in number.items():
        for name, value in part.sums.items():
            sums[name] = sums.get(name, 0) + times * value
        for name, value in part.peaks.items():
            if value > peaks.get(name, -1.0):
                peaks[name] = value
    return sums, peaks
