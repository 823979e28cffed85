"""The rows that `train` and `finetune` learn from: a file of the user's, or a published benchmark."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.output import print_table

if TYPE_CHECKING:
    from nas_rlm.dataset import Dataset
    from nas_rlm.progress import Progress
    from nas_rlm.training import TrainingReport

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
    typer.Option("--metric", help="Metric of the benchmark to learn; repeatable."),
]
RowsOption = Annotated[int, typer.Option("--rows", min=1, help="Random rows of the benchmark.")]


def row_reader(
    csv: Path | None, space: str | None, metric: list[str] | None, *, rows: int, seed: int
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
        ConfigError: If neither a file nor a space is named.
    """
    from nas_rlm.benchmark_rows import benchmark_rows
    from nas_rlm.errors import ConfigError
    from nas_rlm.row_files import read_rows

    if csv is not None:
        return lambda progress: read_rows(csv, space=space, progress=progress)
    if space is not None:
        return lambda progress: benchmark_rows(
            space, metric or (), n_rows=rows, seed=seed, progress=progress
        )
    message = "Nothing to train on: name a CSV file (--csv) or a search space (--space)."
    raise ConfigError(message)


def print_training(report: "TrainingReport") -> None:
    """Print what was learned, a line for each metric."""
    print_table(
        ("metric", "rows", "mean", "minimum", "maximum"),
        [(m.metric, m.rows, m.mean, m.minimum, m.maximum) for m in report.metrics],
    )
