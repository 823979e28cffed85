"""Figures of a report as inline SVG, coloured by the page's style sheet.

No plotting library: the page must open anywhere, follow light and dark, and stay small.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas_rlm.search.outcome import CheckedValue

WIDTH, HEIGHT = 1000, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 18, 14, 48
_TICKS = 7


@dataclass(frozen=True)
class Mark:
    """One checked candidate on the front plot."""

    x: CheckedValue
    y: CheckedValue
    is_front: bool
    name: str
    """Shown when the pointer rests on it."""


@dataclass(frozen=True)
class Cloud:
    """Predicted against true values of one metric."""

    predicted: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    true: Sequence[float]


@dataclass(frozen=True)
class Axis:
    """A linear axis from values to pixels."""

    low: float
    high: float
    start: float
    """Pixel of `low`."""
    end: float
    """Pixel of `high`."""

    def __call__(self, value: float) -> float:
        """Pixel of a value, held within the plot."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values within the axis, about `_TICKS` of them."""
        step = nice_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def front_figure(
    marks: Sequence[Mark], x_name: str, y_name: str, *, is_y_up: bool
) -> tuple[str, int]:
    """Draw predicted and true values of the checked candidates.

    Args:
        marks: The candidates, those of the front first.
        x_name: Label of the horizontal axis, with its unit.
        y_name: Label of the vertical axis.
        is_y_up: Whether larger is better; kept upright either way, only the staircase differs.

    Returns:
        An ``<svg>`` element, and how many of the front lie outside and are drawn at the edge: one
        worthless architecture must not press all others together.
    """
    front = [mark for mark in marks if mark.is_front]
    x = _axis(_core([mark.x for mark in front]), _LEFT, WIDTH - _RIGHT)
    y = _axis(_core([mark.y for mark in front]), HEIGHT - _BOTTOM, _TOP)
    parts = [_frame(x, y, x_name, y_name, WIDTH, HEIGHT)]
    parts += [
        _circle("other", x(mark.x.true), y(mark.y.true), 4, mark)
        for mark in marks
        if not mark.is_front and mark.x.true is not None and mark.y.true is not None
    ]
    parts.append(_staircase(front, x, y, is_y_up=is_y_up))
    for mark in front:
        px, py = x(mark.x.predicted), y(mark.y.predicted)
        parts.append(_line("bar", x(mark.x.low), py, x(mark.x.high), py))
        parts.append(_line("bar", px, y(mark.y.low), px, y(mark.y.high)))
        if mark.x.true is not None and mark.y.true is not None:
            parts.append(_line("tie", px, py, x(mark.x.true), y(mark.y.true)))
    parts += [
        _circle("predicted", x(mark.x.predicted), y(mark.y.predicted), 4.5, mark) for mark in front
    ]
    for mark in front:
        if mark.x.true is None or mark.y.true is None:
            continue
        tx, ty = x(mark.x.true), y(mark.y.true)
        if mark.x.true_low is not None and mark.x.true_high is not None:
            parts.append(_line("spread", x(mark.x.true_low), ty, x(mark.x.true_high), ty))
        if mark.y.true_low is not None and mark.y.true_high is not None:
            parts.append(_line("spread", tx, y(mark.y.true_low), tx, y(mark.y.true_high)))
        parts.append(_circle("true", tx, ty, 5.5, mark))
    n_outside = sum(not (_is_within(mark.x, x) and _is_within(mark.y, y)) for mark in front)
    label = f"{y_name} against {x_name}, predicted and true"
    return _svg(parts, WIDTH, HEIGHT, label), n_outside


def agreement_figure(cloud: Cloud, name: str) -> tuple[str, int]:
    """Draw predicted against true values of one metric, with the diagonal.

    Args:
        cloud: The values, at least one.
        name: Metric and unit.

    Returns:
        An ``<svg>`` element, and how many points lie outside and are drawn at the edge: the axes
        hold all but the outermost half percent at either end.
    """
    size = 460
    inner = sorted([*cloud.predicted, *cloud.true])
    cut = len(inner) // 200
    kept = inner[cut : len(inner) - cut]
    is_few = len(cloud.true) <= 100
    if is_few:
        kept = [*kept, *cloud.low, *cloud.high]
    x = _axis(kept, _LEFT, size - _RIGHT)
    y = _axis(kept, size - _BOTTOM, _TOP)
    parts = [
        _frame(x, y, f"true {name}", f"predicted {name}", size, size),
        _line("diagonal", x(x.low), y(x.low), x(x.high), y(x.high)),
    ]
    pairs = list(zip(cloud.true, cloud.predicted, cloud.low, cloud.high, strict=True))
    if is_few:
        parts += [_line("bar", x(true), y(low), x(true), y(high)) for true, _, low, high in pairs]
    path = "".join(f"M{x(true)} {y(predicted)}h0" for true, predicted, *_ in pairs)
    parts.append(f'<path class="{"dots" if is_few else "cloud"}" d="{path}"/>')
    n_outside = sum(
        not (x.low <= true <= x.high and y.low <= predicted <= y.high)
        for true, predicted, *_ in pairs
    )
    return _svg(parts, size, size, f"predicted against true {name}"), n_outside


def nice_step(rough: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below a number.

    Args:
        rough: Positive.

    Example:
        >>> nice_step(0.7), nice_step(21.0)
        (1.0, 25.0)
    """
    power = 10.0 ** math.floor(math.log10(rough))
    return next(
        factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * 0.999
    )


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    """An axis around values, with some room on either side."""
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or abs(high) * 0.05 or 1.0
    return Axis(low - room, high + room, start, end)


def _points(value: CheckedValue) -> list[float]:
    """Predicted value, and the true one where it is known."""
    return [value.predicted, *([] if value.true is None else [value.true])]


def _core(values: Sequence[CheckedValue]) -> list[float]:
    """Points and interval ends, without what lies far from the middle half of the points.

    Far is more than one and a half times the width of that half, as in a box plot.
    """
    points = sorted(point for value in values for point in _points(value))
    low, high = points[len(points) // 4], points[(3 * len(points)) // 4]
    room = 1.5 * (high - low) or points[-1] - points[0]
    ends = [end for value in values for end in (value.low, value.high)]
    return [value for value in (*points, *ends) if low - room <= value <= high + room]


def _is_within(value: CheckedValue, axis: Axis) -> bool:
    """Whether both points of a value lie on an axis."""
    return all(axis.low <= point <= axis.high for point in _points(value))


def _staircase(front: Sequence[Mark], x: Axis, y: Axis, *, is_y_up: bool) -> str:
    """The line of the true front: what the checked front really reaches."""
    points = sorted(
        (mark.x.true, mark.y.true)
        for mark in front
        if mark.x.true is not None and mark.y.true is not None
    )
    best: list[tuple[float, float]] = []
    for px, py in points:
        if not best or (py > best[-1][1] if is_y_up else py < best[-1][1]):
            best.append((px, py))
    if len(best) < 2:
        return ""
    path = f"M{x(best[0][0])} {y(best[0][1])}"
    path += "".join(f"H{x(px)}V{y(py)}" for px, py in best[1:])
    return f'<path class="step" d="{path}"/>'


def _frame(x: Axis, y: Axis, x_name: str, y_name: str, width: int, height: int) -> str:
    """Grid, ticks and labels."""
    bottom, left = height - _BOTTOM, _LEFT
    parts = []
    x_ticks, y_ticks = x.ticks(), y.ticks()
    for tick in x_ticks:
        parts.append(_line("grid", x(tick), _TOP, x(tick), bottom))
        parts.append(_text(_tick(tick, x_ticks), x(tick), bottom + 18, "middle", "tick"))
    for tick in y_ticks:
        parts.append(_line("grid", left, y(tick), width - _RIGHT, y(tick)))
        parts.append(_text(_tick(tick, y_ticks), left - 8, y(tick) + 4, "end", "tick"))
    parts.append(_line("axis", left, bottom, width - _RIGHT, bottom))
    parts.append(_text(x_name, (left + width - _RIGHT) / 2, height - 8, "middle"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text text-anchor="middle" transform="translate(16 {middle}) rotate(-90)">'
        f"{html.escape(y_name)}</text>"
    )
    return "".join(parts)


def _tick(value: float, ticks: Sequence[float]) -> str:
    """A tick's label with the decimals that its neighbours need."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value + 0.0:,.{decimals}f}"


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """A straight line."""
    return f'<line class="{style}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _circle(style: str, x: float, y: float, radius: float, mark: Mark) -> str:
    """A point that tells its name."""
    title = f"<title>{html.escape(mark.name)}</title>"
    return f'<circle class="{style}" cx="{x}" cy="{y}" r="{radius}">{title}</circle>'


def _text(text: str, x: float, y: float, anchor: str, style: str = "label") -> str:
    """A label."""
    return (
        f'<text class="{style}" text-anchor="{anchor}" x="{x}" y="{y}">{html.escape(text)}</text>'
    )


def _svg(parts: Sequence[str], width: int, height: int, label: str) -> str:
    """An SVG element."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
