"""The published hash of a NAS-Bench-101 cell, by which the benchmark looks cells up.

Every vertex starts from its out-degree, in-degree and operation number (-1 input, -2 output); as
often as there are vertices, it is hashed again with the sorted hashes of its predecessors and
successors; the sorted hashes of all vertices make the fingerprint. All hashes are MD5 in hex.
Isomorphic cells agree; among the 423,624 cells of the space no two others do.

Source:
    ``hash_module`` in ``lib/graph_util.py`` of https://github.com/google-research/nasbench.
"""

from functools import lru_cache
from hashlib import md5

from search_spaces.nasbench101.cell import OPS, Cell, Matrix

__all__ = ["module_hash"]

_INPUT, _OUTPUT = -1, -2


def module_hash(cell: Cell) -> str:
    """Return the fingerprint, 32 hex digits.

    Example:
        >>> module_hash(Cell(((0, 1), (0, 0)), ()))
        '043721b9c7fe8c5fad811d47d83132ec'
    """
    predecessors, successors = _neighbours(cell.matrix)
    labels = (_INPUT, *map(OPS.index, cell.ops), _OUTPUT)
    degrees = zip(map(len, successors), map(len, predecessors), labels, strict=True)
    hashes = [_md5(str(start)) for start in degrees]
    for _ in cell.matrix:
        hashes = [
            _md5(
                "|".join(
                    (
                        "".join(sorted([hashes[v] for v in before])),
                        "".join(sorted([hashes[v] for v in after])),
                        own,
                    )
                )
            )
            for before, after, own in zip(predecessors, successors, hashes, strict=True)
        ]
    return _md5(str(sorted(hashes)))


def _md5(text: str) -> str:
    """Hash a string; an identity, not a protection."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


_Neighbours = tuple[tuple[int, ...], ...]


@lru_cache(maxsize=8_192)
def _neighbours(matrix: Matrix) -> tuple[_Neighbours, _Neighbours]:
    """List predecessors and successors of every vertex."""
    vertices = range(len(matrix))
    predecessors = tuple(tuple(s for s in vertices if matrix[s][v]) for v in vertices)
    successors = tuple(tuple(t for t in vertices if matrix[v][t]) for v in vertices)
    return predecessors, successors
