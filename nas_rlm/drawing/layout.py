"""Places for boxes: layers from top to bottom, few crossings, straight arrows where possible.

The method of Sugiyama, Tagawa and Toda (1981): a box stands one layer below the lowest box that it
reads; an arrow over several layers gets a bend in each; layers are ordered by the mean place of
their neighbours, sweeping down and up; then each layer is shifted so that the squared distances to
the neighbours' places are least at the given gaps, which is isotonic regression.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]

GAP_X = 22.0
GAP_Y = 26.0
BEND_WIDTH = 8.0
_SWEEPS = 12


@dataclass(frozen=True)
class Layout:
    """Places of the boxes of a panel, in pixels, the origin at the top left."""

    centers: tuple[Point, ...]
    """Middle of the top edge of each box."""
    bends: Mapping[tuple[int, int], tuple[Point, ...]]
    """Points of each arrow between its ends: top and bottom of every layer that it passes."""
    width: float
    height: float


def layout(
    sizes: Sequence[Point], arrows: Sequence[tuple[int, int]], *, last: Sequence[int] = ()
) -> Layout:
    """Place boxes.

    Args:
        sizes: Width and height of each box.
        arrows: Pairs of box numbers, from lower to higher numbers.
        last: Boxes that stand in the lowest layer.

    Returns:
        The places.
    """
    layers = _layers(len(sizes), arrows, last)
    count = len(sizes)
    neighbours_up: dict[int, list[int]] = defaultdict(list)
    neighbours_down: dict[int, list[int]] = defaultdict(list)
    rows: list[list[int]] = [[] for _ in range(max(layers, default=0) + 1)]
    for box, layer in enumerate(layers):
        rows[layer].append(box)
    chains: dict[tuple[int, int], list[int]] = {}
    for source, target in arrows:
        chain = [source]
        for layer in range(layers[source] + 1, layers[target]):
            rows[layer].append(count)
            chain.append(count)
            count += 1
        chain.append(target)
        chains[source, target] = chain
        for upper, lower in pairwise(chain):
            neighbours_down[upper].append(lower)
            neighbours_up[lower].append(upper)
    _order(rows, neighbours_up, neighbours_down)
    widths = [sizes[node][0] if node < len(sizes) else BEND_WIDTH for node in range(count)]
    xs = _places(rows, widths, neighbours_up, neighbours_down)
    heights = [
        max((sizes[node][1] for node in row if node < len(sizes)), default=0.0) for row in rows
    ]
    tops = [0.0]
    for height in heights:
        tops.append(tops[-1] + height + GAP_Y)
    left = min((xs[n] - widths[n] / 2 for n in range(count)), default=0.0)
    right = max((xs[n] + widths[n] / 2 for n in range(count)), default=0.0)
    of_layer = {node: layer for layer, row in enumerate(rows) for node in row}
    bends = {
        arrow: tuple(
            point
            for node in chain[1:-1]
            for point in (
                (xs[node] - left, tops[of_layer[node]]),
                (xs[node] - left, tops[of_layer[node]] + heights[of_layer[node]]),
            )
        )
        for arrow, chain in chains.items()
    }
    centers = tuple((xs[box] - left, tops[layers[box]]) for box in range(len(sizes)))
    return Layout(centers, bends, right - left, tops[-1] - GAP_Y)


def _layers(n_boxes: int, arrows: Sequence[tuple[int, int]], last: Sequence[int]) -> list[int]:
    """Layer of each box: one below the lowest that it reads."""
    layers = [0] * n_boxes
    for source, target in sorted(arrows, key=lambda arrow: arrow[1]):
        layers[target] = max(layers[target], layers[source] + 1)
    lowest = max(layers, default=0)
    for box in last:
        layers[box] = lowest
    return layers


def _order(
    rows: list[list[int]], up: Mapping[int, list[int]], down: Mapping[int, list[int]]
) -> None:
    """Order each layer so that few arrows cross."""
    best, fewest = [list(row) for row in rows], _crossings(rows, down)
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        neighbours = up if is_down else down
        for row in rows if is_down else reversed(rows):
            _sort_row(row, rows, neighbours)
        count = _crossings(rows, down)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
        if not fewest:
            break
    for row, ordered in zip(rows, best, strict=True):
        row[:] = ordered


def _sort_row(row: list[int], rows: list[list[int]], neighbours: Mapping[int, list[int]]) -> None:
    """Sort a layer by the mean place of the neighbours; without any, a node keeps its own."""
    others = {node for item in row for node in neighbours.get(item, ())}
    place = {
        node: index for other in rows if others & set(other) for index, node in enumerate(other)
    }
    own = {node: float(index) for index, node in enumerate(row)}
    for node in row:
        near = neighbours.get(node, ())
        if near:
            own[node] = sum(place[item] for item in near) / len(near)
    row.sort(key=own.__getitem__)


def _crossings(rows: Sequence[Sequence[int]], down: Mapping[int, list[int]]) -> int:
    """Number of pairs of arrows that cross."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {node: index for index, node in enumerate(lower)}
        ends = [
            target
            for node in upper
            for target in sorted(place[item] for item in down.get(node, ()))
        ]
        total += sum(
            first > second for index, first in enumerate(ends) for second in ends[index + 1 :]
        )
    return total


def _places(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    up: Mapping[int, list[int]],
    down: Mapping[int, list[int]],
) -> list[float]:
    """Horizontal middle of every node."""
    xs = [0.0] * len(widths)
    for row in rows:
        wanted = [0.0] * len(row)
        for node, x in zip(row, _spread(wanted, [widths[n] for n in row]), strict=True):
            xs[node] = x
    for sweep in range(2 * _SWEEPS):
        is_down = sweep % 2 == 0
        for row in rows if is_down else reversed(rows):
            wanted = []
            for node in row:
                near = (up if is_down else down).get(node) or (down if is_down else up).get(node)
                wanted.append(sum(xs[item] for item in near) / len(near) if near else xs[node])
            for node, x in zip(row, _spread(wanted, [widths[n] for n in row]), strict=True):
                xs[node] = x
    return xs


def _spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Places nearest to the wanted ones, in squares, that keep order and gaps."""
    offsets, total = [], 0.0
    for index, width in enumerate(widths):
        if index:
            total += (widths[index - 1] + width) / 2 + GAP_X
        offsets.append(total)
    pools: list[tuple[float, int]] = []  # mean and size; means ascend
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append((want - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (second, n_second), (first, n_first) = pools.pop(), pools.pop()
            n = n_first + n_second
            pools.append(((first * n_first + second * n_second) / n, n))
    means = [mean for mean, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
