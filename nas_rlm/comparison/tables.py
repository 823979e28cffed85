"""Tables of a comparison as Markdown, made from its files and never typed."""

from collections.abc import Sequence
from pathlib import Path

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.comparison.details import Details
from nas_rlm.comparison.protocol import Comparison
from nas_rlm.comparison.results import Results
from nas_rlm.comparison.summary import Column, Entry, method_order, summarize
from nas_rlm.errors import DatasetError

_LEGEND = (
    "Bold: best mean of the column and every method tied with it (95 % interval of the paired "
    "difference over seeds and test rows holds 0; with fewer than 3 seeds: difference within the "
    "spread); never a figure of one seed, so a column has none where such a figure is the best."
)


def results_table(
    protocol: Comparison, results: Results, score: str, details: Details | None = None
) -> str:
    """Return one Markdown table a target: methods down, training rows across.

    A cell says mean ± standard deviation over the seeds; the best mean of a column and those tied
    with it are bold. A figure of one seed has no spread and is not bold. Below stand the goal and
    published figures with their sources.

    Args:
        protocol: What was run.
        results: Its figures.
        score: Which score, e.g. ``kendall_tau``.
        details: Its block scores; without them seeds alone are compared.
    """
    columns = summarize(protocol, results, details or Details(protocol.label), score)
    parts = []
    for target in protocol.columns:
        own = [column for column in columns if column.target == target]
        if own:
            parts.append(
                _target_table(protocol, target, score, own, method_order(protocol, results))
            )
    return "\n\n".join(parts)


def results_document(protocol: Comparison, results: Results, details: Details) -> str:
    """Return every printed table of a protocol, and what they were measured with."""
    parts = [results_table(protocol, results, score, details) for score in protocol.tables]
    seeds = sorted({row.seed for row in results.rows})
    sentences = [
        f"Seeds {', '.join(map(str, seeds))}; {_measured_at(results)}.",
        _LEGEND,
        protocol.note,
    ]
    return "\n\n".join([*parts, " ".join(filter(None, sentences))])


def _measured_at(results: Results) -> str:
    """Machine and commit of all rows, or which methods each measured."""
    machines = results.methods_of_commits
    is_one = len(machines) == 1 and len(next(iter(machines.values()))) == 1
    parts = []
    for machine, commits in machines.items():
        named = [k if is_one else f"{k} ({', '.join(own)})" for k, own in commits.items()]
        parts.append(f"{machine}; commit{'s' * (len(named) > 1)} {', '.join(named)}")
    return "; ".join(parts)


def _target_table(
    protocol: Comparison,
    target: str,
    score: str,
    columns: Sequence[Column],
    methods: Sequence[str],
) -> str:
    """The table of one target; published figures keep out of the measured columns."""
    sizes = [column.n for column in columns]
    published = [
        paper
        for paper in protocol.published
        if paper.score == score and any((target, n) in paper.values for n in sizes)
    ]
    header = [f"`{target}`, {score}", *(f"{n} rows" for n in sizes), "seconds"]
    rows: list[list[str]] = []
    for method in methods:
        entries = [column.entry(method) for column in columns]
        if any(entries):
            seconds = " / ".join("-" if e is None else f"{e.train_seconds:.0f}" for e in entries)
            rows.append([method, *map(_cell, entries), seconds])
    goals = [protocol.goals.get((target, n)) for n in sizes]
    if any(goal is not None for goal in goals) and score == protocol.tables[0]:
        rows.append(["*goal*", *("" if goal is None else f"{goal:.3g}" for goal in goals), ""])
    if published:
        header.append("published, other test rows")
        rows = [[*row, ""] for row in rows]
    for paper in published:
        figures = [
            f"{paper.values[target, n]:.3f} at {n}" for n in sizes if (target, n) in paper.values
        ]
        blank = [""] * (len(sizes) + 1)
        rows.append([f"*{paper.name}*", *blank, f"{', '.join(figures)} ({paper.source})"])
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)
    )


def _cell(entry: Entry | None) -> str:
    """Mean and spread, bold where best or tied; of one seed the figure alone."""
    if entry is None:
        return "-"
    if len(entry.seeds) == 1:
        return f"{entry.mean:.3f}"
    text = f"{entry.mean:.3f} ± {entry.std:.3f}"
    return f"**{text}**" if entry.is_best or entry.is_tied else text


def update_document(path: Path, name: str, content: str) -> None:
    """Replace what stands between the markers ``<!-- begin name -->`` and ``<!-- end name -->``.

    Raises:
        DatasetError: If the document lacks the markers.
        RunFolderError: If it cannot be read or written.
    """
    head, tail = split_document(path, name)
    with explained(path, "be updated"):
        write_atomically(path, f"{head}\n{content}\n{tail}".encode())


def split_document(path: Path, name: str) -> tuple[str, str]:
    """Return what stands before and behind the content that `update_document` replaces.

    Raises:
        DatasetError: If the document lacks the markers.
        RunFolderError: If it cannot be read.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    with explained(path, "be read"):
        text = path.read_text(encoding="utf-8")
    head, found_begin, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        message = f"{path.name} must hold the markers {begin!r} and {end!r}. Add them."
        raise DatasetError(message)
    return head + begin, end + tail
