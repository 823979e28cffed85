"""Figures of a comparison as SVG files that stand alone: curves, heat map, scatter.

No plotting library. Every file carries its style for light and dark and may be put into a page
as it is. All numbers come from ``results.json`` and ``details.json``.
"""

import html
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nas_rlm.comparison.details import SCATTER_LEVEL, Scatter
from nas_rlm.comparison.protocol import Comparison
from nas_rlm.comparison.summary import Column
from nas_rlm.report.figures import Axis

BASELINES = (
    *("params", "macs", "log_flow", "synflow", "jacov", "grad_norm", "snip", "naswot"),
    *("constant", "memorizer", "operator_lookup"),
)
"""Methods that learn little or nothing: drawn grey."""
_COLORS = ("#2a78d6", "#d9622b", "#2f9e6e", "#a94fb0", "#b78a0d", "#5560c9", "#158f9e", "#c43e63")
_GREYS = ("#55534d", "#77756e", "#8f8d85", "#a09e96", "#66645d")

STYLE = """
.c-bg{fill:#fff}.c-ink{fill:#33322d}.c-soft{fill:#6f6d66}.c-grid{stroke:#ecebe6}
.c-axis{stroke:#b5b3ab}.c-diagonal{stroke:#b5b3ab;stroke-dasharray:4 4}
.c-goal{stroke:#33322d;fill:none;stroke-width:1.5}
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
.c-title{font-weight:600;font-size:13px}
@media (prefers-color-scheme:dark){.c-bg{fill:#1b1b1a}.c-ink{fill:#f4f3ee}.c-soft{fill:#b9b7ae}
.c-grid{stroke:#282826}.c-axis{stroke:#55544f}.c-diagonal{stroke:#55544f}.c-goal{stroke:#f4f3ee}}
"""


def method_colors(methods: Sequence[str]) -> dict[str, str]:
    """Return a colour for each method: baselines grey, the others told apart."""
    learners = [method for method in methods if method not in BASELINES]
    others = [method for method in methods if method in BASELINES]
    return {
        **{method: _COLORS[k % len(_COLORS)] for k, method in enumerate(learners)},
        **{method: _GREYS[k % len(_GREYS)] for k, method in enumerate(others)},
    }


def curves_figure(protocol: Comparison, columns: Sequence[Column]) -> str:
    """Draw a score against training rows, with a band of one standard deviation over seeds.

    Args:
        protocol: Gives goals and published figures, drawn as bars and diamonds.
        columns: Of one target and one score, at least one.
    """
    width, height, left, right, top, bottom = 720, 400, 56, 150, 34, 46
    target, score = columns[0].target, columns[0].score
    sizes = [column.n for column in columns]
    methods = list(dict.fromkeys(entry.method for column in columns for entry in column.entries))
    colors = method_colors(methods)
    papers = [
        (paper.name, n, paper.values[target, n])
        for paper in protocol.published
        if paper.score == score
        for n in sizes
        if (target, n) in paper.values
    ]
    goals = {
        n: protocol.goals[target, n]
        for n in sizes
        if (target, n) in protocol.goals and score == protocol.tables[0]
    }
    ends = [e.mean + s * e.std for c in columns for e in c.entries for s in (-1, 1)]
    y = _axis([*ends, *(v for *_, v in papers), *goals.values()], height - bottom, top)
    x = _axis([math.log1p(n) for n in sizes], left + 16, width - right - 16, room=0.0)
    parts = [_y_grid(y, left, width - right), _title(f"{target}: {score}", left)]
    parts += [_text(f"{n:,}", x(math.log1p(n)), height - bottom + 18, "middle") for n in sizes]
    parts.append(_text("training rows", (left + width - right) / 2, height - 8, "middle"))
    labels: list[tuple[float, str, str]] = []
    for method in reversed(methods):
        found = [(c.n, e) for c in columns if (e := c.entry(method)) is not None]
        points = [(x(math.log1p(n)), e.mean, e.std) for n, e in found]
        color = colors[method]
        upper = [f"{px},{y(mean + std)}" for px, mean, std in points]
        lower = [f"{px},{y(mean - std)}" for px, mean, std in reversed(points)]
        if len(points) > 1:
            parts.append(
                f'<polygon points="{" ".join([*upper, *lower])}" fill="{color}" opacity=".16"/>'
            )
            line = " ".join(f"{px},{y(mean)}" for px, mean, _ in points)
            parts.append(
                f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>'
            )
        for (n, entry), (px, mean, std) in zip(found, points, strict=True):
            tip = f"{method}, {n} rows: {entry.mean:.3f} ± {entry.std:.3f}"
            if len(points) == 1:
                parts.append(_bar(px, y(mean - std), y(mean + std), color))
            parts.append(_dot(px, y(mean), 3.5, color, tip))
        labels.append((y(points[-1][1]), f"{method} {points[-1][1]:.3f}", color))
    for n, goal in goals.items():
        px, py = x(math.log1p(n)), y(goal)
        parts.append(
            f'<path class="c-goal" d="M{px - 9} {py}h18"><title>goal {goal}</title></path>'
        )
    for name, n, value in papers:
        px, py = x(math.log1p(n)), y(value)
        parts.append(
            f'<path class="c-goal" d="M{px - 5} {py}l5 -5 5 5 -5 5z">'
            f"<title>{html.escape(name)}, published: {value}</title></path>"
        )
    parts += _end_labels(labels, width - right + 8, top, height - bottom)
    place = float(width - right)
    if papers:
        place -= 160
        parts.append(f'<path class="c-goal" d="M{place - 14} {top - 18}l5 -5 5 5 -5 5z"/>')
        parts.append(_text("published, other test rows", place, top - 14, "start"))
    if goals:
        place -= 60
        parts.append(f'<path class="c-goal" d="M{place - 22} {top - 18}h18"/>')
        parts.append(_text("goal", place, top - 14, "start"))
    return _svg(parts, width, height, f"{score} of {target} against training rows")


def heat_map_figure(
    cases: Sequence[str], methods: Sequence[str], values: Mapping[tuple[str, str], float]
) -> str:
    """Draw a table of scores as colours, with the numbers; the best of a line is bold.

    Args:
        cases: Spaces, targets and sizes, from above.
        methods: From the left.
        values: (case, method) to score, where measured; 0 is the palest colour, 1 the deepest.
    """
    cell, line, left, top = 92, 28, 270, 44
    width, height = left + cell * len(methods) + 16, top + line * len(cases) + 14
    parts = [
        _text(method, left + cell * (place + 0.5), top - 12, "middle", "c-ink")
        for place, method in enumerate(methods)
    ]
    for row, case in enumerate(cases):
        py = top + line * row
        parts.append(_text(case, left - 10, py + line / 2 + 4, "end", "c-ink"))
        best = max(values.get((case, method), -math.inf) for method in methods)
        for place, method in enumerate(methods):
            value = values.get((case, method))
            px = left + cell * place
            if value is None:
                parts.append(_text("-", px + cell / 2, py + line / 2 + 4, "middle"))
                continue
            share = min(max(value, 0.0), 1.0)
            ink = "#fff" if share > 0.6 else "#14140f"
            weight = ' font-weight="700"' if value == best and value > 0 else ""
            parts.append(
                f'<rect x="{px + 1}" y="{py + 1}" width="{cell - 2}" height="{line - 2}" rx="3" '
                f'fill="{_shade(share)}"/><text x="{px + cell / 2}" y="{py + line / 2 + 4}" '
                f'text-anchor="middle" fill="{ink}"{weight}>{value:.3f}</text>'
            )
    return _svg(parts, width, height, "scores of methods over spaces")


def scatter_figure(scatters: Sequence[Scatter], unit: str) -> str:
    """Draw predicted against true values with intervals, one panel a method.

    Args:
        scatters: Of one (target, n), one a method, at least one.
        unit: Metric with its unit, for the axes.
    """
    size, left, top, bottom, gap = 250, 58, 34, 46, 18
    width, height = left + len(scatters) * (size + gap), top + size + bottom
    kept = sorted(v for s in scatters for v in (*s.true, *s.predicted))
    cut = len(kept) // 25
    ends = kept[cut : len(kept) - cut]
    y = _axis(ends, top + size, top)
    colors = method_colors([s.method for s in scatters])
    parts = [_rotated(f"predicted {unit}", 14, top + size / 2)]
    for index, scatter in enumerate(scatters):
        start = left + index * (size + gap)
        x = _axis(ends, start, start + size)
        color = colors[scatter.method]
        parts.append(_y_grid(y, start, start + size, has_labels=index == 0))
        parts += [
            _text(f"{tick:g}", x(tick), top + size + 18, "middle") for tick in x.ticks()[::2]
        ]
        parts.append(_title(f"{scatter.method}, {scatter.n:,} rows", start))
        parts.append(
            f'<line class="c-diagonal" x1="{x(x.low)}" y1="{y(y.low)}" x2="{x(x.high)}" '
            f'y2="{y(y.high)}"/>'
        )
        points = list(zip(scatter.true, scatter.predicted, scatter.low, scatter.high, strict=True))
        bars = "".join(
            f"M{x(true)} {y(low)}V{y(high)}" for true, _, low, high in points if high > low
        )
        dots = "".join(f"M{x(true)} {y(predicted)}h0" for true, predicted, *_ in points)
        parts.append(f'<path d="{bars}" stroke="{color}" stroke-width="1" opacity=".28"/>')
        parts.append(
            f'<path d="{dots}" stroke="{color}" stroke-width="4" stroke-linecap="round" '
            'opacity=".75"/>'
        )
    middle = left + (width - left) / 2
    note = f"true {unit}; bars: {SCATTER_LEVEL:.0%} intervals; outermost 4 % at either end drawn at the edge"
    parts.append(_text(note, middle, height - 8, "middle"))
    return _svg(parts, width, height, f"predicted against true {unit}")


def _axis(values: Sequence[float], start: float, end: float, *, room: float = 0.05) -> Axis:
    """An axis around values."""
    low, high = min(values), max(values)
    space = room * (high - low)
    if high - low <= 0:
        space = max(abs(high) * 0.05, 0.05)
    return Axis(low - space, high + space, start, end)


def _y_grid(y: Axis, left: float, right: float, *, has_labels: bool = True) -> str:
    """Horizontal lines with their values, and the lower axis."""
    parts = []
    for tick in y.ticks():
        parts.append(
            f'<line class="c-grid" x1="{left}" x2="{right}" y1="{y(tick)}" y2="{y(tick)}"/>'
        )
        if has_labels:
            parts.append(_text(f"{tick + 0.0:g}", left - 8, y(tick) + 4, "end"))
    parts.append(f'<line class="c-axis" x1="{left}" x2="{right}" y1="{y.start}" y2="{y.start}"/>')
    return "".join(parts)


def _end_labels(
    labels: Sequence[tuple[float, str, str]], x: float, top: float, bottom: float
) -> list[str]:
    """Names at the ends of lines, moved apart where they would overlap."""
    line = 15.0
    places: list[float] = []
    for py, *_ in sorted(labels):
        places.append(max(py, places[-1] + line if places else top))
    over = max(0.0, places[-1] - bottom) if places else 0.0
    for index in range(len(places) - 1, -1, -1):
        limit = bottom if index == len(places) - 1 else places[index + 1] - line
        places[index] = min(places[index], limit) if over else places[index]
    return [
        f'<text x="{x}" y="{place + 4:.1f}" fill="{color}">{html.escape(text)}</text>'
        for place, (_, text, color) in zip(places, sorted(labels), strict=True)
    ]


def _shade(share: float) -> str:
    """From nearly white over blue to deep blue."""
    stops = ((0.0, (243, 246, 250)), (0.5, (140, 184, 232)), (1.0, (19, 66, 128)))
    for (low, first), (high, second) in pairwise(stops):
        if share <= high:
            part = (share - low) / (high - low)
            mixed = [round(a + part * (b - a)) for a, b in zip(first, second, strict=True)]
            return "#" + "".join(f"{value:02x}" for value in mixed)
    return "#134280"


def _bar(x: float, y1: float, y2: float, color: str) -> str:
    """A vertical spread."""
    return f'<path d="M{x} {y1}V{y2}" stroke="{color}" stroke-width="2" opacity=".4"/>'


def _dot(x: float, y: float, radius: float, color: str, tip: str) -> str:
    """A point that tells its value."""
    return (
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{color}">'
        f"<title>{html.escape(tip)}</title></circle>"
    )


def _text(text: str, x: float, y: float, anchor: str, style: str = "c-soft") -> str:
    """A label."""
    return (
        f'<text class="{style}" text-anchor="{anchor}" x="{x}" y="{y}">{html.escape(text)}</text>'
    )


def _title(text: str, x: float) -> str:
    """The heading of a panel."""
    return f'<text class="c-ink c-title" x="{x}" y="20">{html.escape(text)}</text>'


def _rotated(text: str, x: float, y: float) -> str:
    """A label along the vertical axis."""
    return (
        f'<text class="c-soft" text-anchor="middle" transform="translate({x} {y}) rotate(-90)">'
        f"{html.escape(text)}</text>"
    )


def _svg(parts: Sequence[str], width: float, height: float, label: str) -> str:
    """A file of its own, with its style."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{html.escape(label)}">'
        f"<style>{STYLE}</style>"
        f'<rect class="c-bg" width="{width}" height="{height}" rx="8"/>{"".join(parts)}</svg>\n'
    )
