"""Published written forms of a cell network: the genotype string and the network of NDS files.

- ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), reduce=[...],
  reduce_concat=[2, 3, 4, 5])`` as https://github.com/quark0/darts prints it. It says nothing of
  width and depth.
- ``{"genotype": {"normal": [["sep_conv_3x3", 0], ...], "normal_concat": [...], "reduce": ...,
  "reduce_concat": ...}, "width": 16, "depth": 20, "aux": false, "drop_prob": 0.0}`` as the files
  of https://github.com/facebookresearch/nds have it under ``net``. ``aux`` and ``drop_prob`` are
  about training and are not kept.

Strings come from anywhere: they are parsed, never evaluated, and bounded in size.
"""

import ast
from collections.abc import Mapping
from typing import Any

from search_spaces.errors import InvalidArchitectureError
from search_spaces.nds.cell import Cell, CellNetwork

__all__ = ["format_genotype", "parse_genotype", "read_net", "write_net"]

MAX_STRING = 4_000
"""Longest genotype string, in characters."""
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_MAX_RANGE = 100


def format_genotype(normal: Cell, reduce: Cell) -> str:
    """Return the genotype string of two cells."""
    return (
        f"Genotype(normal={list(normal.edges)!r}, normal_concat={list(normal.concat)!r}, "
        f"reduce={list(reduce.edges)!r}, reduce_concat={list(reduce.concat)!r})"
    )


def parse_genotype(string: str) -> tuple[Cell, Cell]:
    """Read a genotype string.

    Returns:
        The normal and the reduction cell.

    Raises:
        InvalidArchitectureError: If the string is malformed or names an unknown operation.
    """
    if len(string) > MAX_STRING:
        raise InvalidArchitectureError(
            f"Genotype must have at most {MAX_STRING} characters, but has {len(string)}."
        )
    try:
        tree = ast.parse(string.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidArchitectureError(_malformed(string)) from error
    if (
        not isinstance(tree, ast.Call)
        or not isinstance(tree.func, ast.Name)
        or tree.func.id != "Genotype"
        or tree.args
        or [keyword.arg for keyword in tree.keywords] != list(_FIELDS)
    ):
        raise InvalidArchitectureError(_malformed(string))
    try:
        return _read_cells({str(item.arg): _literal(item.value) for item in tree.keywords})
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        if isinstance(error, InvalidArchitectureError):
            raise
        raise InvalidArchitectureError(_malformed(string)) from error


def read_net(net: Mapping[str, Any]) -> CellNetwork:
    """Read the ``net`` of a row of an NDS file.

    Raises:
        InvalidArchitectureError: If a key is missing or a value is not of the published form.
    """
    try:
        normal, reduce = _read_cells(net["genotype"])
        width, depth = _integer(net["width"]), _integer(net["depth"])
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        if isinstance(error, InvalidArchitectureError):
            raise
        raise InvalidArchitectureError(
            "Network must be an object with 'genotype' (normal, normal_concat, reduce, "
            f"reduce_concat), 'width' and 'depth', but got {str(net)[:200]!r}."
        ) from error
    return CellNetwork(normal, reduce, width, depth)


def write_net(network: CellNetwork) -> dict[str, Any]:
    """Return the ``net`` of an NDS file, without auxiliary head and drop path."""
    return {
        "genotype": {
            "normal": [list(edge) for edge in network.normal.edges],
            "normal_concat": list(network.normal.concat),
            "reduce": [list(edge) for edge in network.reduce.edges],
            "reduce_concat": list(network.reduce.concat),
        },
        "width": network.width,
        "depth": network.depth,
        "aux": False,
        "drop_prob": 0.0,
    }


def _read_cells(fields: Mapping[str, Any]) -> tuple[Cell, Cell]:
    """Build both cells from lists."""
    normal, reduce = (
        Cell(
            tuple([_edge(edge) for edge in fields[name]]),
            tuple([_integer(value) for value in fields[f"{name}_concat"]]),
        )
        for name in ("normal", "reduce")
    )
    return normal, reduce


def _edge(edge: Any) -> tuple[str, int]:
    """Read (operation, input)."""
    op, source = edge
    if not isinstance(op, str):
        raise TypeError(edge)
    return op, _integer(source)


def _integer(value: Any) -> int:
    """Return a whole number that is written as one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(value)
    return value


def _literal(tree: ast.expr) -> Any:
    """Read a list, a tuple, a constant or ``range(a, b)``."""
    if isinstance(tree, ast.Call):
        is_range = isinstance(tree.func, ast.Name) and tree.func.id == "range"
        bounds = [_literal(bound) for bound in tree.args]
        if not is_range or len(bounds) != 2 or tree.keywords:
            raise ValueError(tree)
        first, last = map(_integer, bounds)
        if not 0 <= first <= last <= _MAX_RANGE:
            raise ValueError(tree)
        return list(range(first, last))
    return ast.literal_eval(tree)


def _malformed(string: str) -> str:
    """Say what a genotype string looks like."""
    return (
        "Genotype must have the form \"Genotype(normal=[('op', input), ...], normal_concat=[...], "
        f'reduce=[...], reduce_concat=[...])", but got {string[:200]!r}.'
    )
