"""Pictures and one page of all comparisons, made from their files alone.

`write_figures` puts SVG files beside ``results.json``; `write_page` gathers every protocol of a
folder into ``comparisons.html``, which needs no other file and no network.
"""

import html
import re
from collections.abc import Sequence
from pathlib import Path

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.comparison.details import Details, read_details
from nas_rlm.comparison.figures import BASELINES, curves_figure, heat_map_figure, scatter_figure
from nas_rlm.comparison.protocol import Comparison
from nas_rlm.comparison.protocols import PROTOCOLS
from nas_rlm.comparison.results import RESULTS_FILE, Results, read_results
from nas_rlm.comparison.summary import method_order, summarize
from nas_rlm.comparison.tables import results_document
from nas_rlm.report.page_style import STYLE

PAGE = "comparisons.html"
HEAT_SCORES = ("spearman", "kendall_tau")
"""Scores that a heat map takes of a protocol: the first that it has a table of."""
_MAX_PANELS = 4
_Measured = tuple[Comparison, Results, Details]


def figures_of(protocol: Comparison, results: Results, details: Details) -> dict[str, str]:
    """Draw a protocol.

    Args:
        protocol: What was run.
        results: Its figures.
        details: Its scatters; none are drawn without.

    Returns:
        File name to SVG: ``curves-<target>-<score>.svg`` where there are two sizes at least, and
        ``scatter-<target>.svg`` for the largest size: learners, or what else was run.
    """
    figures = {}
    for score in protocol.tables:
        columns = summarize(protocol, results, details, score)
        for target in protocol.columns:
            own = [column for column in columns if column.target == target]
            if len(own) > 1:
                figures[f"curves-{target}-{score}.svg"] = curves_figure(protocol, own)
    order = {method: place for place, method in enumerate(method_order(protocol, results))}
    for target, metric in protocol.targets.items():
        found = [s for s in details.scatters if s.target == target and s.method in order]
        if not found:
            continue
        largest = max(s.n for s in found)
        shown = sorted((s for s in found if s.n == largest), key=lambda s: order[s.method])
        told = [s for s in shown if len(set(s.predicted)) > 1]
        told = ([s for s in told if s.method not in BASELINES] or told)[:_MAX_PANELS]
        if told:
            figures[f"scatter-{target}.svg"] = scatter_figure(told, metric)
    return figures


def write_figures(protocol: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write the pictures of a protocol beside its results.

    Raises:
        DatasetError: If a file is damaged.
        RunFolderError: If one cannot be written.
    """
    results = read_results(folder, protocol.label)
    details = read_details(folder, protocol.label)
    paths = []
    for name, figure in figures_of(protocol, results, details).items():
        with explained(folder / name, "be written"):
            write_atomically(folder / name, figure.encode())
        paths.append(folder / name)
    return tuple(paths)


def write_page(experiments: Path) -> Path:
    """Write the page of all protocols that have results in a folder.

    Raises:
        DatasetError: If a file is damaged.
        RunFolderError: If the page cannot be written.
    """
    measured = [
        (
            protocol,
            read_results(experiments / protocol.name, protocol.name),
            read_details(experiments / protocol.name, protocol.name),
        )
        for protocol in PROTOCOLS.values()
        if (experiments / protocol.name / RESULTS_FILE).exists()
    ]
    path = experiments / PAGE
    with explained(path, "be written"):
        write_atomically(path, comparison_page(measured).encode())
    return path


def heat_maps(measured: Sequence[_Measured]) -> tuple[str, ...]:
    """Draw the scores of every method over spaces, targets and training rows.

    Protocols with the same methods share a map.
    """
    groups: dict[tuple[str, ...], list[_Measured]] = {}
    for entry in measured:
        if any(score in entry[0].tables for score in HEAT_SCORES):
            groups.setdefault(entry[0].methods, []).append(entry)
    return tuple(_heat_map(group) for group in groups.values())


def _heat_map(measured: Sequence[_Measured]) -> str:
    """One map."""
    values: dict[tuple[str, str], float] = {}
    methods: dict[str, None] = {}
    for protocol, results, details in measured:
        score = next(name for name in HEAT_SCORES if name in protocol.tables)
        for column in summarize(protocol, results, details, score):
            space = protocol.space_of(column.target)
            name = column.target if space == column.target else f"{space} {column.target}"
            case = f"{name}, {column.n:,} rows"
            for entry in column.entries:
                methods[entry.method] = None
                values[case, entry.method] = entry.mean
    cases = list(dict.fromkeys(case for case, _ in values))
    return heat_map_figure(cases, list(methods), values)


def comparison_page(measured: Sequence[_Measured]) -> str:
    """Return the page as HTML."""
    parts = ["<h1>Comparisons of predictors</h1>"]
    if measured:
        maps = "".join(f'<div class="scroll">{figure}</div>' for figure in heat_maps(measured))
        parts.append(
            '<section class="card"><h2>All spaces</h2><p>Rank correlation with the truth: Kendall '
            "tau-b of accuracies, Spearman where latencies are predicted. Best of a line in "
            f"bold.</p>{maps}</section>"
        )
    else:
        parts.append("<p>No protocol has results yet.</p>")
    for protocol, results, details in measured:
        figures = figures_of(protocol, results, details)
        drawn = "".join(f'<figure class="wide">{figure}</figure>' for figure in figures.values())
        tables = _to_html(results_document(protocol, results, details))
        parts.append(
            f'<section class="card" id="{protocol.name}"><h2>{protocol.name}</h2>{drawn}'
            f"<details><summary>Tables</summary>{tables}</details></section>"
        )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Comparisons of predictors</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _to_html(markdown: str) -> str:
    """Turn our own tables and sentences into HTML."""
    parts = []
    for block in markdown.split("\n\n"):
        lines = block.splitlines()
        if not block.startswith("|"):
            parts.append(f"<p>{_inline(block)}</p>")
            continue
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        head = "".join(f"<th>{_inline(cell)}</th>" for cell in rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
            for row in rows[2:]
        )
        parts.append(f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>')
    return "".join(parts)


def _inline(text: str) -> str:
    """Bold, italics and names."""
    escaped = html.escape(text)
    escaped = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escaped)
    escaped = re.sub(r"\*(.+?)\*", r"<i>\1</i>", escaped)
    return re.sub(r"`(.+?)`", r"<small>\1</small>", escaped)
