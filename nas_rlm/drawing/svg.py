"""A diagram as an SVG picture: one panel beside the other, functions coloured like their calls."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from nas_rlm.drawing.diagram import Box, Diagram, Panel, Part
from nas_rlm.drawing.labels import TIMES, Kind
from nas_rlm.drawing.layout import Layout, Point, layout

LINE = 21.0
"""Height of one line of a box."""
CHARACTER = 6.9
"""Width that a character is taken to have, at 12 pixels."""
_PAD_X = 11.0
_PANEL_PAD = 16.0
_TITLE = 30.0
_MARGIN = 18.0
_MIN_COLUMN = 620.0
_NOTE_CHARACTER = 5.6

_COLORS = {
    Kind.CONV: "#cfe3f7",
    Kind.LINEAR: "#ddd5f0",
    Kind.POOL: "#d5ecd4",
    Kind.ACTIVATION: "#f1f1ee",
    Kind.NORM: "#f7efc8",
    Kind.JOIN: "#fbdfc6",
    Kind.VALUE: "#ffffff",
    Kind.OTHER: "#e6e6e6",
}
_FUNCTION_HUES = (205, 28, 130, 275, 350, 175, 55, 235, 95, 315)
_STYLE = (
    "text{font:12px Helvetica,Arial,'DejaVu Sans',sans-serif;fill:#1b1f24}"
    ".n{font-size:10px;fill:#5b6470}.t{font-size:14px;font-weight:bold}"
    ".a{fill:none;stroke:#6b7480;stroke-width:1.3}.b{stroke:#57606a;stroke-width:1}"
)


class _Placed(NamedTuple):
    """A panel with its places and size."""

    panel: Panel
    places: Layout
    sizes: list[Point]
    width: float
    height: float


def svg_of(diagram: Diagram) -> str:
    """Draw a diagram.

    Args:
        diagram: The network.

    Returns:
        A whole SVG document; it refers to nothing outside.
    """
    placed = [_placed(panel) for panel in diagram.panels]
    limit = max(_MIN_COLUMN, placed[0].height)
    columns: list[list[_Placed]] = [[placed[0]]]
    for item in placed[1:]:
        taken = sum(other.height + _MARGIN for other in columns[-1])
        if len(columns) == 1 or taken + item.height > limit:
            columns.append([])
        columns[-1].append(item)
    colors = {item.panel.title: _function_color(i) for i, item in enumerate(placed[1:])}
    parts, x, height = [], _MARGIN, 0.0
    for column in columns:
        y = _MARGIN
        for item in column:
            parts.append(_panel_svg(item, x, y, colors))
            y += item.height + _MARGIN
        x += max(item.width for item in column) + _MARGIN
        height = max(height, y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{x:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {x:.0f} {height:.0f}">'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="m" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0.8L8 4L0 7.2z" fill="#6b7480"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _function_color(index: int) -> str:
    """Light colour of a function."""
    hue = _FUNCTION_HUES[index % len(_FUNCTION_HUES)]
    lightness = 80 + 6 * (index // len(_FUNCTION_HUES) % 2)
    return f"hsl({hue},62%,{lightness}%)"


def _text_of(part: Part) -> str:
    """What a line says."""
    return f"{part.text}  {TIMES}{part.repeats}" if part.repeats > 1 else part.text


def _size(box: Box) -> Point:
    """Width and height of a box with the note beside it, on both sides so that it is centred."""
    width = max(len(_text_of(part)) for part in box.parts) * CHARACTER + 2 * _PAD_X
    return max(width, 44.0) + 2 * _note_width(box), LINE * len(box.parts)


def _note_width(box: Box) -> float:
    """Room for the note at one side."""
    return len(box.note) * _NOTE_CHARACTER + 6.0 if box.note else 0.0


def _placed(panel: Panel) -> _Placed:
    """Place the boxes of a panel."""
    sizes = [_size(box) for box in panel.boxes]
    n_readers = {source for source, _ in panel.arrows}
    last = [
        index
        for index, box in enumerate(panel.boxes)
        if box.parts[0].kind is Kind.VALUE and index not in n_readers and index
    ]
    places = layout(sizes, panel.arrows, last=last)
    width = max(places.width, len(panel.title) * 8.5) + 2 * _PANEL_PAD
    return _Placed(panel, places, sizes, width, places.height + _TITLE + 2 * _PANEL_PAD)


def _panel_svg(item: _Placed, x: float, y: float, colors: dict[str, str]) -> str:
    """Draw a panel with its top left corner at a point."""
    own = colors.get(item.panel.title, "#eef1f4")
    shift_x = x + (item.width - item.places.width) / 2
    shift_y = y + _TITLE + _PANEL_PAD
    parts = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{item.width:.1f}" height="{item.height:.1f}" '
        'rx="8" fill="#fbfcfd" stroke="#d0d7de"/>',
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{item.width:.1f}" height="{_TITLE:.1f}" rx="8" '
        f'fill="{own}"/>',
        f'<text class="t" x="{x + _PANEL_PAD:.1f}" y="{y + 20:.1f}">{escape(item.panel.title)}</text>',
    ]
    parts += [_arrow_svg(item, arrow, shift_x, shift_y) for arrow in item.panel.arrows]
    for index, box in enumerate(item.panel.boxes):
        center, top = item.places.centers[index]
        parts.append(_box_svg(box, item.sizes[index], center + shift_x, top + shift_y, colors))
    return "".join(parts)


def _box_svg(box: Box, size: Point, center: float, top: float, colors: dict[str, str]) -> str:
    """Draw a box with a line for each part."""
    width, height = size[0] - 2 * _note_width(box), size[1]
    left = center - width / 2
    radius = 10 if box.parts[0].kind is Kind.VALUE else 4
    parts = [
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius}" fill="#ffffff"/>'
    ]
    for line, part in enumerate(box.parts):
        color = colors.get(part.function) or _COLORS.get(part.kind, "#e6e6e6")
        y = top + LINE * line
        rounded = radius if len(box.parts) == 1 else 3
        parts.append(
            f'<rect class="b" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{LINE:.1f}" rx="{rounded}" fill="{color}"/>'
            f'<text x="{center:.1f}" y="{y + 14.5:.1f}" text-anchor="middle">'
            f"{escape(_text_of(part))}</text>"
        )
    if box.note:
        parts.append(
            f'<text class="n" x="{left + width + 5:.1f}" y="{top + height - 7:.1f}">'
            f"{escape(box.note)}</text>"
        )
    return "".join(parts)


def _arrow_svg(item: _Placed, arrow: tuple[int, int], shift_x: float, shift_y: float) -> str:
    """Draw an arrow as one smooth line through its bends."""
    source, target = arrow
    center, top = item.places.centers[source]
    points: list[Point] = [(center, top + item.sizes[source][1])]
    points += item.places.bends[arrow]
    points.append(item.places.centers[target])
    return f'<path class="a" marker-end="url(#m)" d="{_curve(points, shift_x, shift_y)}"/>'


def _curve(points: Sequence[Point], shift_x: float, shift_y: float) -> str:
    """Cubic curves that leave and reach every point vertically."""
    first, *others = [(x + shift_x, y + shift_y) for x, y in points]
    commands = [f"M{first[0]:.1f} {first[1]:.1f}"]
    x0, y0 = first
    for x, y in others:
        if abs(x - x0) < 0.5:
            commands.append(f"L{x:.1f} {y:.1f}")
        else:
            middle = (y0 + y) / 2
            commands.append(f"C{x0:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}")
        x0, y0 = x, y
    return "".join(commands)
