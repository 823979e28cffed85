"""`nas-rlm compare`: run a protocol and print its table."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import JsonOption, print_json, progress_bar


def compare(
    protocol: Annotated[str, typer.Argument(help="Name of the protocol.")],
    experiments: Annotated[
        Path, typer.Option(help="Folder with one folder a protocol, and README.md.")
    ] = Path("experiments"),
    methods: Annotated[str | None, typer.Option(help="Comma-separated methods.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Comma-separated seeds.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Comma-separated training rows.")] = None,
    targets: Annotated[str | None, typer.Option(help="Comma-separated columns.")] = None,
    json: JsonOption = False,
) -> None:
    """Compare predictors on the same rows.

    Figures go to EXPERIMENTS/PROTOCOL/results.json as they are measured; what is there already is
    not run again, so an interrupted run goes on. The table in EXPERIMENTS/README.md is made anew.
    """
    import dataclasses

    from nas_rlm.comparison import find_protocol, results_table, run_protocol, update_document
    from nas_rlm.errors import ConfigError

    chosen = find_protocol(protocol)
    try:
        numbers = [
            None if value is None else [int(part) for part in value.split(",")]
            for value in (seeds, sizes)
        ]
    except ValueError as error:
        raise ConfigError(f"Seeds and sizes must be whole numbers: {error}.") from error
    results = run_protocol(
        chosen,
        experiments / chosen.name,
        methods=methods.split(",") if methods else None,
        seeds=numbers[0],
        sizes=numbers[1],
        targets=targets.split(",") if targets else None,
        phases=progress_bar,
    )
    table = "\n\n".join(
        results_table(chosen, results, metric) for metric in ("kendall_tau", "kendall_tau_unseen")
    )
    if (experiments / "README.md").exists():
        update_document(experiments / "README.md", chosen.name, table)
    if json:
        print_json(dataclasses.asdict(results))
    else:
        typer.echo(table)
