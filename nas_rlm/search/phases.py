"""The phases of a search run; each reads what earlier ones stored and stores its own result.

A phase never returns what it computed: the job reads it back from the run folder, so a run that
was interrupted and one that was not see the same numbers.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_rlm.config import SearchConfig
from nas_rlm.errors import DatasetError
from nas_rlm.measure.interleaved import Round
from nas_rlm.measure.protocol import Measurement
from nas_rlm.nearest_metric import nearest_metric
from nas_rlm.progress import Progress
from nas_rlm.run_store import RunFolder
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.services import Services
from nas_rlm.search.study import Walk, WalkPlan, walk
from nas_rlm.seeding import derived_seed, generator
from surrogates.base import PredictiveDistribution, Surrogate

ARCHITECTURES = "architectures.jsonl"
WALK = "walk.jsonl"
JOURNAL = "journal.log"
SURROGATE = "surrogate"
START = "start.json"
TRAINING_STAGE = "training"
CHECK_STAGE = "check"

LEVEL = 0.8
"""Probability mass of every interval of a run."""

_DRAW = 100
_DRAWS_WITHOUT_NEW = 100


@dataclass(frozen=True)
class TrainingRow:
    """One architecture that is trained on."""

    genome: tuple[int, ...]
    digest: str
    labels: Mapping[str, float]
    """Values from tables; what is measured is kept with the measurements."""


@dataclass(frozen=True)
class Timing:
    """The latency of one network as the run keeps it, in milliseconds."""

    value: float
    low: float
    """Lower end of the central interval of the timed passes that holds `LEVEL` of them."""
    high: float
    spread: float
    """p90/p50 of the timed passes."""
    is_stable: bool
    passes: int
    """Timed forward passes."""


def draw_architectures(
    config: SearchConfig, services: Services, run: RunFolder, progress: Progress
) -> None:
    """Draw distinct networks and look their table values up.

    Raises:
        DatasetError: If there are too few different networks.
    """
    reader = CandidateReader(services.space)
    rng = generator(config.seed, "architectures")
    wanted = config.train_architectures
    drawn: list[Candidate] = []
    seen: set[str] = set()
    idle = 0
    for genomes in _random_batches(services, reader, rng):
        fresh = reader.fresh(genomes, seen, wanted - len(drawn))
        drawn += fresh
        progress(len(drawn), wanted, {})
        idle = 0 if fresh else idle + 1
        if len(drawn) == wanted or idle == _DRAWS_WITHOUT_NEW:
            break
    if not drawn:
        message = (
            f"No network of {config.space!r} has a known value of each of "
            f"{', '.join(services.truth.tabled)}. Leave some of these out."
        )
        raise DatasetError(message)
    if len(drawn) < wanted:
        message = (
            f"Search space {config.space!r} gave only {len(drawn)} different networks whose true "
            f"values are known, but `train_architectures` is {wanted}. Ask for fewer."
        )
        raise DatasetError(message)
    known = np.array([candidate.genome for candidate in drawn], dtype=np.int64)
    columns = {name: services.truth.values(name, known) for name in services.truth.tabled}
    lines = []
    for row, candidate in enumerate(drawn):
        labels = {name: float(column[row]) for name, column in columns.items()}
        record = {
            "architecture": services.space.format(services.space.from_genome(candidate.genome)),
            "digest": candidate.digest,
            "genome": list(candidate.genome),
            "labels": {name: value for name, value in labels.items() if np.isfinite(value)},
        }
        lines.append(json.dumps(record, ensure_ascii=False))
    run.write_text(ARCHITECTURES, "\n".join(lines) + "\n")


def read_architectures(run: RunFolder) -> tuple[TrainingRow, ...]:
    """Read what `draw_architectures` stored."""
    return tuple(
        TrainingRow(tuple(record["genome"]), record["digest"], record["labels"])
        for record in run.records(ARCHITECTURES)
    )


def take_latencies(
    services: Services,
    run: RunFolder,
    progress: Progress,
    stage: str,
    rows: Sequence[tuple[tuple[int, ...], str]],
) -> None:
    """Measure networks in interleaved rounds, keeping every round as it is taken.

    Args:
        services: The clock.
        run: Where rounds are logged.
        progress: Called as rounds are taken.
        stage: `TRAINING_STAGE` or `CHECK_STAGE`.
        rows: Genome and digest of each network; the same list in a resumed run.

    Raises:
        MeasurementError: If a network cannot be run, or the log is of other networks.
    """
    candidates = [Candidate(genome, digest) for genome, digest in rows]
    with run.log(_rounds_file(stage)) as log:
        known = [
            Round.from_mapping({name: item[name] for name in ("index", "number", "samples_ms")})
            for item in log.earlier_records
            if item["index"] < len(rows) and rows[item["index"]][1] == item["digest"]
        ]

        def keep(taken: Round) -> None:
            """Log a round with the network that it is of."""
            log.append({"digest": rows[taken.index][1], **taken.to_mapping()})

        measurements = services.measure(
            candidates,
            known_rounds=known,
            on_round=keep,
            progress=lambda step, total: progress(step, total, {}),
        )
    lines = [
        json.dumps({"digest": digest, **_timing_record(item)})
        for (_, digest), item in zip(rows, measurements, strict=True)
    ]
    run.write_text(_measurements_file(stage), "\n".join(lines) + "\n")


def read_latencies(run: RunFolder, stage: str) -> dict[str, Timing]:
    """Read what `take_latencies` stored: digest to latency."""
    return {
        record["digest"]: Timing(
            record["latency_ms"],
            record["low"],
            record["high"],
            record["p90_over_p50"],
            record["is_stable"],
            record["passes"],
        )
        for record in run.records(_measurements_file(stage))
    }


def train(config: SearchConfig, services: Services, run: RunFolder, progress: Progress) -> None:
    """Train the surrogate on tables and measurements and store it.

    One that starts from a fitted surrogate begins each metric that is new to it from the known one
    that orders the rows best, and the run keeps which.
    """
    latencies = read_latencies(run, TRAINING_STAGE)
    texts, labels = [], []
    for row in read_architectures(run):
        label = dict(row.labels)
        if row.digest in latencies:
            value = latencies[row.digest].value
            label |= dict.fromkeys(services.truth.measured, value)
        if label:
            texts.append(services.space.to_text(services.space.from_genome(row.genome)))
            labels.append(label)
    seed = derived_seed(config.seed, "surrogate")
    if services.load_start is None:
        surrogate = services.new_surrogate().fit(texts, labels, seed=seed, progress=progress)
    else:
        start = services.load_start()
        new = sorted({name for label in labels for name in label} - set(start.metrics))
        found = {name: nearest_metric(start, texts, labels, name) for name in new}
        nearest = {name: item for name, item in found.items() if item is not None}
        run.write_json(START, {name: asdict(item) for name, item in nearest.items()})
        like = {name: item.metric for name, item in nearest.items()}
        surrogate = start.finetune(texts, labels, like=like, seed=seed, progress=progress)
    with run.new_folder(SURROGATE) as folder:
        surrogate.save(folder)


def walk_candidates(
    config: SearchConfig, services: Services, run: RunFolder, progress: Progress
) -> None:
    """Walk the space by the stored surrogate's predictions."""
    surrogate = services.load_surrogate(run.file(SURROGATE))
    plan = WalkPlan(
        config.objectives,
        config.parsed_budgets,
        config.trials,
        config.population_size,
        config.seed,
        LEVEL,
    )
    reader = CandidateReader(services.space)
    with run.log(WALK) as log:
        walk(
            plan,
            reader,
            lambda candidates: predict(config, services, surrogate, reader, candidates),
            journal=run.file(JOURNAL),
            log=log,
            progress=progress,
        )


def read_walk(run: RunFolder) -> Walk:
    """Read what `walk_candidates` stored."""
    return Walk.from_records(run.records(WALK))


def predict(
    config: SearchConfig,
    services: Services,
    surrogate: Surrogate,
    reader: CandidateReader,
    candidates: Sequence[Candidate],
) -> dict[str, PredictiveDistribution]:
    """Predict every metric of the run; counted ones are exact and have no spread."""
    names = [metric.name for metric in config.metrics]
    learned = [name for name in names if name not in services.truth.counted]
    prediction = surrogate.predict([reader.text(candidate) for candidate in candidates], learned)
    genomes = np.array([candidate.genome for candidate in candidates], dtype=np.int64)
    return {
        name: prediction[name]
        if name in learned
        else PredictiveDistribution.point(services.truth.values(name, genomes))
        for name in names
    }


def _random_batches(
    services: Services, reader: CandidateReader, rng: np.random.Generator
) -> Iterator[list[list[int]]]:
    """Random genomes: without end, or those of a partial table in random order."""
    known = services.truth.known_genomes()
    if known is None:
        for _ in itertools.count():
            yield reader.sample(_DRAW, rng).tolist()
    order: NDArray[np.int64] = rng.permutation(len(known) if known is not None else 0)
    for start in range(0, len(order), _DRAW):
        yield known[order[start : start + _DRAW]].tolist() if known is not None else []


def _timing_record(measurement: Measurement) -> dict[str, Any]:
    """A measurement as one line; its samples are in the log of rounds."""
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(measurement.samples_ms, [tail, 100.0 - tail])
    return {
        "latency_ms": measurement.value,
        "low": float(low),
        "high": float(high),
        "p90_over_p50": measurement.spread,
        "p95": measurement.p95,
        "is_stable": measurement.is_stable,
        "passes": len(measurement.samples_ms),
        "environment": measurement.environment.digest,
    }


def _rounds_file(stage: str) -> str:
    """Log of rounds of a stage."""
    return f"rounds_{stage}.jsonl"


def _measurements_file(stage: str) -> str:
    """Measurements of a stage, written when all are taken."""
    return f"measurements_{stage}.jsonl"
