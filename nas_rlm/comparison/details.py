"""What tests of significance and scatter plots need, kept small beside ``results.json``.

``details.json`` holds, per cell, each printed score on every block of test rows, and, for the first
seed of each (method, target, n), true and predicted values with 80 % intervals of some test rows.
Without it tables compare seeds alone and there is no scatter plot. One entry a line, so that
a run changes few lines.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.comparison.results import Cell
from nas_rlm.comparison.scores import SCORES, score_rows
from nas_rlm.errors import ArrayError, DatasetError
from nas_rlm.seeding import generator
from surrogates import PredictiveDistribution

DETAILS_FILE = "details.json"
N_BLOCKS = 20
SCATTER_ROWS = 250
SCATTER_LEVEL = 0.8


@dataclass(frozen=True)
class BlockScores:
    """A score on each block of test rows; blocks are the same for all cells of a space."""

    method: str
    target: str
    n: int
    seed: int
    metric: str
    values: tuple[float | None, ...]
    """None where a block has too few rows for the score."""


@dataclass(frozen=True)
class Scatter:
    """Some test rows of one cell, in the metric's unit."""

    method: str
    target: str
    n: int
    seed: int
    true: tuple[float, ...]
    predicted: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        """Method, target, training rows: one scatter is kept for each."""
        return self.method, self.target, self.n


@dataclass
class Details:
    """All that is kept of a protocol beside its figures."""

    protocol: str
    blocks: list[BlockScores] = field(default_factory=list)
    scatters: list[Scatter] = field(default_factory=list)

    def add(
        self, blocks: Iterable[BlockScores], scatters: Iterable[Scatter], folder: Path
    ) -> None:
        """Add entries and write the file; those of the same cell are replaced.

        Raises:
            RunFolderError: If it cannot be written.
        """
        new = {(b.method, b.target, b.n, b.seed, b.metric): b for b in blocks}
        old = {(b.method, b.target, b.n, b.seed, b.metric): b for b in self.blocks}
        self.blocks = list((old | new).values())
        kept = {scatter.key: scatter for scatter in self.scatters}
        for scatter in scatters:
            if scatter.key not in kept or scatter.seed <= kept[scatter.key].seed:
                kept[scatter.key] = scatter
        self.scatters = list(kept.values())
        with explained(folder, "be written"):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / DETAILS_FILE, self._document().encode())

    def _document(self) -> str:
        """The file, one entry a line."""
        lines = {
            "blocks": [json.dumps(asdict(entry), allow_nan=False) for entry in self.blocks],
            "scatters": [json.dumps(asdict(entry), allow_nan=False) for entry in self.scatters],
        }
        parts = [f'"{name}": [\n' + ",\n".join(rows) + "\n]" for name, rows in lines.items()]
        return f'{{"protocol": {json.dumps(self.protocol)},\n' + ",\n".join(parts) + "}\n"

    def block_scores(self, metric: str) -> dict[Cell, tuple[float | None, ...]]:
        """Return the block scores of one metric by cell."""
        return {
            (b.method, b.target, b.n, b.seed): b.values for b in self.blocks if b.metric == metric
        }


def read_details(folder: Path, protocol: str) -> Details:
    """Read the details of a protocol, none if the folder has no file.

    Raises:
        DatasetError: If the file is damaged or belongs to another protocol.
    """
    path = folder / DETAILS_FILE
    if not path.exists():
        return Details(protocol)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        details = Details(
            str(document["protocol"]),
            [
                BlockScores(**{**entry, "values": tuple(entry["values"])})
                for entry in document["blocks"]
            ],
            [_scatter(entry) for entry in document["scatters"]],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"{path.name} of {folder.name!r} is damaged: {error!r}. Delete it; tables do without."
        )
        raise DatasetError(message) from error
    if details.protocol != protocol:
        message = (
            f"{path.name} must hold protocol {protocol!r}, but holds {details.protocol!r}. "
            "Choose another folder."
        )
        raise DatasetError(message)
    return details


def _scatter(entry: dict[str, Any]) -> Scatter:
    """Read one entry."""
    lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    return Scatter(**{**entry, **lists})


def block_of_rows(space: str, n_rows: int) -> NDArray[np.int64]:
    """Return the block of every row of a space, shape ``(n_rows,)``, for all cells the same."""
    return generator(0, "blocks", space).integers(0, N_BLOCKS, size=n_rows)


def scores_of_blocks(
    name: str,
    found: PredictiveDistribution,
    true: NDArray[np.float64],
    unseen: NDArray[np.bool_],
    blocks: NDArray[np.int64],
) -> tuple[float | None, ...]:
    """Compute a score on each block of the test rows.

    Args:
        name: One of `SCORES`.
        found: Predictions of n rows.
        true: Shape ``(n,)``.
        unseen: Shape ``(n,)``.
        blocks: Shape ``(n,)``, block of each row.

    Returns:
        `N_BLOCKS` scores, None where fewer than 5 rows count or the score refuses them.
    """
    counted = unseen if SCORES[name].is_on_unseen else np.ones(len(true), dtype=np.bool_)
    values: list[float | None] = []
    for block in range(N_BLOCKS):
        rows = np.flatnonzero(counted & (blocks == block))
        try:
            value = score_rows(name, found.take(rows), true[rows], unseen[rows])
        except ArrayError:
            value = None
        values.append(None if value is None or len(rows) < 5 else round(value, 5))
    return tuple(values)


def scatter_of(cell: Cell, found: PredictiveDistribution, true: NDArray[np.float64]) -> Scatter:
    """Keep some rows of a cell, the same for every method.

    Args:
        cell: Which cell.
        found: Predictions of n rows.
        true: Shape ``(n,)``.
    """
    method, target, n, seed = cell
    rows = np.sort(generator(seed, "scatter").permutation(len(true))[:SCATTER_ROWS])
    kept = found.take(rows)
    ends = kept.interval(SCATTER_LEVEL)
    return Scatter(
        method,
        target,
        n,
        seed,
        *(_short(v) for v in (true[rows], kept.mean, ends[:, 0], ends[:, 1])),
    )


def _short(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, ...]:
    """Values with five significant digits."""
    return tuple(float(f"{value:.5g}") for value in values)
