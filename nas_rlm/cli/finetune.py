"""`nas-rlm finetune`: a trained surrogate, trained further on other rows."""

from typing import Annotated

import typer

from nas_rlm.cli.checkpoints import ModelOption, say_if_shipped
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


def finetune(
    out: OutOption,
    model: ModelOption = None,
    csv: CsvOption = None,
    space: SpaceOption = None,
    metric: MetricOption = None,
    rows: RowsOption = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NEW=KNOWN",
            help="Known metric that a new one starts from, such as "
            "latency_ms/my_phone=latency_ms/pixel3; repeatable.",
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Also train one from scratch on your rows and let both speak: better where the "
            "checkpoint has never seen the search space, slower to train and to use.",
        ),
    ] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Train a checkpoint further on your rows, and save it as a new one.

    The new checkpoint knows the metrics of the rows and no others. A metric that was known goes
    on from where it is; a new one starts from what --like names, otherwise from the average of
    the known metrics of its quantity.
    """
    from nas_rlm.training import check_new_folder, finetune_surrogate, load_start, parse_like

    read = row_reader(csv, space, metric, rows=rows, seed=seed)
    origins = parse_like(like or ())
    check_new_folder(out)
    start = load_start(model)
    with progress_bar("reading rows") as progress:
        data = read(progress)
    with progress_bar("fine-tuning") as progress:
        report = finetune_surrogate(
            data, start, out, like=origins, fresh=fresh, seed=seed, progress=progress
        )
    say_if_shipped(model)
    if json:
        print_json(report.to_mapping())
        return
    print_metrics(report.metrics)
    say(
        f"Fine-tuned {report.surrogate} in {report.seconds:.1f} s. It knows these metrics and no "
        f"others. Checkpoint: {out}"
    )
