"""`nas-rlm convert`: a published table as the CSV file that `train` reads."""

from pathlib import Path
from typing import Annotated

import typer

from nas_rlm.cli.output import JsonOption, print_json, print_table, write


def convert(
    form: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="nats-bench, hw-nas-bench, help or nds."),
    ],
    source: Annotated[Path, typer.Argument(help="The file; for help, the folder of a space.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    space: Annotated[
        str | None, typer.Option(help="Search space of the rows; nds needs it.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Checksum that the file must have, else it is refused.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Convert a published table to a CSV file that `train --csv` reads.

    Pickles are refused with the sentence that says how to export them.
    """
    from nas_rlm.conversion import read_table

    table = read_table(form, source, space=space, sha256=sha256)
    table.write_csv(out)
    counts = {name: sum(name in row for row in table.metrics) for name in table.metric_names}
    if json:
        print_json({"space": table.space, "rows": len(table), "metrics": counts, "file": str(out)})
        return
    print_table(("metric", "rows"), list(counts.items()))
    write(f"\nnas-rlm train --csv {out} --space {table.space} --out MODEL\n")
