"""The NAS-Bench-101 cell: a directed acyclic graph with an operation on every interior vertex.

Vertex 0 is the input, the last vertex the output, edges go from lower to higher vertices. A `Cell`
is always pruned, as the benchmark prunes it: every vertex lies on a path from input to output.

The published string is the pair that the benchmark's records hold: the adjacency matrix row by row
as zeros and ones, and the operations with ``input`` and ``output`` around them.

Source:
    "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019, arXiv:1902.09635;
    https://github.com/google-research/nasbench (``lib/model_spec.py``, ``lib/config.py``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

from search_spaces.errors import InvalidArchitectureError

__all__ = ["MAX_EDGES", "MAX_VERTICES", "OPS", "Cell", "Matrix", "matrix_of_edges"]

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Operations in the order of the benchmark, on which its hashes and representatives depend."""
MAX_VERTICES = 7
MAX_EDGES = 9

Matrix = tuple[tuple[int, ...], ...]
"""``matrix[source][target]`` is 1 for an edge."""

_SHORT_NAMES = {op.removesuffix("-bn-relu"): op for op in OPS}
_ENDS = ("input", "output")


@dataclass(frozen=True, slots=True)
class Cell:
    """One pruned cell.

    Attributes:
        matrix: Upper triangular adjacency matrix of 2 to 7 vertices with at most 9 edges.
        ops: Operation of each interior vertex.
    """

    matrix: Matrix
    ops: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_shape(self.matrix, self.ops)
        if len(_alive(self.matrix)) < len(self.matrix):
            raise InvalidArchitectureError(
                "NAS-Bench-101 vertices must all lie on a path from the input to the output, but "
                f"got {self.matrix!r}. Drop the others with `Cell.prune`."
            )
        if len(self.matrix) > MAX_VERTICES:
            raise InvalidArchitectureError(
                f"NAS-Bench-101 cell must have at most {MAX_VERTICES} vertices, but got "
                f"{len(self.matrix)}."
            )
        if self.n_edges > MAX_EDGES:
            raise InvalidArchitectureError(
                f"NAS-Bench-101 cell must have at most {MAX_EDGES} edges, but got {self.n_edges}."
            )

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return sum(map(sum, self.matrix))

    @classmethod
    def prune(cls, matrix: Sequence[Sequence[int]], ops: Sequence[str]) -> "Cell":
        """Drop the vertices that lie on no path from the input to the output.

        Args:
            matrix: Upper triangular, any number of vertices.
            ops: Operation of each interior vertex.

        Raises:
            InvalidArchitectureError: If no path is left, or what is left is too large.
        """
        whole = tuple(map(tuple, matrix))
        _check_shape(whole, ops)
        alive = _alive(whole)
        if not alive:
            raise InvalidArchitectureError(
                "NAS-Bench-101 cell must have a path from the input to the output, but has none."
            )
        kept = tuple(tuple(whole[source][target] for target in alive) for source in alive)
        return cls(kept, tuple(ops[vertex - 1] for vertex in alive[1:-1]))

    @classmethod
    def parse(cls, string: str) -> "Cell":
        """Read ``0110... input,conv3x3-bn-relu,...,output`` and prune it.

        ``-bn-relu``, ``input`` and ``output`` may be left out.

        Raises:
            InvalidArchitectureError: If the string has another form or an unknown operation.
        """
        bits, _, rest = string.strip().partition(" ")
        n = isqrt(len(bits))
        if not bits or not set(bits) <= {"0", "1"} or n * n != len(bits):
            raise InvalidArchitectureError(
                "NAS-Bench-101 string must be an adjacency matrix row by row and the operations, "
                f"'0110... input,op,...,output', but got {string[:200]!r}."
            )
        names = [name for part in rest.split(",") if (name := part.strip())]
        if len(names) >= len(_ENDS) and (names[0], names[-1]) == _ENDS:
            names = names[1:-1]
        matrix = [[int(bit) for bit in bits[row * n : row * n + n]] for row in range(n)]
        return cls.prune(matrix, [_SHORT_NAMES.get(name, name) for name in names])

    def __str__(self) -> str:
        """Return the published string."""
        bits = "".join(str(bit) for row in self.matrix for bit in row)
        return f"{bits} {','.join((_ENDS[0], *self.ops, _ENDS[1]))}"


def matrix_of_edges(n_vertices: int, edges: Iterable[tuple[int, int]]) -> Matrix:
    """Write edges (source, target) as a matrix."""
    rows = [[0] * n_vertices for _ in range(n_vertices)]
    for source, target in edges:
        rows[source][target] = 1
    return tuple(map(tuple, rows))


def _check_shape(matrix: Matrix, ops: Sequence[str]) -> None:
    """Check what a cell must be before it is pruned."""
    n = len(matrix)
    if n < len(_ENDS) or not _is_triangular(matrix):
        raise InvalidArchitectureError(
            "NAS-Bench-101 matrix must be square, upper triangular and of zeros and ones, "
            f"with at least 2 vertices, but got {str(matrix)[:200]}."
        )
    if len(ops) != n - len(_ENDS):
        raise InvalidArchitectureError(
            f"NAS-Bench-101 cell of {n} vertices must have {n - len(_ENDS)} ops, but got "
            f"{len(ops)}: {str(tuple(ops))[:200]}."
        )
    for op in ops:
        if op not in OPS:
            raise InvalidArchitectureError(
                f"NAS-Bench-101 op must be one of {', '.join(OPS)}, but got {op[:50]!r}."
            )


@lru_cache(maxsize=16_384)
def _is_triangular(matrix: Matrix) -> bool:
    """Tell whether a matrix is square, of zeros and ones, with ones above the diagonal alone."""
    return all(
        len(row) == len(matrix) and set(row) <= {0, 1} and not any(row[: source + 1])
        for source, row in enumerate(matrix)
    )


@lru_cache(maxsize=16_384)
def _alive(matrix: Matrix) -> tuple[int, ...]:
    """Return the vertices on a path from the first to the last vertex; none without a path."""
    n = len(matrix)
    fed, useful = {0}, {n - 1}
    for source in range(n):
        if source in fed:
            fed.update(target for target in range(source + 1, n) if matrix[source][target])
    for source in range(n - 1, -1, -1):
        if any(matrix[source][target] and target in useful for target in range(source + 1, n)):
            useful.add(source)
    return tuple(sorted(fed & useful)) if n - 1 in fed else ()
