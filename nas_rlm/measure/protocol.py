"""How a latency is taken, whatever runs the model.

A round of a model is some forward passes that warm up and are thrown away, then timed ones until
enough are taken and the time of the round is used up. Several models are measured in interleaved
rounds (`nas_rlm.measure.interleaved`), so that a machine that slows down hits all of them alike.
The figure is the median of all timed passes; p95 stands beside it. A model is stable if p90/p50
of its samples is within the limit; if not, more rounds are taken, a stated number of times.
"""

import dataclasses
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from nas_rlm.errors import ConfigError, MeasurementError, UnstableLatencyError
from nas_rlm.measure.device import Environment

MAX_THREADS = 1024
"""Most threads of a forward pass; onnxruntime starts them all, whatever the machine has."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Warm-up, repeats and the stability rule."""

    threads: int = 1
    """Threads that one forward pass may use, at most `MAX_THREADS`."""
    rounds: int = 3
    """Rounds of each model."""
    warmup_runs: int = 3
    """Forward passes at the beginning of a round that are not timed."""
    min_runs: int = 5
    """Timed forward passes of a round, at least."""
    max_runs: int = 50
    """Timed forward passes of a round, at most."""
    round_seconds: float = 0.1
    """Timing in a round stops after this time once `min_runs` are taken, in seconds."""
    stability_limit: float = 1.1
    """Largest p90/p50 that counts as stable."""
    retries: int = 2
    """Rounds that are added to a model that is not stable, one by one."""

    def __post_init__(self) -> None:
        checks = (
            ("threads", 1 <= self.threads <= MAX_THREADS, f"from 1 to {MAX_THREADS}"),
            ("rounds", self.rounds >= 1, "at least 1"),
            ("warmup_runs", self.warmup_runs >= 0, "at least 0"),
            ("min_runs", self.min_runs >= 1, "at least 1"),
            ("max_runs", self.max_runs >= self.min_runs, f"at least `min_runs`, {self.min_runs}"),
            ("round_seconds", self.round_seconds >= 0, "at least 0"),
            ("stability_limit", self.stability_limit >= 1, "at least 1"),
            ("retries", self.retries >= 0, "at least 0"),
        )
        for name, is_met, rule in checks:
            if not is_met:
                message = f"`{name}` must be {rule}, but got {getattr(self, name)!r}."
                raise ConfigError(message)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """The latency of one model, with what it was taken from."""

    value: float
    """Median of the samples, in milliseconds."""
    p95: float
    """95th percentile of the samples, in milliseconds."""
    spread: float
    """p90/p50 of the samples."""
    is_stable: bool
    """Whether the spread is within the limit of the protocol."""
    samples_ms: tuple[float, ...]
    """Every timed pass, in the order taken."""
    environment: Environment
    protocol: Protocol

    def to_mapping(self) -> dict[str, Any]:
        """Return the measurement as JSON values."""
        return {**dataclasses.asdict(self), "samples_ms": list(self.samples_ms)}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build a measurement from what `to_mapping` gave.

        Raises:
            MeasurementError: If a field is missing or unknown.
        """
        try:
            return cls(
                **{
                    **mapping,
                    "samples_ms": tuple(float(sample) for sample in mapping["samples_ms"]),
                    "environment": Environment.from_mapping(mapping["environment"]),
                    "protocol": Protocol(**mapping["protocol"]),
                }
            )
        except (KeyError, TypeError) as error:
            message = f"A stored measurement must have the fields of this version, but: {error}."
            raise MeasurementError(message) from error


def time_round(
    run: Callable[[], object],
    protocol: Protocol,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, ...]:
    """Time one round of forward passes.

    The garbage collector rests while passes are timed.

    Args:
        run: Does one forward pass.
        protocol: Says how many.
        clock: Seconds, rising.

    Returns:
        Milliseconds of each timed pass, `min_runs` to `max_runs` of them.
    """
    for _ in range(protocol.warmup_runs):
        run()
    samples: list[float] = []
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        end = start
        while len(samples) < protocol.max_runs:
            if len(samples) >= protocol.min_runs and end - start >= protocol.round_seconds:
                break
            begin = clock()
            run()
            end = clock()
            samples.append((end - begin) * 1e3)
    finally:
        if was_enabled:
            gc.enable()
    return tuple(samples)


def spread_of(samples_ms: Sequence[float]) -> float:
    """Return p90/p50 of samples, at least 1.

    Args:
        samples_ms: At least one sample; positive.

    Raises:
        MeasurementError: If there is no sample or the median is 0.
    """
    if not samples_ms:
        message = "A latency needs at least one sample, but got none."
        raise MeasurementError(message)
    middle, high = np.percentile(samples_ms, [50, 90])
    if not middle > 0:
        message = (
            f"A latency must be positive, but the median is {middle} ms: the clock is too coarse."
        )
        raise MeasurementError(message)
    return float(high / middle)


def summarize(
    samples_ms: Sequence[float], protocol: Protocol, environment: Environment
) -> Measurement:
    """Turn samples into a measurement.

    Args:
        samples_ms: Every timed pass in milliseconds.
        protocol: How they were taken.
        environment: Where.

    Returns:
        The measurement; one that is not stable says so and is not refused.

    Raises:
        MeasurementError: If there is no sample or the median is 0.
    """
    spread = spread_of(samples_ms)
    middle, high = np.percentile(samples_ms, [50, 95])
    return Measurement(
        value=float(middle),
        p95=float(high),
        spread=spread,
        is_stable=spread <= protocol.stability_limit,
        samples_ms=tuple(float(sample) for sample in samples_ms),
        environment=environment,
        protocol=protocol,
    )


def require_stable(measurement: Measurement) -> Measurement:
    """Return a measurement, or refuse it where it is not stable.

    Args:
        measurement: The measurement.

    Returns:
        The same.

    Raises:
        UnstableLatencyError: If it is not stable; it carries the samples.
    """
    if measurement.is_stable:
        return measurement
    message = (
        f"Latency on {measurement.environment.cpu_model!r} is unstable: p90/p50 = "
        f"{measurement.spread:.2f} over {len(measurement.samples_ms)} runs, "
        f"limit {measurement.protocol.stability_limit:.2f}. Stop other work, or raise "
        f"`rounds` (now {measurement.protocol.rounds}) or `stability_limit`."
    )
    raise UnstableLatencyError(message, measurement.samples_ms)
