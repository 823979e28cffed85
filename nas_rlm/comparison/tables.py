"""Tables of a comparison as Markdown, made from ``results.json`` and never typed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.comparison.protocol import FewShotProtocol
from nas_rlm.comparison.results import Results, Row
from nas_rlm.errors import DatasetError


def results_table(protocol: FewShotProtocol, results: Results, metric: str) -> str:
    """Return one Markdown table a target: methods down, training rows across.

    A cell says mean ± standard deviation over the seeds; the best mean of a column is bold, and so
    is every mean that differs from it by less than the larger of the two spreads: a tie.

    Args:
        protocol: What was run.
        results: Its figures.
        metric: Which figure, e.g. ``kendall_tau``.
    """
    rows = [row for row in results.rows if row.metric == metric]
    parts = []
    for target in protocol.targets:
        here = [row for row in rows if row.target == target]
        if here:
            parts.append(_target_table(protocol, target, metric, here))
    seeds = sorted({row.seed for row in rows})
    parts.append(
        f"Seeds {', '.join(map(str, seeds))}; {results.machine}; commit {results.commit}. "
        f"Published: {protocol.published}."
    )
    return "\n\n".join(parts)


def _target_table(protocol: FewShotProtocol, target: str, metric: str, rows: Sequence[Row]) -> str:
    """The table of one target."""
    sizes = sorted({row.n for row in rows})
    methods = [m for m in protocol.methods if any(row.method == m for row in rows)]
    found = {
        (method, n): np.array([r.value for r in rows if (r.method, r.n) == (method, n)])
        for method in methods
        for n in sizes
    }
    best = {n: _tied_with_best(methods, n, found) for n in sizes}
    lines = [
        f"| `{target}`, {metric} | " + " | ".join(f"{n} rows" for n in sizes) + " | seconds |",
        "|---" * (len(sizes) + 2) + "|",
    ]
    for method in methods:
        cells = [_cell(found[method, n], is_best=method in best[n]) for n in sizes]
        seconds = [
            np.mean([r.train_seconds for r in rows if (r.method, r.n) == (method, n)])
            for n in sizes
            if len(found[method, n])
        ]
        lines.append(
            f"| {method} | {' | '.join(cells)} | " + " / ".join(f"{s:.0f}" for s in seconds) + " |"
        )
    goals = [protocol.goals.get((target, n)) for n in sizes]
    if any(goal is not None for goal in goals) and metric == "kendall_tau":
        cells = ["" if goal is None else f"{goal:.2f}" for goal in goals]
        lines.append(f"| *goal* | {' | '.join(cells)} | |")
    return "\n".join(lines)


def _tied_with_best(
    methods: Sequence[str], n: int, found: dict[tuple[str, int], np.ndarray]
) -> set[str]:
    """Methods whose mean is the best one or closer to it than the spread."""
    measured = {m: found[m, n] for m in methods if len(found[m, n])}
    if not measured:
        return set()
    top = max(measured, key=lambda m: measured[m].mean())
    return {
        m
        for m, values in measured.items()
        if measured[top].mean() - values.mean() <= max(values.std(), measured[top].std())
        and values.mean() > 0
    }


def _cell(values: np.ndarray, *, is_best: bool) -> str:
    """Mean and spread, bold where best."""
    if not len(values):
        return "-"
    text = f"{values.mean():.3f} ± {values.std():.3f}"
    return f"**{text}**" if is_best else text


def update_document(path: Path, name: str, content: str) -> None:
    """Replace what stands between the markers ``<!-- begin name -->`` and ``<!-- end name -->``.

    Raises:
        DatasetError: If the document lacks the markers.
        RunFolderError: If it cannot be read or written.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    with explained(path, "be updated"):
        text = path.read_text(encoding="utf-8")
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not found_begin or not found_end:
            message = f"{path.name} must hold the markers {begin!r} and {end!r}. Add them."
            raise DatasetError(message)
        write_atomically(path, f"{head}{begin}\n{content}\n{end}{tail}".encode())
