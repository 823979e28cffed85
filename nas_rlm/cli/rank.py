"""`nas-rlm rank`: predictions for any ONNX files, best first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.checkpoints import ModelOption, say_if_shipped
from nas_rlm.cli.output import JsonOption, print_json, print_table, say
from nas_rlm.errors import ConfigError


def rank(
    files: Annotated[
        list[Path] | None, typer.Argument(help="ONNX files: .onnx or ONNX text.")
    ] = None,
    model: ModelOption = None,
    by: Annotated[
        str | None, typer.Option(help="Metric to sort by; the first accuracy otherwise.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric to predict besides the one to sort by; repeatable."),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Probability mass of the intervals; 0.8 otherwise."),
    ] = None,
    new_space: Annotated[
        bool,
        typer.Option(
            "--new-space",
            help="The files are of one search space that the checkpoint never learned: sort them "
            "by what its spaces have in common, without predicting a number.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Predict metrics of ONNX files, best first.

    Any ONNX file will do. Nothing is trained and no network is run. `nas-rlm model` lists the
    metrics of a checkpoint.
    """
    if new_space:
        if metric or level is not None:
            message = (
                f"No number is predicted with --new-space, but {'--metric' if metric else '--level'} "
                "is given. Leave one of them out; --by chooses what the order goes by."
            )
            raise ConfigError(message)
        _rank_new_space(files or [], model, by, json=json)
        return

    from nas_rlm.ranking import rank_files

    mass = 0.8 if level is None else level
    ranking = rank_files(files or (), model, by=by, metrics=metric or None, level=mass)
    say_if_shipped(model)
    if json:
        print_json(ranking.to_mapping())
        return
    columns = ["file"]
    for name in ranking.metrics:
        columns += [name, f"{100 * ranking.level:g}% interval"]
    rows = []
    for row in ranking.rows:
        cells: list[object] = [str(row.file)]
        for forecast in row.forecasts.values():
            cells += [forecast.mean, f"{forecast.low:.4g} .. {forecast.high:.4g}"]
        rows.append(cells)
    print_table(columns, rows)
    if metric is None and ranking.left_out:
        others = len(ranking.left_out)
        say(
            f"Sorted by {ranking.by}; --metric adds any of {others} others, see `nas-rlm model`. "
            "For files of a search space that it never learned: --new-space."
        )


def _rank_new_space(files: list[Path], model: Path | None, by: str | None, *, json: bool) -> None:
    """Sort files of a space that the checkpoint never learned."""
    from nas_rlm.ranking import rank_new_space

    ranking = rank_new_space(files, model, by=by)
    say_if_shipped(model)
    if json:
        print_json(ranking.to_mapping())
        return
    print_table(["file", "score"], [[str(row.file), row.score] for row in ranking.rows])
    say(
        f"Sorted by what {_named(ranking.by)} would be, as far as search spaces are alike; the "
        "score has no unit and compares these files alone."
    )


def _named(metrics: Sequence[str]) -> str:
    """One metric by its name, several by their quantity."""
    quantity = metrics[0].partition("/")[0]
    return metrics[0] if len(metrics) == 1 else f"{len(metrics)} metrics of {quantity}"
