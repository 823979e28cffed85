"""One run as one page: ``report.html`` in the run folder, without any file or network beside it.

The page is made from the folder alone and computes nothing; it can be made again at any time.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.errors import RunFolderError
from nas_rlm.json_lines import read_json_lines
from nas_rlm.metrics import Direction
from nas_rlm.report.figures import Cloud, Mark, agreement_figure, front_figure
from nas_rlm.report.page_style import STYLE
from nas_rlm.report.tables import Table, front_table
from nas_rlm.row_files import named_metric
from nas_rlm.search.outcome import CheckedValue, SearchOutcome

REPORT = "report.html"

_LEGEND = (
    ("true", "measured or from the table", '<circle class="true" cx="13" cy="6" r="5"/>'),
    (
        "predicted",
        "predicted, with interval",
        '<line class="bar" x1="1" x2="25" y1="6" y2="6"/>'
        '<circle class="predicted" cx="13" cy="6" r="4"/>',
    ),
    ("other", "other checked candidates", '<circle class="other" cx="13" cy="6" r="4"/>'),
)


def write_report(run_folder: Path) -> Path:
    """Write the page of a finished search run.

    Args:
        run_folder: The run folder.

    Returns:
        Path of the page, which appears complete or not at all.

    Raises:
        RunFolderError: If the run is not finished, a file is damaged, or nothing can be written.
    """
    outcome = SearchOutcome.from_mapping(_read(run_folder, "outcome.json"))
    page = report_page(
        outcome,
        checked=_checked(run_folder),
        pairs=_read(run_folder, "pairs.json"),
        config=_read(run_folder, "config.json"),
        environment=_read(run_folder, "environment.json"),
    )
    path = run_folder / REPORT
    with explained(path, "be written"):
        write_atomically(path, page.encode())
    return path


def report_page(
    outcome: SearchOutcome,
    *,
    checked: Sequence[Mapping[str, Any]],
    pairs: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> str:
    """Return the page of an outcome.

    Args:
        outcome: What was found.
        checked: Per checked candidate ``is_front``, ``architecture`` and ``values``.
        pairs: Per predicted metric ``metric``, ``scope``, ``n`` and the columns ``predicted``,
            ``low``, ``high``, ``true``.
        config: The run's configuration.
        environment: ``versions`` and ``machine``.

    Returns:
        A whole HTML document.
    """
    title = f"Search of {outcome.space}"
    goals = [f"maximize {name}" for name in config.get("maximize", [])]
    goals += [f"minimize {name}" for name in config.get("minimize", [])]
    goals += [f"budget {name}" for name in config.get("budgets", [])]
    body = [
        f"<h1>{_escape(title)}</h1>",
        f"<p>{_escape(', '.join(goals))} · surrogate {_escape(outcome.surrogate)} · "
        f"seed {outcome.seed}</p>",
        _tiles(outcome),
        *(f'<div class="card note">{_escape(note)}</div>' for note in outcome.notes),
        _front_card(outcome, checked, config),
        f'<div class="pair">{"".join(_agreement_card(outcome, item) for item in pairs)}</div>',
        _table_card(outcome),
        f'<div class="pair">{_time_card(outcome)}{_environment_card(environment)}</div>',
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body><main>\n{chr(10).join(body)}\n</main></body>\n</html>\n"
    )


def _tiles(outcome: SearchOutcome) -> str:
    """The figures that sum the run up."""
    tiles = [(str(outcome.candidates), "candidates proposed and predicted, none of them trained")]
    tiles += [
        (f"{row.kendall_tau:.3f}", f"Kendall tau of {row.metric}, {row.rows} architectures")
        for row in outcome.agreement
    ]
    tiles += [
        (f"{row.share:.1%}", f"of the hypervolume of {' x '.join(row.metrics)} in {row.scope}")
        for row in outcome.quality
    ]
    tiles.append((f"{sum(outcome.seconds.values()):.0f} s", "from nothing to the checked front"))
    cells = "".join(
        f'<div class="tile"><b>{_escape(value)}</b><span>{_breakable(text)}</span></div>'
        for value, text in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _front_card(
    outcome: SearchOutcome, checked: Sequence[Mapping[str, Any]], config: Mapping[str, Any]
) -> str:
    """The plot of the first two objectives, best accuracy upwards."""
    objectives = [*config.get("maximize", []), *config.get("minimize", [])]
    if len(objectives) < 2 or not checked:
        return ""
    y_name, x_name = objectives[0], objectives[1]
    marks = [
        Mark(
            CheckedValue(**row["values"][x_name]),
            CheckedValue(**row["values"][y_name]),
            bool(row["is_front"]),
            f"{row['architecture']}\n{_sentence(x_name, row)}\n{_sentence(y_name, row)}",
        )
        for row in checked
    ]
    figure, n_outside = front_figure(
        marks,
        _label(x_name),
        _label(y_name),
        is_y_up=named_metric(y_name).direction is Direction.MAXIMIZE,
    )
    legend = "".join(
        f'<span><svg viewBox="0 0 26 12">{shape}</svg>{text}</span>' for _, text, shape in _LEGEND
    )
    return (
        '<div class="card"><h2>The front, predicted and checked</h2>'
        f"<p>A thin line joins the prediction of an architecture of the front with its truth. "
        f"Bars hold {outcome.level:.0%}; the stepped line is what the front really reaches."
        f"{_at_the_edge(n_outside)}</p>"
        f'<div class="legend">{legend}</div><figure class="wide">{figure}</figure></div>'
    )


def _agreement_card(outcome: SearchOutcome, pairs: Mapping[str, Any]) -> str:
    """Predicted against true values of one metric."""
    if not pairs["true"]:
        return ""
    cloud = Cloud(pairs["predicted"], pairs["low"], pairs["high"], pairs["true"])
    figure, n_outside = agreement_figure(cloud, _label(pairs["metric"]))
    taus = [row.kendall_tau for row in outcome.agreement if row.metric == pairs["metric"]]
    tau = f"Kendall tau {taus[0]:.3f}. " if taus else ""
    return (
        f'<div class="card"><h2>{_escape(pairs["metric"])}</h2>'
        f"<p>{tau}{pairs['n']} architectures: {_escape(pairs['scope'])}.{_at_the_edge(n_outside)}</p>"
        f"<figure>{figure}</figure></div>"
    )


def _table_card(outcome: SearchOutcome) -> str:
    """The front as a table."""
    table = front_table(outcome)
    return f'<div class="card"><h2>{_escape(table.title)}</h2>{_table(table)}</div>'


def _time_card(outcome: SearchOutcome) -> str:
    """Seconds per phase as bars."""
    longest = max(outcome.seconds.values(), default=0.0) or 1.0
    rows = "".join(
        f'<span>{_escape(phase)}</span><i style="width:{max(100 * seconds / longest, 0.5):.1f}%">'
        f"</i><b>{seconds:.1f} s</b>"
        for phase, seconds in outcome.seconds.items()
    )
    return f'<div class="card"><h2>Where the time went</h2><div class="bars">{rows}</div></div>'


def _environment_card(environment: Mapping[str, Any]) -> str:
    """Machine and versions."""
    rows = [
        (str(name), str(value))
        for part in ("machine", "versions")
        for name, value in environment.get(part, {}).items()
    ]
    unique = dict(rows)
    table = Table("", ("", ""), tuple(unique.items()))
    return f'<div class="card"><h2>Environment</h2>{_table(table, has_head=False)}</div>'


def _table(table: Table, *, has_head: bool = True) -> str:
    """A table as HTML; the first column is text, columns of numbers stand to the right."""
    style = [
        "" if index == 0 or not has_head else ' class="number"'
        for index in range(len(table.columns))
    ]
    head = "".join(
        f"<th{kind}>{_breakable(name)}</th>"
        for kind, name in zip(style, table.columns, strict=True)
    )
    lines = []
    for row in table.rows:
        cells = ["-" if cell is None else _escape(str(cell)) for cell in row]
        if has_head:
            breakable = re.sub(r"([|+,;)])", r"\1<wbr>", cells[0])
            cells[0] = f"<code>{breakable}</code>"
        lines.append(
            "<tr>"
            + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(style, cells, strict=True))
            + "</tr>"
        )
    top = f"<thead><tr>{head}</tr></thead>" if has_head else ""
    return f'<div class="scroll"><table>{top}<tbody>{"".join(lines)}</tbody></table></div>'


def _label(metric: str) -> str:
    """Metric and unit."""
    unit = named_metric(metric).unit
    return metric if unit == "1" else f"{metric} [{unit}]"


def _sentence(metric: str, row: Mapping[str, Any]) -> str:
    """Values of one metric, for the tooltip."""
    value = row["values"][metric]
    true = "not checked" if value["true"] is None else f"{value['true']:.4g}"
    return f"{metric}: predicted {value['predicted']:.4g}, true {true}"


def _checked(run_folder: Path) -> list[dict[str, Any]]:
    """Every checked candidate."""
    return read_json_lines(run_folder / "checked.jsonl")


def _read(run_folder: Path, name: str) -> Any:
    """A JSON file of the run."""
    path = run_folder / name
    if not path.is_file():
        message = (
            f"Run folder {str(run_folder)!r} holds no finished search: {name} is missing. "
            "Finish it with `nas-rlm search --resume`."
        )
        raise RunFolderError(message)
    with explained(path, "be read"):
        content = path.read_bytes()
    try:
        return json.loads(content)
    except ValueError as error:
        message = f"{str(path)!r} is damaged: {error}. Start the run anew."
        raise RunFolderError(message) from error


def _at_the_edge(n_outside: int) -> str:
    """A sentence on points that a figure does not hold."""
    if n_outside == 0:
        return ""
    verb = "lies outside and is" if n_outside == 1 else "lie outside and are"
    return f" {n_outside} {verb} drawn at the edge."


def _breakable(text: str) -> str:
    """Text as HTML in which a metric name may be broken after its slash."""
    return _escape(text).replace("/", "/<wbr>")


def _escape(text: str) -> str:
    """Text as HTML."""
    return html.escape(text)
