"""`nas-rlm rank`: predictions for any ONNX files, best first."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import JsonOption, print_json, print_table


def rank(
    files: Annotated[list[Path], typer.Argument(help="ONNX files: .onnx or ONNX text.")],
    model: Annotated[Path, typer.Option(help="Checkpoint folder that `nas-rlm train` wrote.")],
    by: Annotated[
        str | None, typer.Option(help="Metric to sort by; the checkpoint's first one otherwise.")
    ] = None,
    level: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Probability mass of the intervals.")
    ] = 0.8,
    json: JsonOption = False,
) -> None:
    """Predict the metrics of ONNX files, best first.

    Any ONNX file will do. Nothing is trained and no network is run.
    """
    from nas_rlm.ranking import rank_files

    ranking = rank_files(files, model, by=by, level=level)
    if json:
        print_json(ranking.to_mapping())
        return
    columns = ["file"]
    for metric in ranking.metrics:
        columns += [metric, f"{level:.0%} interval"]
    rows = []
    for row in ranking.rows:
        cells: list[object] = [str(row.file)]
        for forecast in row.forecasts.values():
            cells += [forecast.estimate, f"{forecast.low:.4g} .. {forecast.high:.4g}"]
        rows.append(cells)
    print_table(columns, rows)
