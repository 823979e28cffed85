"""A diagram as lines of text: a row for each box, a rail for each value that is still needed.

On the row of a box, ``●`` stands where its result begins; the line to its left or right ends at
the rails of what it reads: ``╯`` and ``╰`` where that value is read for the last time, ``┤``,
``├`` or ``┼`` where it is needed again. A rail that a line passes without touching stays ``│``.
"""

from collections import Counter

from nas_rlm.drawing.diagram import Box, Diagram, Panel
from nas_rlm.drawing.labels import TIMES

_DOT = "●"


def text_of(diagram: Diagram) -> str:
    """Draw a diagram as text.

    Args:
        diagram: The network.

    Returns:
        Lines, the panels separated by empty ones.
    """
    return "\n\n".join("\n".join(_panel_lines(panel)) for panel in diagram.panels) + "\n"


def _panel_lines(panel: Panel) -> list[str]:
    """Title and rows of a panel."""
    sources: dict[int, list[int]] = {index: [] for index in range(len(panel.boxes))}
    for source, target in panel.arrows:
        sources[target].append(source)
    needed = Counter(source for source, _ in panel.arrows)
    rails: list[int | None] = []
    rows = []
    for index, box in enumerate(panel.boxes):
        read = [rails.index(source) for source in sources[index]]
        for source in sources[index]:
            needed[source] -= 1
        ended = {rail for rail in read if not needed[_box_on(rails, rail)]}
        dot = _rail_for(rails, ended)
        rows.append((_row(rails, dot, set(read), ended), _label(box)))
        for rail in ended:
            rails[rail] = None
        rails[dot] = index if needed[index] else None
        while rails and rails[-1] is None:
            rails.pop()
    width = max((len(row) for row, _ in rows), default=0)
    return [panel.title, *(f"  {row:<{width}}  {label}" for row, label in rows)]


def _box_on(rails: list[int | None], rail: int) -> int:
    """The box whose result runs on a rail."""
    box = rails[rail]
    if box is None:
        message = f"no value on rail {rail}"
        raise AssertionError(message)
    return box


def _rail_for(rails: list[int | None], ended: set[int]) -> int:
    """Leftmost rail that is free once the ended ones are; made where there is none."""
    free = [rail for rail, box in enumerate(rails) if box is None or rail in ended]
    if not free:
        rails.append(None)
        return len(rails) - 1
    return free[0]


def _row(rails: list[int | None], dot: int, read: set[int], ended: set[int]) -> str:
    """Rails of one row, two characters each."""
    touched = {*read, dot}
    first, last = min(touched), max(touched)
    cells = []
    for rail, box in enumerate(rails):
        if rail == dot:
            mark = _DOT
        elif rail in read:
            mark = _joint(rail, first, last, is_ended=rail in ended)
        elif box is not None:
            mark = "│"
        else:
            mark = "─" if first < rail < last else " "
        cells.append(mark + ("─" if first <= rail < last else " "))
    return "".join(cells).rstrip()


def _joint(rail: int, first: int, last: int, *, is_ended: bool) -> str:
    """Where a line meets the rail of something read."""
    if rail == first:
        return "╰" if is_ended else "├"
    if rail == last:
        return "╯" if is_ended else "┤"
    return "┴" if is_ended else "┼"


def _label(box: Box) -> str:
    """What a row says."""
    parts = [
        f"{part.text} {TIMES}{part.repeats}" if part.repeats > 1 else part.text
        for part in box.parts
    ]
    return " → ".join(parts) + (f"   [{box.note}]" if box.note else "")
