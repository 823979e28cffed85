"""Measuring lists: order, retries, resuming, and real latencies that make sense."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

import search_spaces
from nas_rlm.errors import MeasurementError, UnstableLatencyError
from nas_rlm.measure import interleaved, onnxruntime_backend
from nas_rlm.measure.interleaved import Round, measure, measure_many
from nas_rlm.measure.protocol import Protocol

QUICK = Protocol(rounds=2, warmup_runs=1, min_runs=3, max_runs=5, round_seconds=0.01, retries=0)


def network(n_layers: int, size: int) -> onnx.ModelProto:
    """A stack of matrix products."""
    rng = np.random.default_rng(0)
    names = ["x", *(f"v{layer}" for layer in range(n_layers - 1)), "y"]
    nodes = [
        onnx.helper.make_node("MatMul", [before, f"w{layer}"], [after])
        for layer, (before, after) in enumerate(itertools.pairwise(names))
    ]
    weights = [
        onnx.numpy_helper.from_array(
            rng.normal(0, size**-0.5, (size, size)).astype(np.float32), f"w{layer}"
        )
        for layer in range(n_layers)
    ]
    shape = [size, size]
    graph = onnx.helper.make_graph(
        nodes,
        "main",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)],
        initializer=weights,
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


class FakeModel:
    """Stands for a loaded model; `fake_rounds` reads its latency from the name of the graph."""

    loaded: list[str]

    def __init__(self, model: onnx.ModelProto, *, rng: np.random.Generator, threads: int) -> None:
        FakeModel.loaded.append(model.graph.name)
        self.name = model.graph.name
        self.draw = float(rng.random())
        self.threads = threads

    def run(self) -> "FakeModel":
        return self


def named(name: str) -> onnx.ModelProto:
    return onnx.ModelProto(graph=onnx.GraphProto(name=name))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Rounds without a clock: a model called '7' takes 7 ms, '7!' takes 7 and 70."""
    FakeModel.loaded = []
    rounds: list[tuple[str, float]] = []

    def fake_round(run: Callable[[], FakeModel], _: Protocol) -> tuple[float, ...]:
        model = run()
        rounds.append((model.name, model.draw))
        value = float(model.name.rstrip("!"))
        return (value, value, value * 10) if model.name.endswith("!") else (value,) * 3

    monkeypatch.setattr(onnxruntime_backend, "OnnxruntimeModel", FakeModel)
    monkeypatch.setattr(interleaved, "time_round", fake_round)
    return rounds


def test_every_model_is_measured_once_a_round(taken: list[tuple[str, float]]) -> None:
    models = [named(str(index + 1)) for index in range(6)]
    result = measure_many(models, Protocol(rounds=3))
    assert [measurement.value for measurement in result] == [1, 2, 3, 4, 5, 6]
    assert all(len(measurement.samples_ms) == 9 for measurement in result)
    orders = [[name for name, _ in taken[start : start + 6]] for start in (0, 6, 12)]
    assert all(sorted(order) == ["1", "2", "3", "4", "5", "6"] for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert len(FakeModel.loaded) == 6


def test_order_and_inputs_depend_on_the_seed_alone(taken: list[tuple[str, float]]) -> None:
    models = [named(str(index + 1)) for index in range(6)]
    for seed in (1, 1, 2):
        measure_many(models, Protocol(rounds=2), seed=seed)
    assert taken[:12] == taken[12:24]
    assert taken[12:24] != taken[24:]
    draws = dict(taken[:12])
    assert len(set(draws.values())) == 6


def test_only_unstable_models_get_more_rounds(taken: list[tuple[str, float]]) -> None:
    result = measure_many([named("1"), named("2!")], Protocol(rounds=2, retries=3))
    assert [measurement.is_stable for measurement in result] == [True, False]
    assert [name for name, _ in taken].count("1") == 2
    assert [name for name, _ in taken].count("2!") == 5
    assert result[1].spread == 10.0


def test_an_interrupted_list_goes_on_where_it_stopped(taken: list[tuple[str, float]]) -> None:
    models = [named("1"), named("2!"), named("3")]
    protocol = Protocol(rounds=3, retries=1)
    stored: list[dict[str, Any]] = []
    whole = measure_many(models, protocol, on_round=lambda r: stored.append(r.to_mapping()))
    n_rounds = len(stored)
    assert n_rounds == len(taken) == 10
    for n_done in range(n_rounds + 1):
        known = [Round.from_mapping(json.loads(json.dumps(r))) for r in stored[:n_done]]
        taken.clear()
        more: list[Round] = []
        again = measure_many(models, protocol, known_rounds=known, on_round=more.append)
        assert len(taken) == len(more) == n_rounds - n_done
        assert [r.to_mapping() for r in more] == stored[n_done:]
        assert again == whole


def test_progress_reaches_its_end(taken: list[tuple[str, float]]) -> None:
    seen: list[tuple[int, int]] = []
    measure_many(
        [named("1"), named("2")], Protocol(rounds=3), progress=lambda *step: seen.append(step)
    )
    assert seen == [(step, 6) for step in range(1, 7)]
    assert len(taken) == 6


@pytest.mark.usefixtures("taken")
def test_models_are_made_when_they_are_needed() -> None:
    made = []

    def make(name: str) -> Callable[[], onnx.ModelProto]:
        return lambda: made.append(name) or named(name)  # type: ignore[func-returns-value]

    known = [Round(0, 0, (1.0,))]
    measure_many([make("1"), make("2")], Protocol(rounds=1, retries=0), known_rounds=known)
    assert made == ["2"]


@pytest.mark.usefixtures("taken")
def test_a_long_list_is_not_kept_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "MAX_LOADED", 2)
    measure_many([named("1"), named("2"), named("3")], Protocol(rounds=2))
    assert len(FakeModel.loaded) == 6


def test_an_empty_list_is_measured(taken: list[tuple[str, float]]) -> None:
    assert measure_many([]) == []
    assert taken == []


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("known", [Round(2, 0, (1.0,)), Round(0, 9, (1.0,)), Round(-1, 0, (1.0,))])
def test_a_round_of_another_list_is_refused(known: Round) -> None:
    with pytest.raises(MeasurementError, match="A known round must be of one of the 2 models"):
        measure_many([named("1"), named("2")], known_rounds=[known])


@pytest.mark.parametrize(
    "mapping", [{"index": 0, "number": 0}, {"index": 0, "samples_ms": [1.0]}, {"samples_ms": 1}]
)
def test_a_stored_round_must_be_whole(mapping: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError, match="A stored round must have the fields"):
        Round.from_mapping(mapping)


@pytest.mark.usefixtures("taken")
def test_one_unstable_model_is_refused_unless_allowed() -> None:
    with pytest.raises(UnstableLatencyError, match="is unstable: p90/p50 = 10"):
        measure(named("2!"))
    assert measure(named("2!"), is_unstable_allowed=True).value == 2.0
    assert measure(named("2")).value == 2.0


def test_a_list_says_which_model_is_refused() -> None:
    broken = network(1, 4)
    broken.graph.node[0].op_type = "Frobnicate"
    with pytest.raises(MeasurementError, match=r"^Model 2 of 2: onnxruntime cannot load"):
        measure_many([network(1, 4), broken], QUICK)
    with pytest.raises(MeasurementError, match=r"^b\.onnx: onnxruntime cannot load"):
        measure_many([network(1, 4), broken], QUICK, names=["a.onnx", "b.onnx"])
    with pytest.raises(MeasurementError, match=r"^onnxruntime cannot load"):
        measure(broken, QUICK)


def test_real_latencies_grow_with_the_work() -> None:
    """Eight times the products: anything below twice the time would be no measurement."""
    small, large = measure_many([network(1, 160), network(8, 160)], QUICK)
    assert 0 < small.value < large.value
    assert large.value > 2 * small.value
    assert small.p95 >= small.value
    assert small.environment.threads == 1


def test_a_network_of_a_search_space_is_measured() -> None:
    space = search_spaces.get_space("nasbench201")
    architecture = space.sample(np.random.default_rng(0))
    model = search_spaces.materialize(space.to_onnx(architecture), seed=0)
    measurement = measure(model, QUICK, is_unstable_allowed=True)
    assert 0.05 < measurement.value < 1000
