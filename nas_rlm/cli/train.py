"""`nas-rlm train`: a surrogate from a published benchmark or from a user's own rows."""

from typing import Annotated

import typer

from nas_rlm.cli.failures import is_interrupt
from nas_rlm.cli.output import JsonOption, SeedOption, print_json, progress_bar, say
from nas_rlm.cli.training_rows import (
    CsvOption,
    MetricOption,
    OutOption,
    RowsOption,
    SpaceOption,
    print_metrics,
    row_reader,
)


def train(
    out: OutOption,
    csv: CsvOption = None,
    space: SpaceOption = None,
    metric: MetricOption = None,
    rows: RowsOption = None,
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
    from nas_rlm.training import UNFINISHED, check_new_folder, train_surrogate
    from surrogates import get_surrogate

    read = row_reader(csv, space, metric, rows=rows, seed=seed)
    settings: dict[str, object] = {} if encoder is None else {"encoder": encoder}
    get_surrogate(surrogate, **settings)  # refused before rows are read
    check_new_folder(out)
    with progress_bar("reading rows") as progress:
        data = read(progress)
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
    print_metrics(report.metrics)
    say(f"Trained {surrogate} in {report.seconds:.1f} s. Checkpoint: {out}")
