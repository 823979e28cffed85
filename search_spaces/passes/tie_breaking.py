"""Tell apart statements that have equal producers: by their consumers, else one by one.

Colour refinement on the data flow, both directions: an item (a statement or an input of the body)
changes its colour when the colours around it tell it from others of its class, and then its
neighbours look again. Only classes that split cause work, so breaking a tie costs what depends on
it and not a walk over the graph.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from search_spaces.graph import Function
from search_spaces.passes.colours import mix, mix_each, start_of_pair
from search_spaces.passes.common_nodes import COMMUTATIVE_OPS

__all__ = ["break_ties", "split_once"]

_SINGLED_OUT = 0x5851F42D4C957F2D
_OUTPUT_MARK = 0x2545F4914F6CDD1D
_MAX_VISITS = 1_000_000
"""Looks at the surroundings of an item, after which remaining ties are broken as they come."""

Neighbours = list[list[tuple[int, int]]]


def break_ties(
    body: Function,
    node_colours: Sequence[int],
    leaf_colours: Sequence[int],
    depths: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Refine colours until every statement has its own.

    Args:
        body: n statements, m inputs.
        node_colours: Length n; equal for statements with equal producers.
        leaf_colours: Length m; colours of the inputs of the body.
        depths: Length n; ties of shallow statements are broken first.

    Returns:
        Refined colours of the n statements and the m inputs.
    """
    used = {name for node in body.nodes for name in node.inputs}
    if not used.issuperset(body.inputs):  # an input that nothing reads must not matter
        places = [place for place, name in enumerate(body.inputs) if name in used]
        kept = body._replace(inputs=tuple([body.inputs[place] for place in places]))
        refined, own = break_ties(kept, node_colours, [leaf_colours[p] for p in places], depths)
        of_place = dict(zip(places, own, strict=True))
        return refined, [of_place.get(place, c) for place, c in enumerate(leaf_colours)]
    colours = _mark_outputs(body, [*node_colours, *leaf_colours])
    partition = _Partition(colours)
    partition.neighbours = _neighbours(body, partition)
    n_nodes = len(node_colours)
    partition.refine(range(len(colours)))
    waiting = {(depths[index], partition.colours[index]) for index in range(n_nodes)}
    heap = sorted(waiting)
    while heap:
        _, colour = heapq.heappop(heap)
        members = partition.members[colour]
        while len(members) > 1 and (chosen := next(reversed(members))) < n_nodes:
            for index in partition.single_out(chosen):
                if index < n_nodes:
                    heapq.heappush(heap, (depths[index], partition.colours[index]))
    return partition.colours[:n_nodes], partition.colours[n_nodes:]


def split_once(
    body: Function, node_colours: Sequence[int], leaf_colours: Mapping[str, Sequence[int]]
) -> list[int] | None:
    """Refine the colours of statements by one look around them, where that tells all apart.

    It is the first step of `break_ties`, which leaves a statement alone once it has a colour of its
    own; so the colours are the same, and nothing is spent on the weights of tied statements.

    Args:
        body: n statements; an input may stand for several operands in a row.
        node_colours: Length n; equal for statements with equal producers.
        leaf_colours: For every input, the colours of the operands for which it stands.

    Returns:
        Refined colours of the n statements; None if some are still tied.
    """
    colours = _mark_outputs(body, list(node_colours))
    counts = Counter(colours)
    tied = [index for index, colour in enumerate(colours) if counts[colour] > 1]
    around = _around(body, tied, colours, leaf_colours)
    refined = list(colours)
    for index in tied:
        refined[index] = mix((colours[index], *sorted(around[index])))
    return refined if len(set(refined)) == len(refined) else None


def _around(
    body: Function,
    tied: Iterable[int],
    colours: Sequence[int],
    leaf_colours: Mapping[str, Sequence[int]],
) -> dict[int, list[int]]:
    """Hash the operands and uses of tied statements."""
    around: dict[int, list[int]] = {index: [] for index in tied}
    results: dict[str, tuple[int, int]] = {}
    for index, node in enumerate(body.nodes):
        own = around.get(index)
        is_commutative = node.op in COMMUTATIVE_OPS
        place = 0
        for name in node.inputs:
            leaves = leaf_colours.get(name)
            if leaves is not None:
                if own is not None:
                    own += _around_leaves(0 if is_commutative else place, tuple(leaves))
                place += len(leaves)
                continue
            if name:
                producer, result = results[name]
                operand, use = _edge_colours(0 if is_commutative else place, result)
                if own is not None:
                    own += mix_each([(operand, producer)], colours)
                if producer in around:
                    around[producer] += mix_each([(use, index)], colours)
            place += 1
        for position, name in enumerate(node.outputs):
            results[name] = (index, position)
    return around


@lru_cache(maxsize=1_024)
def _around_leaves(first: int, leaves: tuple[int, ...]) -> tuple[int, ...]:
    """Hash operands in a row that are leaves, seen from who reads them."""
    edges = [_edge_colours(first + index, 0)[0] for index in range(len(leaves))]
    return tuple(mix_each(zip(edges, range(len(leaves)), strict=True), leaves))


def _mark_outputs(body: Function, colours: list[int]) -> list[int]:
    """Mix into the colours which statement gives which output of the body."""
    producers = {name: index for index, node in enumerate(body.nodes) for name in node.outputs}
    for position, name in enumerate(body.outputs):
        if name in producers:
            index = producers[name]
            result = body.nodes[index].outputs.index(name)
            colours[index] = mix((colours[index], _OUTPUT_MARK, position, result))
    return colours


def _neighbours(body: Function, partition: "_Partition") -> Neighbours:
    """List the (colour of edge, other item) of the operands and uses of every item with a tie."""
    n_nodes = len(body.nodes)
    items = {name: (n_nodes + index, 0) for index, name in enumerate(body.inputs)}
    for index, node in enumerate(body.nodes):
        items.update({name: (index, position) for position, name in enumerate(node.outputs)})
    found: Neighbours = [[] for _ in partition.colours]
    is_tied = [len(partition.members[colour]) > 1 for colour in partition.colours]
    for index, node in enumerate(body.nodes):
        is_commutative = node.op in COMMUTATIVE_OPS
        for position, name in enumerate(node.inputs):
            if name:
                producer, result = items[name]
                operand, use = _edge_colours(0 if is_commutative else position, result)
                if is_tied[index]:
                    found[index].append((operand, producer))
                if is_tied[producer]:
                    found[producer].append((use, index))
    return found


@lru_cache(maxsize=4_096)
def _edge_colours(position: int, result: int) -> tuple[int, int]:
    """Hash the kind of an edge, seen from who reads and from what is read, for `mix_each`."""
    return start_of_pair(mix((1, position, result))), start_of_pair(mix((2, position, result)))


class _Partition:
    """Items in classes of equal colour."""

    def __init__(self, colours: list[int]) -> None:
        self.colours = colours
        self.neighbours: Neighbours = []
        self.members: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for item, colour in enumerate(colours):
            self.members[colour][item] = None
        self._n_visits = self._n_singled = 0

    def single_out(self, item: int) -> list[int]:
        """Give one item its own colour; return all items that changed."""
        self._n_singled += 1
        self._recolour(item, mix((self.colours[item], _SINGLED_OUT, self._n_singled)))
        return [item, *self.refine([other for _, other in self.neighbours[item]])]

    def refine(self, items: Iterable[int]) -> list[int]:
        """Split classes until the colours around explain no more; return items that changed."""
        changed: list[int] = []
        while self._n_visits < _MAX_VISITS:
            groups: defaultdict[int, list[int]] = defaultdict(list)
            for item in set(items):
                colour = self.colours[item]
                if len(self.members[colour]) > 1:
                    groups[colour].append(item)
            splits = [self._split(colour, group) for colour, group in groups.items()]
            new = dict(chain.from_iterable(splits))
            if not new:
                break
            for item, colour in new.items():
                self._recolour(item, colour)
            changed += new
            items = [other for item in new for _, other in self.neighbours[item]]
        return changed

    def _split(self, colour: int, group: list[int]) -> list[tuple[int, int]]:
        """Return new colours for the part of a class whose surroundings changed."""
        self._n_visits += len(group)
        colours = self.colours
        seen = []
        for item in group:
            around = mix_each(self.neighbours[item], colours)
            around.sort()
            seen.append((item, mix((colour, *around))))
        is_whole = len(group) == len(self.members[colour])
        return [] if is_whole and len({new for _, new in seen}) == 1 else seen

    def _recolour(self, item: int, colour: int) -> None:
        """Move an item to another class."""
        del self.members[self.colours[item]][item]
        self.members[colour][item] = None
        self.colours[item] = colour
