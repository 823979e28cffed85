"""Measuring one model, or many in interleaved rounds.

A machine drifts: its clock, its temperature, its other work. A list that is measured model by model
turns that drift into differences between models; gone through several times, a round of each
model at a time, it does not. Every round is handed to the caller as it is taken, so that a
measurement that was interrupted goes on where it stopped.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from nas_rlm.errors import MeasurementError
from nas_rlm.measure.device import current_environment
from nas_rlm.measure.protocol import (
    Measurement,
    Protocol,
    require_stable,
    spread_of,
    summarize,
    time_round,
)
from nas_rlm.seeding import generator

if TYPE_CHECKING:
    import onnx

    from nas_rlm.measure.onnxruntime_backend import OnnxruntimeModel

Progress = Callable[[int, int], None]
"""Called with the rounds taken and the rounds in all."""

MAX_LOADED = 128
"""Models that are kept loaded between rounds; a longer list loads each again in every round."""


@dataclasses.dataclass(frozen=True)
class Round:
    """The samples of one round of one model."""

    index: int
    """Place of the model in the list, from 0."""
    number: int
    """Round, from 0."""
    samples_ms: tuple[float, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Return the round as JSON values."""
        return {"index": self.index, "number": self.number, "samples_ms": list(self.samples_ms)}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Build a round from what `to_mapping` gave.

        Raises:
            MeasurementError: If a field is missing or unknown.
        """
        try:
            samples = tuple(float(sample) for sample in mapping["samples_ms"])
            return cls(**{**mapping, "samples_ms": samples})
        except (KeyError, TypeError) as error:
            message = f"A stored round must have the fields of this version, but: {error}."
            raise MeasurementError(message) from error


def measure(
    model: "onnx.ModelProto",
    protocol: Protocol | None = None,
    *,
    seed: int = 0,
    is_unstable_allowed: bool = False,
) -> Measurement:
    """Measure one model in onnxruntime on this machine.

    Args:
        model: The model with its weights inside and fixed shapes, as
            `search_spaces.materialize` gives it.
        protocol: How; None for the default.
        seed: Seed of the inputs.
        is_unstable_allowed: Return a measurement that is not stable instead of refusing it.

    Returns:
        The measurement.

    Raises:
        MeasurementError: If the model cannot be loaded or run.
        UnstableLatencyError: If the samples spread too far after every retry.
    """
    measurement = measure_many([model], protocol, seed=seed)[0]
    return measurement if is_unstable_allowed else require_stable(measurement)


def measure_many(
    models: "Sequence[onnx.ModelProto | Callable[[], onnx.ModelProto]]",
    protocol: Protocol | None = None,
    *,
    names: Sequence[str] = (),
    seed: int = 0,
    known_rounds: Iterable[Round] = (),
    on_round: Callable[[Round], None] | None = None,
    progress: Progress | None = None,
) -> list[Measurement]:
    """Measure a list of models in interleaved rounds.

    Models that are not stable after the rounds of the protocol get further rounds, up to
    `Protocol.retries`; what is still not stable is returned with `is_stable` False.

    Args:
        models: The models, or functions that make them when they are needed.
        protocol: How; None for the default.
        names: What the models are called where one is refused; their numbers if empty.
        seed: Seed of the inputs, which are the same in every round, and of the order, which is
            drawn anew for every round.
        known_rounds: Rounds of this list from an earlier, interrupted call; they are not repeated.
        on_round: Called with every new round, before the next one begins.
        progress: Called after every round, retries not counted.

    Returns:
        One measurement per model.

    Raises:
        MeasurementError: If a model cannot be loaded or run, or a known round does not fit.
    """
    protocol = Protocol() if protocol is None else protocol
    called = names or [f"Model {number} of {len(models)}" for number in range(1, len(models) + 1)]
    work = _Work(models, called, protocol, seed, on_round)
    for known in known_rounds:
        work.add(known)
    total = len(models) * protocol.rounds
    for number in range(protocol.rounds):
        for index in generator(seed, "measure order", number).permutation(len(models)).tolist():
            work.take(index, number)
            if progress is not None:
                progress(work.n_taken_below(protocol.rounds), total)
    for number in range(protocol.rounds, protocol.rounds + protocol.retries):
        for index in range(len(models)):
            if not work.is_stable(index):
                work.take(index, number)
    environment = current_environment(protocol.threads)
    return [summarize(work.samples(index), protocol, environment) for index in range(len(models))]


class _Work:
    """Rounds taken so far, and the models that are loaded."""

    def __init__(
        self,
        models: "Sequence[onnx.ModelProto | Callable[[], onnx.ModelProto]]",
        names: Sequence[str],
        protocol: Protocol,
        seed: int,
        on_round: Callable[[Round], None] | None,
    ) -> None:
        self._models = models
        self._names = names
        self._protocol = protocol
        self._seed = seed
        self._on_round = on_round
        self._rounds: dict[tuple[int, int], tuple[float, ...]] = {}
        self._loaded: dict[int, OnnxruntimeModel] = {}

    def add(self, known: Round) -> None:
        """Take over a round from an earlier call."""
        last = self._protocol.rounds + self._protocol.retries
        if not (0 <= known.index < len(self._models) and 0 <= known.number < last):
            message = (
                f"A known round must be of one of the {len(self._models)} models and below round "
                f"{last}, but got model {known.index}, round {known.number}."
            )
            raise MeasurementError(message)
        self._rounds[known.index, known.number] = known.samples_ms

    def take(self, index: int, number: int) -> None:
        """Take a round, unless it is known."""
        if (index, number) in self._rounds:
            return
        samples = time_round(self._load(index).run, self._protocol)
        self._rounds[index, number] = samples
        if self._on_round is not None:
            self._on_round(Round(index, number, samples))

    def samples(self, index: int) -> list[float]:
        """Every sample of a model, in the order of rounds."""
        last = self._protocol.rounds + self._protocol.retries
        return [
            sample for number in range(last) for sample in self._rounds.get((index, number), ())
        ]

    def is_stable(self, index: int) -> bool:
        """Whether the samples of a model are within the limit."""
        return spread_of(self.samples(index)) <= self._protocol.stability_limit

    def n_taken_below(self, number: int) -> int:
        """How many rounds are taken, retries left out."""
        return sum(taken < number for _, taken in self._rounds)

    def _load(self, index: int) -> "OnnxruntimeModel":
        """A loaded model with the inputs that belong to its place in the list."""
        from nas_rlm.measure.onnxruntime_backend import OnnxruntimeModel

        if index in self._loaded:
            return self._loaded[index]
        source = self._models[index]
        try:
            loaded = OnnxruntimeModel(
                source() if callable(source) else source,
                rng=generator(self._seed, "measure input", index),
                threads=self._protocol.threads,
            )
        except MeasurementError as error:
            if len(self._models) == 1:
                raise
            message = f"{self._names[index]}: {error}"
            raise MeasurementError(message) from error
        if len(self._models) <= MAX_LOADED:
            self._loaded[index] = loaded
        return loaded
