"""`nas-rlm train`: a surrogate from a published benchmark or from a user's own rows."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.failures import is_interrupt
from nas_rlm.cli.output import (
    JsonOption,
    SeedOption,
    print_json,
    print_table,
    progress_bar,
    say,
)


def train(
    out: Annotated[
        Path, typer.Option(help="Checkpoint folder to write; new, or of a stopped training.")
    ],
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Your rows, CSV or .parquet: a column `file`, `text` or `architecture`, "
            "one column per metric."
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Search space of the benchmark, of the column `architecture`, or, in a parquet "
            "file with a column `space`, whose rows are read."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric of the benchmark to learn; repeatable.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Random rows of the benchmark.")] = 500,
    surrogate: Annotated[str, typer.Option(help="Surrogate to train.")] = "rlm",
    encoder: Annotated[
        str | None,
        typer.Option(help="How an RLM reads a text: dataflow (the default), sequence, t5gemma."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write events for TensorBoard (extra `track`).")
    ] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Train a surrogate and save it.

    It learns from a CSV file of your own (--csv), or from random rows of a published benchmark
    (--space, --metric, --rows). Training of the RLM that was stopped or killed goes on where it was
    when the same command is given again. OUT/training.jsonl is its log.
    """
    from nas_rlm.benchmark_rows import benchmark_rows
    from nas_rlm.errors import ConfigError
    from nas_rlm.row_files import read_rows
    from nas_rlm.training import UNFINISHED, check_new_folder, train_surrogate
    from surrogates import get_surrogate

    if csv is None and space is None:
        message = "Nothing to train on: name a CSV file (--csv) or a search space (--space)."
        raise ConfigError(message)
    settings: dict[str, object] = {} if encoder is None else {"encoder": encoder}
    get_surrogate(surrogate, **settings)  # refused before rows are read
    check_new_folder(out)
    with progress_bar("reading rows") as progress:
        if csv is not None:
            data = read_rows(csv, space=space, progress=progress)
        else:
            data = benchmark_rows(
                space or "", metric or (), n_rows=rows, seed=seed, progress=progress
            )
    try:
        with progress_bar("training") as progress:
            report = train_surrogate(
                data,
                surrogate,
                out,
                seed=seed,
                progress=progress,
                settings=settings,
                tensorboard=tensorboard,
            )
    except (Exception, KeyboardInterrupt) as error:
        if is_interrupt(error) and (out / UNFINISHED).exists():
            error.add_note("What is trained is kept; the same command goes on with it.")
        raise
    if json:
        print_json(report.to_mapping())
        return
    print_table(
        ("metric", "rows", "mean", "minimum", "maximum"),
        [(m.metric, m.rows, m.mean, m.minimum, m.maximum) for m in report.metrics],
    )
    say(f"Trained {surrogate} in {report.seconds:.1f} s. Checkpoint: {out}")
