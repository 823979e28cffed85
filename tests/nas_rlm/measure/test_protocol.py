"""The protocol, with a clock that the test turns."""

import dataclasses
import gc
import json
from collections.abc import Callable

import numpy as np
import pytest

from nas_rlm.errors import ConfigError, MeasurementError, UnstableLatencyError
from nas_rlm.measure.device import current_environment
from nas_rlm.measure.protocol import (
    Measurement,
    Protocol,
    require_stable,
    spread_of,
    summarize,
    time_round,
)


class Machine:
    """A clock and a model whose pass takes a given time."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.n_runs = 0
        self.was_collecting = False
        self._seconds = seconds

    def clock(self) -> float:
        return self.now

    def run(self) -> None:
        self.now += self._seconds(self.n_runs)
        self.n_runs += 1
        self.was_collecting = self.was_collecting or gc.isenabled()


def test_warm_up_is_not_timed() -> None:
    machine = Machine(lambda run: 1.0 if run < 3 else 0.01)
    samples = time_round(machine.run, Protocol(warmup_runs=3), clock=machine.clock)
    assert samples == pytest.approx([10.0] * len(samples))


@pytest.mark.parametrize(("seconds", "n_runs"), [(1.0, 5), (0.02, 5), (0.01, 10), (0.0001, 50)])
def test_repeats_fit_the_time(seconds: float, n_runs: int) -> None:
    """At least 5 passes, at most 50, otherwise as many as 0.0999 s hold."""
    machine = Machine(lambda _: seconds)
    protocol = Protocol(warmup_runs=0, min_runs=5, max_runs=50, round_seconds=0.0999)
    assert len(time_round(machine.run, protocol, clock=machine.clock)) == n_runs
    assert machine.n_runs == n_runs


def test_the_garbage_collector_rests_and_comes_back() -> None:
    machine = Machine(lambda _: 0.01)
    time_round(machine.run, Protocol(warmup_runs=0), clock=machine.clock)
    assert not machine.was_collecting
    assert gc.isenabled()


def test_the_garbage_collector_comes_back_after_an_error() -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        time_round(fail, Protocol(warmup_runs=0))
    assert gc.isenabled()


def test_a_measurement_sums_up_its_samples() -> None:
    samples = [1.0, 2.0, 3.0, 4.0, 100.0]
    protocol = Protocol(stability_limit=1.5)
    measurement = summarize(samples, protocol, current_environment())
    assert measurement.value == 3.0
    assert measurement.p95 == np.percentile(samples, 95)
    assert measurement.spread == np.percentile(samples, 90) / 3.0
    assert measurement.samples_ms == tuple(samples)
    assert not measurement.is_stable
    assert summarize([1.0, 1.1], protocol, current_environment()).is_stable


def test_a_measurement_survives_json() -> None:
    measurement = summarize([1.0, 2.0], Protocol(threads=2), current_environment(2))
    again = Measurement.from_mapping(json.loads(json.dumps(measurement.to_mapping())))
    assert again == measurement


@pytest.mark.parametrize("missing", ["samples_ms", "environment", "protocol", "value"])
def test_a_stored_measurement_must_be_whole(missing: str) -> None:
    mapping = summarize([1.0], Protocol(), current_environment()).to_mapping()
    del mapping[missing]
    with pytest.raises(MeasurementError, match=f"must have the fields of this version.*{missing}"):
        Measurement.from_mapping(mapping)


def test_an_unstable_measurement_is_refused_with_its_samples() -> None:
    samples = [1.0] * 8 + [2.0, 2.0]
    protocol = Protocol(stability_limit=1.1)
    measurement = summarize(samples, protocol, current_environment())
    with pytest.raises(
        UnstableLatencyError, match=r"p90/p50 = 2\.00 over 10 runs, limit 1\.10"
    ) as e:
        require_stable(measurement)
    assert e.value.samples_ms == tuple(samples)
    stable = dataclasses.replace(measurement, is_stable=True)
    assert require_stable(stable) is stable


def test_no_samples_are_refused() -> None:
    with pytest.raises(MeasurementError, match="at least one sample"):
        spread_of([])
    with pytest.raises(MeasurementError, match="the clock is too coarse"):
        spread_of([0.0, 0.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threads": 0}, "`threads` must be from 1 to 1024, but got 0"),
        ({"threads": 1025}, "`threads` must be from 1 to 1024, but got 1025"),
        ({"rounds": 0}, "`rounds` must be at least 1"),
        ({"warmup_runs": -1}, "`warmup_runs` must be at least 0"),
        ({"min_runs": 0}, "`min_runs` must be at least 1"),
        ({"min_runs": 10, "max_runs": 9}, "`max_runs` must be at least `min_runs`, 10, but got 9"),
        ({"round_seconds": -0.1}, "`round_seconds` must be at least 0"),
        ({"stability_limit": 0.9}, "`stability_limit` must be at least 1"),
        ({"retries": -1}, "`retries` must be at least 0"),
    ],
)
def test_a_wrong_protocol_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Protocol(**changes)  # type: ignore[arg-type]
