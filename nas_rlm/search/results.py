"""From the stored phases of a run to its outcome, and the files that a user takes away.

Written: ``checked.jsonl`` every checked candidate with predicted and true values, ``pairs.json``
predictions beside the truth for plots, ``front.csv`` and ``front.json``, ``onnx/`` the front as typed
models and canonical text, ``outcome.json``.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_rlm.config import SearchConfig
from nas_rlm.run_store import RunFolder
from nas_rlm.search.checking import (
    Checked,
    Pairs,
    agreement,
    broken_budgets,
    measured_pairs,
    quality_by_params,
    quality_of_checked,
    untrained_pairs,
)
from nas_rlm.search.outcome import CheckedValue, FrontRow, SearchOutcome
from nas_rlm.search.phases import LEVEL, Timing
from nas_rlm.search.services import Services
from nas_rlm.search.study import Walk

CHECKED = "checked.jsonl"
PAIRS = "pairs.json"
OUTCOME = "outcome.json"
MODELS = "onnx"

_MAX_PAIRS = 4000


def write_results(
    config: SearchConfig,
    services: Services,
    run: RunFolder,
    *,
    found: Walk,
    checked: Checked,
    latencies: Mapping[str, Timing],
    trained: set[str],
) -> None:
    """Compare predictions with the truth and write every file but the outcome's seconds.

    Args:
        config: The configuration.
        services: The space and the truth.
        run: Where to.
        found: The walk.
        checked: Which of its rows were checked.
        latencies: Fresh measurements by digest.
        trained: Digests of architectures that were trained on.
    """
    rows = np.concatenate([checked.front, checked.others])
    true, spans = _true_values(config, services, found, rows, latencies)
    table = _checked_rows(config, services, found, rows, true, spans)
    front = table[: len(checked.front)]
    pairs = _all_pairs(config, services, found, rows, latencies, trained)
    agreements = [agreement(item) for item in pairs]
    stacked = np.stack([true[metric.name] for metric in config.objectives], axis=1)
    quality = quality_by_params(config, found, services.truth)
    of_checked = quality_of_checked(config.objectives, stacked, len(front))
    outcome = SearchOutcome(
        space=config.space,
        surrogate=config.surrogate.title,
        seed=config.seed,
        metrics=tuple(metric.name for metric in config.metrics),
        level=LEVEL,
        candidates=len(found),
        front=tuple(front),
        agreement=tuple(item for item in agreements if item is not None),
        quality=(*quality, *([] if of_checked is None else [of_checked])),
        seconds={},
        notes=tuple(
            _notes(
                config,
                found,
                latencies,
                broken_budgets(
                    config.parsed_budgets,
                    {name: values[: len(front)] for name, values in true.items()},
                ),
            )
        ),
    )
    _write_models(services, run, found, checked.front)
    lines = [
        json.dumps({"is_front": place < len(front), **dataclasses.asdict(row)})
        for place, row in enumerate(table)
    ]
    run.write_text(CHECKED, "\n".join(lines) + "\n")
    run.write_json(PAIRS, [_pairs_record(item) for item in pairs])
    run.write_json("front.json", [dataclasses.asdict(row) for row in front])
    run.write_text("front.csv", front_csv(outcome))
    run.write_json(OUTCOME, outcome.to_mapping())


def front_csv(outcome: SearchOutcome) -> str:
    """Return the front as CSV: per metric predicted, interval, true value and its spread."""
    parts = [field.name for field in dataclasses.fields(CheckedValue)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [
            "architecture",
            "digest",
            "file",
            *(f"{metric} {part}" for metric in outcome.metrics for part in parts),
        ]
    )
    for row in outcome.front:
        cells = [getattr(row.values[metric], part) for metric in outcome.metrics for part in parts]
        writer.writerow([row.architecture, row.digest, row.file, *cells])
    return stream.getvalue()


def _true_values(
    config: SearchConfig,
    services: Services,
    found: Walk,
    rows: NDArray[np.int64],
    latencies: Mapping[str, Timing],
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """True values, shape (n,), and their spreads, shape (n, 2), of every metric; NaN if unknown."""
    genomes = found.genomes[rows]
    timings = [latencies.get(found.digests[row]) for row in rows]
    true, spans = {}, {}
    for metric in config.metrics:
        if metric.name in services.truth.measured:
            true[metric.name] = np.array(
                [np.nan if item is None else item.value for item in timings]
            )
            spans[metric.name] = np.array(
                [(np.nan, np.nan) if item is None else (item.low, item.high) for item in timings]
            )
        else:
            true[metric.name] = services.truth.values(metric.name, genomes)
            spans[metric.name] = services.truth.spans(metric.name, genomes)
    return true, spans


def _checked_rows(
    config: SearchConfig,
    services: Services,
    found: Walk,
    rows: NDArray[np.int64],
    true: Mapping[str, NDArray[np.float64]],
    spans: Mapping[str, NDArray[np.float64]],
) -> list[FrontRow]:
    """Every checked candidate, in the order of `rows`."""
    table = []
    for place, row in enumerate(rows.tolist()):
        values = {}
        for metric in config.metrics:
            item = found.forecasts[metric.name]
            low, high = spans[metric.name][place]
            values[metric.name] = CheckedValue(
                predicted=float(item.mean[row]),
                low=float(item.low[row]),
                high=float(item.high[row]),
                true=_known(true[metric.name][place]),
                true_low=_known(low),
                true_high=_known(high),
            )
        genome = found.genomes[row].tolist()
        table.append(
            FrontRow(
                architecture=services.space.format(services.space.from_genome(genome)),
                digest=found.digests[row],
                file=f"{MODELS}/{found.digests[row]}.onnx",
                values=values,
            )
        )
    return table


def _all_pairs(
    config: SearchConfig,
    services: Services,
    found: Walk,
    rows: NDArray[np.int64],
    latencies: Mapping[str, Timing],
    trained: set[str],
) -> list[Pairs]:
    """Predicted and true values of every metric that was predicted."""
    values = {digest: item.value for digest, item in latencies.items()}
    pairs = []
    for metric in config.metrics:
        if metric.name in services.truth.measured:
            pairs.append(measured_pairs(found, metric.name, rows, values, trained))
        elif metric.name not in services.truth.counted:
            pairs.append(untrained_pairs(found, services.truth, metric.name, trained))
    return pairs


def _notes(
    config: SearchConfig, found: Walk, latencies: Mapping[str, Timing], broken: Sequence[str]
) -> list[str]:
    """What did not go as asked, and what flatters the figures."""
    notes = list(broken)
    if config.surrogate.is_pretrained:
        notes.append(
            "The surrogate started from the shipped checkpoint, which may have learned published "
            "labels of this space; agreement with published tables may be flattered."
        )
    if len(found) < config.trials:
        notes.append(
            f"The space holds {len(found)} different networks that could be proposed, fewer than "
            f"the {config.trials} trials asked for."
        )
    n_unstable = sum(not item.is_stable for item in latencies.values())
    if n_unstable:
        notes.append(
            f"{n_unstable} of {len(latencies)} checked latencies stayed unstable (p90/p50 over "
            f"{config.measure.stability_limit:g}); other work may have run on this machine."
        )
    return notes


def _write_models(
    services: Services, run: RunFolder, found: Walk, rows: NDArray[np.int64]
) -> None:
    """Write the front as ONNX models with typed weight inputs, and as canonical text."""
    with run.new_folder(MODELS) as folder:
        for row in rows.tolist():
            architecture = services.space.from_genome(found.genomes[row].tolist())
            stem = folder / found.digests[row]
            model = services.space.to_onnx(architecture)
            stem.with_suffix(".onnx").write_bytes(model.SerializeToString(deterministic=True))
            stem.with_suffix(".txt").write_text(
                services.space.to_text(architecture), encoding="utf-8"
            )


def _pairs_record(pairs: Pairs) -> dict[str, Any]:
    """Pairs as JSON values; more than a plot can show are thinned evenly."""
    step = max(1, -(-len(pairs.true) // _MAX_PAIRS))
    return {
        "metric": pairs.metric,
        "scope": pairs.scope,
        "n": len(pairs.true),
        **{
            part: getattr(pairs, part)[::step].tolist()
            for part in ("predicted", "low", "high", "true")
        },
    }


def _known(value: float) -> float | None:
    """A value, None for NaN."""
    return None if np.isnan(value) else float(value)
