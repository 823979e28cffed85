"""The NAS-Bench-201 cell: six operations, one on each edge, and its published string.

Nodes 0 (input) to 3 (output); a node is the sum of its incoming edges. Edges are listed as the
published string lists them: (1<-0), (2<-0), (2<-1), (3<-0), (3<-1), (3<-2).

Source:
    "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR 2020,
    arXiv:2001.00326; https://github.com/D-X-Y/NAS-Bench-201.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from search_spaces.errors import InvalidArchitectureError

__all__ = ["EDGES", "OPS", "Cell"]

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""Operations in the order of the benchmark."""
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source node, target node) of each of the six operations."""

_N_OPS = len(EDGES)
_STRING = re.compile(
    r"\|([^|~]+)~0\|\+\|([^|~]+)~0\|([^|~]+)~1\|\+\|([^|~]+)~0\|([^|~]+)~1\|([^|~]+)~2\|"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One architecture.

    Attributes:
        ops: Six operation names, in the order of `EDGES`.
    """

    ops: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.ops) != _N_OPS:
            raise InvalidArchitectureError(
                f"NAS-Bench-201 cell must have 6 ops, one per edge, but got {len(self.ops)}: "
                f"{self.ops!r}. Write an absent edge as 'none'."
            )
        for op in self.ops:
            if op not in OPS:
                raise InvalidArchitectureError(
                    f"NAS-Bench-201 op must be one of {', '.join(OPS)}, but got {op!r}."
                )

    @classmethod
    def parse(cls, string: str) -> "Cell":
        """Read ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

        Raises:
            InvalidArchitectureError: If the string has another form or an unknown operation.
        """
        match = _STRING.fullmatch(string.strip())
        if match is None:
            raise InvalidArchitectureError(
                "NAS-Bench-201 string must have the form '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|', "
                f"but got {string[:200]!r}."
            )
        return cls(match.groups())

    def __str__(self) -> str:
        """Return the published string."""
        a, b, c, d, e, f = self.ops
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def live_edges(self) -> Iterator[tuple[int, int, str]]:
        """Yield (source, target, op) of the edges on a path from the input to the output.

        An edge that starts at a node without input carries zeros. A convolution would turn them
        into the constant of its BatchNorm; as the benchmark's own unique string does, we count
        such a node as zero and leave the edge out.
        """
        edges = [(s, t, op) for (s, t), op in zip(EDGES, self.ops, strict=True) if op != "none"]
        fed = {0}
        for source, target, _ in edges:
            if source in fed:
                fed.add(target)
        useful = {3}
        for source, target, _ in reversed(edges):
            if target in useful:
                useful.add(source)
        for source, target, op in edges:
            if source in fed and target in useful:
                yield source, target, op
