"""How many different networks there are, against brute force over all renamings of weights."""

from collections import defaultdict
from itertools import permutations

from search_spaces import get_space
from search_spaces.nasbench201.cell import EDGES, Cell
from search_spaces.nasbench201.equivalence import representative, signature

N_NETWORKS = 5_260
N_PAPER = 6_466
"""Unique strings of the paper; `test_the_papers_string_gives_the_papers_count` explains it."""
N_PAPER_WITHOUT_ZEROS = 5_390


def flat_value(ops: tuple[str, ...]) -> tuple[object, ...]:
    """Write the output as nested tuples; a convolution carries the number of its edge."""
    values: dict[int, tuple[object, ...]] = {0: (("x",),)}
    for node in (1, 2, 3):
        terms: list[object] = []
        for index, ((source, target), op) in enumerate(zip(EDGES, ops, strict=True)):
            if target != node or op == "none" or not values[source]:
                continue
            if op == "skip_connect":
                terms += values[source]
            elif op == "avg_pool_3x3":
                terms.append((op, -1, values[source]))
            else:
                terms.append((op, index, values[source]))
        values[node] = tuple(terms)
    return values[3]


def renumbered(value: object, numbers: dict[int, int]) -> str:
    """Write a value with other numbers for its convolutions."""
    terms = []
    for term in value:  # type: ignore[attr-defined]
        if len(term) == 1:
            terms.append("x")
        else:
            op, index, inner = term
            terms.append(f"{op}{numbers.get(index, '')}({renumbered(inner, numbers)})")
    return "+".join(sorted(terms))


def convolutions(value: object) -> set[int]:
    """Collect the numbers of the convolutions."""
    found: set[int] = set()
    for term in value:  # type: ignore[attr-defined]
        if len(term) == 3:
            found |= convolutions(term[2]) | ({term[1]} - {-1})
    return found


def brute_force_key(ops: tuple[str, ...]) -> str:
    value = flat_value(ops)
    numbers = sorted(convolutions(value))
    return min(
        renumbered(value, dict(zip(numbers, order, strict=True)))
        for order in permutations(range(len(numbers)))
    )


def paper_string(ops: tuple[str, ...], *, has_zeros: bool) -> str:
    """Write the unique string of the paper's code, optionally without zero summands."""
    nodes = {0: "0"}
    for node in (1, 2, 3):
        parts = []
        for (source, target), op in zip(EDGES, ops, strict=True):
            if target != node:
                continue
            if op == "none" or nodes[source] in {"#", ""}:
                parts.append("#")
            elif op == "skip_connect":
                parts.append(nodes[source])
            else:
                parts.append(f"({nodes[source]})@{op}")
        nodes[node] = "+".join(sorted(p for p in parts if has_zeros or p != "#"))
    return nodes[3]


def test_representatives_are_the_classes_of_brute_force() -> None:
    space = get_space("nasbench201")
    classes: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in space.enumerate():
        classes[brute_force_key(cell.ops)].append(cell)
    assert len(classes) == N_NETWORKS
    for cells in list(classes.values())[::3]:
        assert {representative(cell) for cell in cells} == {cells[0]}


def test_the_papers_string_gives_the_papers_count() -> None:
    cells = list(get_space("nasbench201").enumerate())
    with_zeros = {paper_string(cell.ops, has_zeros=True) for cell in cells}
    without = {paper_string(cell.ops, has_zeros=False) for cell in cells}
    assert (len(with_zeros), len(without)) == (N_PAPER, N_PAPER_WITHOUT_ZEROS)


def test_signature_ignores_what_cannot_be_seen_and_keeps_what_can() -> None:
    conv, none, skip = "nor_conv_3x3", "none", "skip_connect"
    direct = Cell((none, none, none, conv, none, none))
    detour = Cell((conv, none, none, none, skip, none))
    assert signature(direct) == signature(detour)
    assert representative(direct) == representative(detour)
    shared = Cell((conv, none, skip, none, conv, conv))
    copied = Cell((conv, conv, none, none, conv, conv))
    assert signature(shared) == signature(copied)
    assert representative(shared) != representative(copied)
