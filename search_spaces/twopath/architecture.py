"""A Two-Path architecture: its genome, what the genome says, and the published dictionary.

A path has two to four blocks, two of which reduce. Every genome is an architecture: a block is
written as the number of operations, the place of its support operation (0 for none), an operation
for each place and the support operation; what these leave unused is dead.

Source:
    ``TwoPathNetConfig.state_dict`` in ``hiaml_two_path/arch_configs.py`` of
    https://github.com/Ascend-Research/GENNAPE.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from search_spaces.errors import InvalidArchitectureError
from search_spaces.settings_text import format_settings, parse_settings
from search_spaces.twopath.operations import (
    CONV_OPS,
    MAX_OPS,
    SUPPORT_OPS,
    Ops,
    is_block,
    merge_doubles,
)

__all__ = ["GENOME_CHOICES", "PATH_SHAPES", "Path", "TwoPathArchitecture"]

_BLOCK_CHOICES = (MAX_OPS, MAX_OPS + 1, *[len(CONV_OPS)] * MAX_OPS, len(SUPPORT_OPS))
_MAX_BLOCKS = 4
_N_PATHS = 2
_KEYS = ("path1", "path2", "path1_reduce_inds", "path2_reduce_inds")

PATH_SHAPES = tuple(
    (n_blocks, reductions)
    for n_blocks in range(2, _MAX_BLOCKS + 1)
    for reductions in combinations(range(n_blocks), 2)
)
"""Number of blocks, and the indices of the two that reduce."""

GENOME_CHOICES = (len(PATH_SHAPES), *_BLOCK_CHOICES * _MAX_BLOCKS) * _N_PATHS


class Path(NamedTuple):
    """A chain of blocks.

    Attributes:
        blocks: Operations of each block.
        reductions: Indices of the two blocks that reduce, ascending.
    """

    blocks: tuple[Ops, ...]
    reductions: tuple[int, ...]

    def merged(self) -> "Path":
        """Return the path with the one spelling of each block."""
        blocks = [
            merge_doubles(ops, reduces=index in self.reductions)
            for index, ops in enumerate(self.blocks)
        ]
        return self._replace(blocks=tuple(blocks))


@dataclass(frozen=True, slots=True)
class TwoPathArchitecture:
    """One architecture.

    Attributes:
        genome: A gene for each of `GENOME_CHOICES`.
    """

    genome: tuple[int, ...]

    @property
    def paths(self) -> tuple[Path, Path]:
        """Return the two paths, in the order of the genome."""
        half = len(self.genome) // _N_PATHS
        return _decode_path(self.genome[:half]), _decode_path(self.genome[half:])

    @classmethod
    def from_paths(cls, first: Path, second: Path) -> "TwoPathArchitecture":
        """Write two valid paths as a genome with every dead gene at 0."""
        return cls((*_encode_path(first), *_encode_path(second)))

    def canonical_paths(self) -> tuple[Path, Path]:
        """Return merged paths in one order; which of two chains comes first is no difference."""
        first, second = sorted(path.merged() for path in self.paths)
        return first, second

    @classmethod
    def parse(cls, string: str) -> "TwoPathArchitecture":
        """Read the published dictionary.

        Raises:
            InvalidArchitectureError: If it is malformed or breaks a rule of the space.
        """
        settings = parse_settings(string, _KEYS)
        first, second = (
            _check_path(
                [_read_ops(block) for block in _list(settings[f"path{number}"])],
                _list(settings[f"path{number}_reduce_inds"]),
            )
            for number in (1, 2)
        )
        return cls.from_paths(first, second)

    def __str__(self) -> str:
        """Return the published dictionary."""
        first, second = self.paths
        return format_settings(
            {
                "path1": [_block_settings(ops) for ops in first.blocks],
                "path2": [_block_settings(ops) for ops in second.blocks],
                "path1_reduce_inds": list(first.reductions),
                "path2_reduce_inds": list(second.reductions),
            }
        )


def _decode_path(genes: Sequence[int]) -> Path:
    """Read the genes of a path."""
    n_blocks, reductions = PATH_SHAPES[genes[0]]
    n_genes = len(_BLOCK_CHOICES)
    blocks = [
        _decode_block(genes[1 + index * n_genes : 1 + (index + 1) * n_genes])
        for index in range(n_blocks)
    ]
    return Path(tuple(blocks), reductions)


def _decode_block(genes: Sequence[int]) -> Ops:
    """Read the genes of a block."""
    n_ops, support_place = genes[0] + 1, genes[1]
    ops = [CONV_OPS[gene] for gene in genes[2 : 2 + n_ops]]
    if 0 < support_place <= n_ops and n_ops > 1:
        ops[support_place - 1] = SUPPORT_OPS[genes[-1]]
    return tuple(ops)


def _encode_path(path: Path) -> tuple[int, ...]:
    """Write a path as genes."""
    genes = [PATH_SHAPES.index((len(path.blocks), path.reductions))]
    for ops in path.blocks:
        genes += _encode_block(ops)
    missing = _MAX_BLOCKS - len(path.blocks)
    return (*genes, *[0] * (missing * len(_BLOCK_CHOICES)))


def _encode_block(ops: Ops) -> list[int]:
    """Write a block as genes."""
    genes = [len(ops) - 1, *[0] * (len(_BLOCK_CHOICES) - 1)]
    for place, op in enumerate(ops):
        if op in SUPPORT_OPS:
            genes[1], genes[-1] = place + 1, SUPPORT_OPS.index(op)
        else:
            genes[2 + place] = CONV_OPS.index(op)
    return genes


def _block_settings(ops: Ops) -> dict[str, list[str]]:
    """Write a block as the authors do."""
    return {
        "op_names": list(ops),
        "op_types": ["supp" if op in SUPPORT_OPS else "conv" for op in ops],
    }


def _read_ops(block: Any) -> Ops:
    """Read a block and check it."""
    if not isinstance(block, Mapping) or "op_names" not in block:
        raise InvalidArchitectureError(
            f'Two-Path block must be {{"op_names": [...], "op_types": [...]}}, but got {block!r:.100}.'
        )
    names = _list(block["op_names"])
    for name in names:
        if name not in CONV_OPS + SUPPORT_OPS:
            listed = ", ".join(CONV_OPS + SUPPORT_OPS)
            raise InvalidArchitectureError(
                f"Two-Path operation must be one of {listed}, but got {name!r:.100}."
            )
    ops = tuple(names)
    if not is_block(ops):
        raise InvalidArchitectureError(
            f"Two-Path block must have 1 to {MAX_OPS} operations, at least one of them a "
            f"convolution and at most one of {', '.join(SUPPORT_OPS)}, but got {ops!r:.200}."
        )
    if block.get("op_types", types := _block_settings(ops)["op_types"]) != types:
        raise InvalidArchitectureError(
            f"Types of {ops!r} must be {types!r}, but got {block['op_types']!r:.100}."
        )
    return ops


def _check_path(blocks: list[Ops], reductions: list[Any]) -> Path:
    """Check number of blocks and reductions."""
    path = Path(tuple(blocks), tuple(reductions))
    if (len(blocks), path.reductions) not in PATH_SHAPES:
        raise InvalidArchitectureError(
            f"Two-Path path must have 2 to {_MAX_BLOCKS} blocks and two ascending indices of "
            f"blocks that reduce, but got {len(blocks)} blocks and {reductions!r:.100}."
        )
    return path


def _list(value: Any) -> list[Any]:
    """Check that a value is a list."""
    if not isinstance(value, list):
        raise InvalidArchitectureError(f"Value must be a list, but got {value!r:.100}.")
    return value
