"""`nas-rlm model`: what a checkpoint knows."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.checkpoints import say_if_shipped
from nas_rlm.cli.output import JsonOption, print_json, print_table, print_titled_table


def model(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Checkpoint folder; the one that comes with nas-rlm otherwise."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print what a checkpoint knows: metrics, settings, size, training."""
    from nas_rlm.checkpoint_facts import checkpoint_facts

    facts = checkpoint_facts(folder)
    say_if_shipped(folder)
    if json:
        print_json(facts.to_mapping())
        return
    per_metric = facts.training.get("rows_per_metric", {})
    print_titled_table(
        "Metrics", ("metric", "training rows"), [(n, per_metric.get(n)) for n in facts.metrics]
    )
    if facts.settings:
        print_titled_table("Settings", ("setting", "value"), list(facts.settings.items()))
    if training := [(n, v) for n, v in facts.training.items() if n != "rows_per_metric"]:
        print_titled_table("Training", ("fact", "value"), training)
    print_table(
        ("surrogate", "parameters", "bytes", "folder"),
        [(facts.surrogate, f"{facts.n_parameters:,}", f"{facts.n_bytes:,}", facts.folder)],
    )
