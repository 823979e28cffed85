"""`nas-rlm compare`: run a protocol and print its tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.output import JsonOption, print_json, progress_bar, say, write

if TYPE_CHECKING:
    from nas_rlm.comparison import Comparison
    from nas_rlm.comparison.space_rows import SpaceRows


def compare(
    protocol: Annotated[
        str | None, typer.Argument(help="Name of the protocol; none with --csv.")
    ] = None,
    experiments: Annotated[
        Path, typer.Option(help="Folder with one folder a protocol, and README.md.")
    ] = Path("experiments"),
    methods: Annotated[
        str | None,
        typer.Option(help="Comma-separated methods instead of the protocol's; module:Class too."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="One more method: a name, or module:Class of your own. Repeatable."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Comma-separated seeds.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Comma-separated training rows.")] = None,
    targets: Annotated[str | None, typer.Option(help="Comma-separated columns.")] = None,
    quick: Annotated[
        bool,
        typer.Option(help="2 seeds, 2 smallest sizes, 1,000 test rows, in PROTOCOL-quick."),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Your rows instead of a protocol, CSV or .parquet: a column `file`, `text` or "
            "`architecture`, one column per metric."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric of --csv to compare on, all of them by default; repeatable."),
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Search space of the column `architecture` of --csv.")
    ] = None,
    processes: Annotated[
        int,
        typer.Option(help="Cells at once. Seconds of training are only believable with 1."),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Compare predictors on the same rows, those of a protocol or your own (--csv).

    Figures go to EXPERIMENTS/PROTOCOL/results.json as they are measured; what is there already is
    not run again, so an interrupted run goes on. The table in EXPERIMENTS/README.md, the pictures
    beside the figures and EXPERIMENTS/comparisons.html are made anew from those files.
    """
    import dataclasses
    import sys
    import time

    import nas_rlm.comparison as comparison
    from nas_rlm.errors import ConfigError

    start = time.perf_counter()
    try:
        numbers = [
            None if value is None else [int(part) for part in value.split(",")]
            for value in (seeds, sizes)
        ]
    except ValueError as error:
        raise ConfigError(f"Seeds and sizes must be whole numbers: {error}.") from error
    chosen, own_rows = _chosen(protocol, csv, metric, space, numbers[1])
    if quick:
        chosen = comparison.quick(chosen)
    folder = experiments / chosen.label
    readme = experiments / "README.md"
    has_table = readme.exists() and not chosen.variant
    if has_table:
        comparison.split_document(readme, chosen.name)  # refused before anything is run
    names = [*(methods.split(",") if methods else chosen.methods), *(method or [])]
    if any(":" in name for name in names):
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: a module beside the user
    if processes > 1:
        say(f"{processes} cells at once: do not compare the seconds of this run with others.")
    n_before = len(comparison.read_results(folder, chosen.label).cells)
    results = comparison.run_protocol(
        chosen,
        folder,
        methods=list(dict.fromkeys(names)),
        seeds=numbers[0],
        sizes=numbers[1],
        targets=targets.split(",") if targets else None,
        processes=processes,
        phases=progress_bar,
        own_rows=own_rows,
    )
    seconds = time.perf_counter() - start
    spent = comparison.cell_seconds(results)
    say(
        f"{len(results.cells) - n_before} new cells, {n_before} kept, {seconds:.1f} s in total; "
        f"training and prediction of all cells: {spent:.0f} s."
    )
    details = comparison.read_details(folder, chosen.label)
    document = comparison.results_document(chosen, results, details)
    if has_table:
        comparison.update_document(readme, chosen.name, document)
    comparison.write_figures(chosen, folder)
    if not chosen.variant:
        comparison.write_page(experiments)
    if json:
        columns = [
            dataclasses.asdict(column)
            for score in chosen.tables
            for column in comparison.summarize(chosen, results, details, score)
        ]
        print_json(
            {
                **dataclasses.asdict(results),
                "seconds": seconds,
                "cell_seconds": spent,
                "columns": columns,
            }
        )
    else:
        write(f"{document}\n")


def _chosen(
    protocol: str | None,
    csv: Path | None,
    metrics: list[str] | None,
    space: str | None,
    sizes: list[int] | None,
) -> "tuple[Comparison, SpaceRows | None]":
    """The protocol, and the rows if they are a user's own."""
    import nas_rlm.comparison as comparison
    from nas_rlm.comparison.own_rows import own_protocol, own_rows
    from nas_rlm.errors import ConfigError
    from nas_rlm.row_files import read_rows

    if (protocol is None) == (csv is None):
        known = ", ".join(comparison.PROTOCOLS)
        message = f"Name either a protocol or a file of your own (--csv). Protocols: {known}."
        raise ConfigError(message)
    if csv is None:
        if metrics or space:
            raise ConfigError("`--metric` and `--space` belong to `--csv`. Leave them out.")
        return comparison.find_protocol(protocol or ""), None
    with progress_bar("reading rows") as progress:
        data = read_rows(csv, space=space, progress=progress)
    made = own_protocol(data, csv, metrics or (), sizes or (), space)
    with progress_bar("counting") as progress:
        return made, own_rows(data, made.name, progress)
