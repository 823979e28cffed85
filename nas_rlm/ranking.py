"""Ranking network files by what a trained surrogate predicts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import search_spaces
import surrogates
from nas_rlm.dataset import digest
from nas_rlm.errors import ConfigError, suggest
from nas_rlm.metrics import Direction
from nas_rlm.pretrained import checkpoint_folder
from nas_rlm.row_files import named_metric
from surrogates.transfer import of_same_quantity

MOST_METRICS = 6
"""A checkpoint of more metrics predicts only the deciding one, unless others are named."""


@dataclass(frozen=True)
class Forecast:
    """What is predicted of one metric for one network, in the metric's unit."""

    mean: float
    """What decides the order."""
    median: float
    low: float
    """Lower end of the central interval."""
    high: float
    """Upper end of the central interval."""


@dataclass(frozen=True)
class RankedFile:
    """One network file and its forecasts."""

    file: Path
    digest: str
    """Of the canonical text: equal networks have equal digests."""
    forecasts: dict[str, Forecast]
    """Metric name to forecast, in the order in which they are predicted."""


@dataclass(frozen=True)
class Ranking:
    """Network files, best first."""

    model: Path
    by: str
    """The metric that decides the order: by its estimate, in its own direction."""
    level: float
    """Probability mass of the intervals."""
    metrics: tuple[str, ...]
    """What is predicted; the deciding one is among them."""
    left_out: tuple[str, ...]
    """What the checkpoint could predict too."""
    rows: tuple[RankedFile, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Return the ranking as JSON values."""
        return {
            "model": str(self.model),
            "by": self.by,
            "level": self.level,
            "rows": [
                {
                    "file": str(row.file),
                    "digest": row.digest,
                    "predictions": {name: asdict(item) for name, item in row.forecasts.items()},
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True)
class ScoredFile:
    """One network file of a search space that was never learned."""

    file: Path
    digest: str
    """Of the canonical text: equal networks have equal digests."""
    score: float
    """The more the better, among the files of one ranking; it has no unit."""


@dataclass(frozen=True)
class NewSpaceRanking:
    """Network files of a search space that was never learned, best first."""

    model: Path
    by: tuple[str, ...]
    """The known metrics that order them."""
    rows: tuple[ScoredFile, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Return the ranking as JSON values."""
        return {
            "model": str(self.model),
            "by": list(self.by),
            "rows": [
                {"file": str(row.file), "digest": row.digest, "score": row.score}
                for row in self.rows
            ],
        }


def rank_files(
    files: Sequence[Path],
    model: Path | None = None,
    *,
    by: str | None = None,
    metrics: Sequence[str] | None = None,
    level: float = 0.8,
) -> Ranking:
    """Predict metrics of a checkpoint for network files and sort them.

    Args:
        files: ONNX files, binary or text; at least one.
        model: Folder of a trained surrogate; the shipped one when None.
        by: Metric to sort by; when None, the first accuracy of those predicted, or the first of
            them if there is none.
        metrics: What to predict, besides `by`. When None, every metric of the checkpoint, or only
            `by` if it has more than `MOST_METRICS`.
        level: Mass of the central intervals, in [0, 1].

    Returns:
        The ranking; ties keep the order of `files`.

    Raises:
        ConfigError: If there is no file, or a metric is none of the checkpoint.
        PretrainedError: If the shipped checkpoint is wanted and not installed.
        SearchSpaceError: If a file cannot be read, or cannot be brought into canonical form.
        SurrogateError: If the checkpoint is damaged or refuses a text.
    """
    folder, surrogate = _loaded(files, model, (*(metrics or ()), *([] if by is None else [by])))
    key = first_accuracy(metrics or surrogate.metrics) if by is None else by
    sign = _sign(key)
    wanted = _predicted(surrogate.metrics, key, metrics)
    texts = [search_spaces.load_text(file) for file in files]
    prediction = surrogate.predict(texts, wanted)
    columns: dict[str, list[Forecast]] = {}
    for name, distribution in prediction.items():
        interval = distribution.interval(level)
        columns[name] = [
            Forecast(*map(float, numbers))
            for numbers in zip(
                distribution.mean,
                distribution.median,
                *interval.T,
                strict=True,
            )
        ]
    rows = [
        RankedFile(file, digest(text), {name: column[i] for name, column in columns.items()})
        for i, (file, text) in enumerate(zip(files, texts, strict=True))
    ]
    rows.sort(key=lambda row: -sign * row.forecasts[key].mean)
    left_out = tuple(name for name in surrogate.metrics if name not in wanted)
    return Ranking(folder, key, level, tuple(columns), left_out, tuple(rows))


def rank_new_space(
    files: Sequence[Path], model: Path | None = None, *, by: str | None = None
) -> NewSpaceRanking:
    """Sort network files of one search space that the checkpoint never learned.

    Each network is measured by how its counts and flow stand out among the files, and scored by what the
    spaces that the checkpoint knows make of that: see `surrogates.Surrogate.order_unseen`.

    Args:
        files: ONNX files, binary or text, of networks that compete with each other; at least two.
        model: Folder of a trained surrogate; the shipped one when None.
        by: Known metric to go by; when None, all accuracies, or all metrics of the quantity of the
            first one if there is none.

    Returns:
        The ranking; ties keep the order of `files`.

    Raises:
        ConfigError: If there are fewer than two files, or the metric is none of the checkpoint.
        PretrainedError: If the shipped checkpoint is wanted and not installed.
        SearchSpaceError: If a file cannot be read, or cannot be brought into canonical form.
        SurrogateError: If the checkpoint is damaged or refuses a text.
    """
    folder, surrogate = _loaded(files, model, [] if by is None else [by])
    if len(files) < 2:
        message = (
            "Networks of a new search space are measured by each other, so at least two files are "
            "needed, but there is one. Name more networks of its space."
        )
        raise ConfigError(message)
    known = surrogate.metrics
    wanted = of_same_quantity(known, first_accuracy(known)) if by is None else [by]
    texts = [search_spaces.load_text(file) for file in files]
    scores = _sign(wanted[0]) * surrogate.order_unseen(texts, wanted)
    rows = [
        ScoredFile(file, digest(text), score)
        for file, text, score in zip(files, texts, scores.tolist(), strict=True)
    ]
    rows.sort(key=lambda row: -row.score)
    return NewSpaceRanking(folder, tuple(wanted), tuple(rows))


def first_accuracy(metrics: Sequence[str]) -> str:
    """Return the first metric that is an accuracy, or the first one if none is.

    Args:
        metrics: At least one name.
    """
    accuracies = (name for name in metrics if name.startswith("accuracy_percent/"))
    return next(accuracies, metrics[0])


def _predicted(known: Sequence[str], key: str, wanted: Sequence[str] | None) -> list[str]:
    """Metrics to predict, in the order in which the surrogate knows them."""
    if wanted is None and len(known) <= MOST_METRICS:
        return list(known)
    return [name for name in known if name == key or name in (wanted or ())]


def _loaded(
    files: Sequence[Path], model: Path | None, named: Sequence[str]
) -> tuple[Path, surrogates.Surrogate]:
    """Load the checkpoint that is to rank files, and check that it predicts what is named."""
    if not files:
        message = "Nothing to rank: name at least one ONNX file, binary or text."
        raise ConfigError(message)
    folder = checkpoint_folder(model)
    surrogate = surrogates.load_surrogate(folder)
    for name in named:
        if name not in surrogate.metrics:
            message = (
                f"Checkpoint {str(folder)!r} does not predict {name!r}. "
                f"{suggest(name, surrogate.metrics, kind='metrics')}"
            )
            raise ConfigError(message)
    return folder, surrogate


def _sign(metric: str) -> float:
    """Return 1 where more is better, -1 where less is."""
    return 1.0 if named_metric(metric).direction is Direction.MAXIMIZE else -1.0
