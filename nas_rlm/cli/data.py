"""`nas-rlm data`: the files of measured architectures, and whether they are right."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from nas_rlm.cli.output import (
    JsonOption,
    print_json,
    print_table,
    print_titled_table,
    progress_bar,
    say,
    write,
)
from nas_rlm.errors import EXIT_FAILURE

if TYPE_CHECKING:
    from nas_rlm.data_check import FileReport


class Action(enum.StrEnum):
    """What to do with the files."""

    LIST = "list"
    CHECK = "check"


def data(
    action: Annotated[
        Action, typer.Argument(help="List the files, or check every row of them.")
    ] = Action.LIST,
    file: Annotated[
        list[str] | None, typer.Option(help="Name of a file, e.g. nasbench101; repeatable.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List or check the files of measured architectures.

    They lie in the folder that the environment variable NAS_RLM_DATA names. A check reads every
    row, validates its architecture and metrics, and compares exact counts of parameters and
    multiply-adds. It ends with status 1 if a row disagrees or a file is missing. "Content" says
    whether the checksum is that of the known file.
    """
    if action is Action.LIST:
        _list(file, json=json)
    else:
        _check(file, json=json)


def _list(names: list[str] | None, *, json: bool) -> None:
    """Print the known files."""
    from nas_rlm.data_check import find_file
    from nas_rlm.data_files import DATA_FILES, data_folder

    files = [find_file(name) for name in names] if names else list(DATA_FILES.values())
    folder = data_folder()
    rows = [
        {
            "file": file.name,
            "space": file.space,
            "rows": file.n_rows,
            "metrics": list(file.metric_columns),
            "present": (folder / file.name).is_file(),
        }
        for file in files
    ]
    if json:
        print_json({"folder": str(folder), "files": rows})
        return
    print_table(
        ("file", "space", "rows", "present", "metrics"),
        [
            (
                file.name,
                file.space,
                file.n_rows,
                "yes" if row["present"] else "no",
                _summary(list(file.metric_columns)),
            )
            for file, row in zip(files, rows, strict=True)
        ],
    )


def _summary(metrics: list[str]) -> str:
    """Name few metrics, count many of one quantity."""
    quantities: dict[str, list[str]] = {}
    for name in metrics:
        quantities.setdefault(name.partition("/")[0], []).append(name)
    parts = [
        ", ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
        for names in quantities.values()
    ]
    return ", ".join(parts)


def _check(names: list[str] | None, *, json: bool) -> None:
    """Check files and end with status 1 if something is wrong."""
    from dataclasses import asdict

    from nas_rlm.data_check import check_data

    with progress_bar("checking rows") as progress:
        reports = check_data(names or None, progress=progress)
    is_right = all(report.is_right for report in reports)
    if json:
        files = [{**asdict(report), "is_right": report.is_right} for report in reports]
        print_json({"is_right": is_right, "files": files})
    else:
        _print_reports(reports)
    checked = sum(report.rows for report in reports)
    seconds = sum(report.seconds for report in reports)
    wrong = sum(report.n_wrong for report in reports)
    missing = sum(not report.is_present for report in reports)
    say(f"{checked:,} rows in {seconds:.1f} s: {wrong} wrong, {missing} files missing.")
    if not is_right:
        raise typer.Exit(EXIT_FAILURE)


_CONTENT = {True: "known", False: "other", None: "-"}


def _print_reports(reports: "tuple[FileReport, ...]") -> None:
    """Print one line a file, then the rows that disagree."""
    print_table(
        ("file", "space", "rows", "content", "agree", "documented", "wrong", "s"),
        [
            (
                report.file,
                report.space,
                report.rows if report.is_present else "missing",
                _CONTENT[report.is_known_content],
                ", ".join(f"{name} {count}" for name, count in report.checks.items()) or "-",
                max(report.documented.values(), default=0),
                report.n_wrong,
                f"{report.seconds:.1f}",
            )
            for report in reports
        ],
    )
    for report in reports:
        if report.problems:
            shown = len(report.problems)
            more = f", the first {shown}" if shown < report.n_wrong else ""
            write("\n")
            print_titled_table(
                f"{report.file}: {report.n_wrong} disagreements{more}",
                ("line", "check", "file says", "counted"),
                [
                    (problem.line, problem.check, problem.told, problem.counted)
                    for problem in report.problems
                ],
            )
