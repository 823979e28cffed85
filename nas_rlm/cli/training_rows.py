"""The rows that `train` and `finetune` learn from: a file of the user's, or a published benchmark."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.output import print_table

if TYPE_CHECKING:
    from nas_rlm.dataset import Dataset
    from nas_rlm.progress import Progress
    from nas_rlm.training import MetricFacts

OutOption = Annotated[Path, typer.Option("--out", help="Checkpoint folder to write; must be new.")]
CsvOption = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        help="Your rows, CSV or .parquet: a column `file`, `text` or `architecture`, "
        "one column per metric.",
    ),
]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        "--space",
        help="Search space of the benchmark, of the column `architecture`, or, in a parquet "
        "file with a column `space`, whose rows are read.",
    ),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help="Metric to learn, repeatable; needed for a benchmark, all of the file if not given.",
    ),
]
RowsOption = Annotated[
    int | None, typer.Option("--rows", min=1, help="Random rows of the benchmark; 500 by default.")
]
BENCHMARK_ROWS = 500
"""Rows of a benchmark unless another number is given."""


def row_reader(
    csv: Path | None, space: str | None, metric: list[str] | None, *, rows: int | None, seed: int
) -> "Callable[[Progress], Dataset]":
    """Check what the options name, and return the function that reads it.

    Args:
        csv: `CsvOption`.
        space: `SpaceOption`.
        metric: `MetricOption`.
        rows: `RowsOption`.
        seed: Seed of the draw from a benchmark.

    Returns:
        Called with a `Progress`, it gives the rows.

    Raises:
        ConfigError: If neither a file nor a space is named, a number of rows with a file, or the
            seed is out of range.
    """
    from nas_rlm.benchmark_rows import benchmark_rows
    from nas_rlm.errors import ConfigError
    from nas_rlm.row_files import read_rows
    from nas_rlm.seeding import check_seed

    check_seed(seed)
    if csv is not None:
        if rows is not None:
            message = (
                "`--rows` draws from a benchmark; of a file (`--csv`) all are read. Leave it out."
            )
            raise ConfigError(message)
        return lambda progress: _with_metrics(
            read_rows(csv, space=space, progress=progress), metric or (), csv
        )
    if space is not None:
        return lambda progress: benchmark_rows(
            space, metric or (), n_rows=rows or BENCHMARK_ROWS, seed=seed, progress=progress
        )
    message = "Nothing to train on: name a CSV file (--csv) or a search space (--space)."
    raise ConfigError(message)


def _with_metrics(data: "Dataset", metrics: Sequence[str], csv: Path) -> "Dataset":
    """The rows that have one of some metrics, with no other label; all if none is named."""
    from nas_rlm.errors import ConfigError

    for metric in metrics:
        if metric not in data.metrics:
            message = f"{csv.name} has no metric {metric!r}, but {', '.join(data.metrics)}."
            raise ConfigError(message)
    return data.with_metrics(metrics) if metrics else data


def print_metrics(metrics: "Iterable[MetricFacts]") -> None:
    """Print what was learned, a line for each metric."""
    print_table(
        ("metric", "rows", "mean", "minimum", "maximum"),
        [(m.metric, m.rows, m.mean, m.minimum, m.maximum) for m in metrics],
    )
