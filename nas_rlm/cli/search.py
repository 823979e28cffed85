"""`nas-rlm search`: from a search space to a checked Pareto front."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.failures import is_interrupt
from nas_rlm.cli.output import (
    JsonOption,
    print_json,
    print_titled_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from nas_rlm.config import SearchConfig


def search(
    config: Annotated[
        Path | None, typer.Option(help="TOML file; the shipped one for NAS-Bench-201 otherwise.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="Search space, see `nas-rlm spaces`.")] = None,
    maximize: Annotated[
        list[str] | None, typer.Option(help="Metric that should be large; repeatable.")
    ] = None,
    minimize: Annotated[
        list[str] | None, typer.Option(help="Metric that should be small; repeatable.")
    ] = None,
    budget: Annotated[
        list[str] | None, typer.Option(help="Limit such as 'latency_ms/local<=3'; repeatable.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="What the surrogate starts from: scratch, or pretrained, the checkpoint that comes "
            "with nas-rlm."
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Candidates to propose and predict.")] = None,
    run_folder: Annotated[
        Path | None, typer.Option(help="Folder of the run; the configured one otherwise.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that the folder holds.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    json: JsonOption = False,
) -> None:
    """Find a Pareto front by prediction, and check it.

    A few architectures are labelled and train a surrogate, many are walked by its predictions, and
    the front that comes out is checked against the truth. Everything is stored in a run folder.
    """
    from nas_rlm.config import default_search_config, read_search_config
    from nas_rlm.report.summary import write_report
    from nas_rlm.report.tables import outcome_tables
    from nas_rlm.search.job import run_search

    settings = default_search_config() if config is None else read_search_config(config)
    folder = run_folder or Path(settings.run_folder)
    options = {
        "space": space,
        "maximize": _metrics(maximize, other=minimize),
        "minimize": _metrics(minimize, other=maximize),
        "budgets": tuple(budget) if budget else None,
        "trials": trials,
        "seed": seed,
    }
    if resume and config is None:
        settings = _stored_config(folder)
    surrogate = None if start is None else dataclasses.replace(settings.surrogate, start=start)
    settings = settings.replace(**options, surrogate=surrogate, run_folder=str(folder))
    try:
        outcome = run_search(settings, folder, resume=resume, progress=progress_bar)
    except (Exception, KeyboardInterrupt) as error:
        command = shlex.join(["nas-rlm", "search", "--resume", "--run-folder", str(folder)])
        if is_interrupt(error) and (folder / "run.json").is_file():
            error.add_note(f"What is done is stored; go on with: {command}")
        raise
    say(f"Run folder: {folder}, page: {write_report(folder)}")
    if json:
        print_json({"run_folder": str(folder), **outcome.to_mapping()})
        return
    for table in outcome_tables(outcome):
        print_titled_table(table.title, table.columns, table.rows)


def _metrics(named: list[str] | None, *, other: list[str] | None) -> tuple[str, ...] | None:
    """Return the metrics of one direction; naming any replaces the configured ones of both."""
    if named is None and other is None:
        return None
    return tuple(named or ())


def _stored_config(folder: Path) -> "SearchConfig":
    """Return the configuration that the run in a folder began with."""
    from nas_rlm.config import stored_search_config
    from nas_rlm.run_store import RunFolder

    with RunFolder.resume(folder, kind="search") as run:
        return stored_search_config(run.config)
