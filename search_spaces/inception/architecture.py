"""An Inception architecture: its genome, what the genome says, and the published dictionary.

Every genome is an architecture. A stage is written as the number of blocks, the numbers of
operations of its paths, which of three paths is the wide one, and for each of four paths the place
of its support operation (0 for none), an operation for each place, the support operation and the
change of channels; what these leave unused is dead.

Source:
    ``NetConfig.state_dict`` in ``inception/arch_config.py`` of
    https://github.com/Ascend-Research/GENNAPE.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.errors import InvalidArchitectureError
from search_spaces.inception.stage import (
    BLOCK_SHAPES,
    CHANGES,
    CONV_OPS,
    MAX_PATH_OPS,
    MAX_PATHS,
    N_BLOCKS,
    STAGE_CHANNELS,
    SUPPORT_OPS,
    Branch,
    Ops,
    Stage,
    inner_channels,
    is_path,
    path_channels,
)
from search_spaces.settings_text import format_settings, parse_settings

__all__ = ["GENOME_CHOICES", "InceptionArchitecture"]

_N_WIDE = 3
_PATH_CHOICES = (
    MAX_PATH_OPS + 1,
    *[len(CONV_OPS)] * MAX_PATH_OPS,
    len(SUPPORT_OPS),
    len(CHANGES),
)
_STAGE_CHOICES = (len(N_BLOCKS), len(BLOCK_SHAPES), _N_WIDE, *_PATH_CHOICES * MAX_PATHS)
GENOME_CHOICES = _STAGE_CHOICES * len(STAGE_CHANNELS)


@dataclass(frozen=True, slots=True)
class InceptionArchitecture:
    """One architecture.

    Attributes:
        genome: A gene for each of `GENOME_CHOICES`.
    """

    genome: tuple[int, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages, paths in the order of the genome."""
        n_genes = len(_STAGE_CHOICES)
        return tuple(
            [
                _decode_stage(self.genome[index * n_genes : (index + 1) * n_genes], channels)
                for index, (_, channels) in enumerate(STAGE_CHANNELS)
            ]
        )

    @classmethod
    def from_stages(cls, stages: Sequence[Stage]) -> "InceptionArchitecture":
        """Write valid stages as a genome with every dead gene at 0."""
        return cls(tuple([gene for stage in stages for gene in _encode_stage(stage)]))

    @classmethod
    def parse(cls, string: str) -> "InceptionArchitecture":
        """Read the published dictionary.

        Raises:
            InvalidArchitectureError: If it is malformed or breaks a rule of the space.
        """
        stages = parse_settings(string, ("stages",))["stages"]
        if not isinstance(stages, list) or len(stages) != len(STAGE_CHANNELS):
            raise InvalidArchitectureError(
                f"Inception architecture must have a list of {len(STAGE_CHANNELS)} stages, but "
                f"got {stages!r:.100}."
            )
        return cls.from_stages([_read_stage(stage, i) for i, stage in enumerate(stages)])

    def __str__(self) -> str:
        """Return the published dictionary."""
        settings = [
            {
                "block": {"paths": [_path_settings(branch) for branch in stage.branches]},
                "n_blocks": stage.n_blocks,
                "C_in": c_in,
                "C_out": c_out,
                "stride": c_out // c_in,
            }
            for stage, (c_in, c_out) in zip(self.stages, STAGE_CHANNELS, strict=True)
        ]
        return format_settings({"stages": settings})


def _decode_stage(genes: Sequence[int], channels: int) -> Stage:
    """Read the genes of a stage."""
    shape = BLOCK_SHAPES[genes[1]]
    n_genes = len(_PATH_CHOICES)
    branches = []
    for index, share in enumerate(path_channels(channels, len(shape), genes[2])):
        start = 3 + index * n_genes
        branches.append(_decode_path(genes[start : start + n_genes], shape[index], share))
    return Stage(N_BLOCKS[genes[0]], tuple(branches))


def _decode_path(genes: Sequence[int], n_ops: int, channels: int) -> Branch:
    """Read the genes of a path."""
    support_place = genes[0]
    chain = [CONV_OPS[gene] for gene in genes[1 : 1 + n_ops]]
    if 0 < support_place <= n_ops and n_ops > 1:
        chain[support_place - 1] = SUPPORT_OPS[genes[-2]]
    ops = tuple(chain)
    return Branch(channels, ops, inner_channels(channels, ops, CHANGES[genes[-1]]))


def _encode_stage(stage: Stage) -> list[int]:
    """Write a stage as genes."""
    shares = [branch.channels for branch in stage.branches]
    shape = tuple([len(branch.ops) for branch in stage.branches])
    wide = shares.index(max(shares)) if len(shares) == _N_WIDE else 0
    genes = [N_BLOCKS.index(stage.n_blocks), BLOCK_SHAPES.index(shape), wide]
    for branch in stage.branches:
        genes += _encode_path(branch)
    return genes + [0] * ((MAX_PATHS - len(shares)) * len(_PATH_CHOICES))


def _encode_path(branch: Branch) -> list[int]:
    """Write a path as genes."""
    genes = [0] * len(_PATH_CHOICES)
    for place, op in enumerate(branch.ops):
        if op in SUPPORT_OPS:
            genes[0], genes[-2] = place + 1, SUPPORT_OPS.index(op)
        else:
            genes[1 + place] = CONV_OPS.index(op)
    genes[-1] = _inner_choices(branch.channels, branch.ops).index(branch.inner)
    return genes


def _inner_choices(channels: int, ops: Ops) -> list[int]:
    """Return the channels inside a path after each of `CHANGES`."""
    return [inner_channels(channels, ops, change) for change in CHANGES]


def _path_settings(branch: Branch) -> dict[str, Any]:
    """Write a path as the authors do."""
    return {
        "ops": list(branch.ops),
        "op_types": ["supp" if op in SUPPORT_OPS else "conv" for op in branch.ops],
        "C_internal": branch.inner,
        "C_out": branch.channels,
    }


def _read_stage(stage: Any, index: int) -> Stage:
    """Read a stage and check it."""
    c_in, c_out = STAGE_CHANNELS[index]
    try:
        paths, n_blocks = stage["block"]["paths"], stage["n_blocks"]
        given = (stage["C_in"], stage["C_out"], stage["stride"])
        branches = [
            Branch(path["C_out"], tuple(path["ops"]), path["C_internal"]) for path in paths
        ]
    except (KeyError, TypeError) as error:
        raise InvalidArchitectureError(
            "Inception stage must have block, n_blocks, C_in, C_out and stride, and its paths ops, "
            f"C_internal and C_out, but got {stage!r:.200}."
        ) from error
    if given != (c_in, c_out, c_out // c_in):
        raise InvalidArchitectureError(
            f"C_in, C_out and stride of stage {index + 1} must be {(c_in, c_out, c_out // c_in)}, "
            f"but got {given!r:.100}."
        )
    if n_blocks not in N_BLOCKS:
        raise InvalidArchitectureError(
            f"Inception stage must have {N_BLOCKS[0]} to {N_BLOCKS[-1]} blocks, but got "
            f"{n_blocks!r:.100}."
        )
    for branch, path in zip(branches, paths, strict=True):
        _check_path(branch, path)
    _check_shares(branches, c_out)
    return Stage(n_blocks, tuple(branches))


def _check_path(branch: Branch, path: Mapping[str, Any]) -> None:
    """Check operations and channels of a path."""
    for op in branch.ops:
        if op not in CONV_OPS + SUPPORT_OPS:
            listed = ", ".join(CONV_OPS + SUPPORT_OPS)
            raise InvalidArchitectureError(
                f"Inception operation must be one of {listed}, but got {op!r:.100}."
            )
    if not is_path(branch.ops):
        raise InvalidArchitectureError(
            f"Inception path must have 1 to {MAX_PATH_OPS} operations, at least one of them a "
            f"convolution and at most one of {', '.join(SUPPORT_OPS)}, but got "
            f"{branch.ops!r:.200}."
        )
    types = _path_settings(branch)["op_types"]
    if path.get("op_types", types) != types:
        raise InvalidArchitectureError(
            f"Types of {branch.ops!r} must be {types!r}, but got {path['op_types']!r:.100}."
        )


def _check_shares(branches: Sequence[Branch], channels: int) -> None:
    """Check number, lengths and channels of the paths of a block."""
    shape = tuple([len(branch.ops) for branch in branches])
    if shape not in BLOCK_SHAPES:
        raise InvalidArchitectureError(
            "Paths of an Inception block must have at most 3, 4, 8, 10 operations together for 1, "
            f"2, 3, 4 paths, and at least two each for 3 and 4, but have {shape!r:.100}."
        )
    shares = tuple([branch.channels for branch in branches])
    allowed = {path_channels(channels, len(shape), wide) for wide in range(len(shape))}
    if shares not in allowed:
        raise InvalidArchitectureError(
            f"C_out of the paths must be one of {sorted(allowed)}, but got {shares!r:.100}."
        )
    for branch in branches:
        choices = _inner_choices(branch.channels, branch.ops)
        if branch.inner not in choices:
            raise InvalidArchitectureError(
                f"C_internal of {branch.ops!r} must be one of {sorted(set(choices))}, but got "
                f"{branch.inner!r:.100}."
            )
