"""Ranking network files by what a trained surrogate predicts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import surrogates
from nas_rlm.dataset import digest
from nas_rlm.errors import ConfigError, suggest
from nas_rlm.metrics import Direction
from nas_rlm.network_files import read_text
from nas_rlm.row_files import named_metric


@dataclass(frozen=True)
class Forecast:
    """What is predicted of one metric for one network, in the metric's unit."""

    estimate: float
    """What decides the order: mean or median, whichever the surrogate ranks by."""
    mean: float
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


def rank_files(
    files: Sequence[Path], model: Path, *, by: str | None = None, level: float = 0.8
) -> Ranking:
    """Predict every metric of a checkpoint for network files and sort them.

    Args:
        files: ONNX files, binary or text.
        model: Folder of a trained surrogate.
        by: Metric to sort by; the surrogate's first one when None.
        level: Mass of the central intervals, in [0, 1].

    Returns:
        The ranking; ties keep the order of `files`.

    Raises:
        ConfigError: If `by` is not a metric of the checkpoint.
        SearchSpaceError: If a file cannot be read, or cannot be brought into canonical form.
        SurrogateError: If the checkpoint is damaged or refuses a text.
    """
    surrogate = surrogates.load_surrogate(model)
    key = surrogate.metrics[0] if by is None else by
    if key not in surrogate.metrics:
        message = (
            f"Checkpoint {str(model)!r} does not predict {key!r}. "
            f"{suggest(key, surrogate.metrics, kind='metrics')}"
        )
        raise ConfigError(message)
    texts = [read_text(file) for file in files]
    prediction = surrogate.predict(texts)
    columns: dict[str, list[Forecast]] = {}
    for name, distribution in prediction.items():
        interval = distribution.interval(level)
        columns[name] = [
            Forecast(*map(float, numbers))
            for numbers in zip(
                distribution.estimate,
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
    sign = -1.0 if named_metric(key).direction is Direction.MAXIMIZE else 1.0
    rows.sort(key=lambda row: sign * row.forecasts[key].estimate)
    return Ranking(model, key, level, tuple(columns), tuple(rows))
