"""Zero-cost scores of the test rows of a cell, each network computed once and kept on disk.

A score takes up to seconds, so some test rows of the first seed stand for all: those that come
first in a random order of the whole space, so that cells share most of them. Weights and batch are
those of seed 0.
"""

import json
import time
from pathlib import Path

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from nas_rlm.atomic_files import explained, write_atomically
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.dataset import digest
from nas_rlm.errors import DatasetError
from nas_rlm.seeding import generator
from surrogates import PredictiveDistribution

ZERO_COST_ROWS = 200
"""Test rows that are scored."""
SEED = 0
BATCH = 16
"""Images of a batch."""
_KEEP_EVERY = 20


def zero_cost_rows(rows: SpaceRows, test: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places in `test` of the rows that stand for all, ascending."""
    rank = generator(SEED, "zero-cost rows", rows.space).permutation(len(rows))
    return np.sort(np.argsort(rank[test], kind="stable")[:ZERO_COST_ROWS])


def zero_cost_ranks(
    rows: SpaceRows, numbers: NDArray[np.int64], name: str, folder: Path
) -> tuple[PredictiveDistribution, float]:
    """Rank networks by a score.

    Args:
        rows: The space.
        numbers: n rows.
        name: Of `nas_rlm.zero_cost.scores.SCORES`.
        folder: Keeps what was computed in ``zero_cost/<space>-<score>.json``.

    Returns:
        Mean ranks as points, so that minus infinity is the least; and the seconds that were
        spent, also those of an earlier run.

    Raises:
        ZeroCostError: If a network cannot be run.
        DatasetError: If the file is damaged.
    """
    from nas_rlm.zero_cost.scores import zero_cost_scores

    path = folder / "zero_cost" / f"{rows.space}-{name}.json"
    known = _read(path)
    texts = rows.texts(numbers)
    keys = [digest(text) for text in texts]  # not those of rows, which are of pruned texts
    new: dict[str, tuple[float, float]] = {}
    for key, text in zip(keys, texts, strict=True):
        if key not in known and key not in new:
            start = time.perf_counter()
            score = zero_cost_scores(text, [name], SEED, BATCH)[name]
            new[key] = (score, round(time.perf_counter() - start, 4))
            if len(new) >= _KEEP_EVERY:
                known, new = _keep(path, known | new), {}
    if new:
        known = _keep(path, known | new)
    scores = np.array([known[key][0] for key in keys])
    seconds = sum(known[key][1] for key in set(keys))
    return PredictiveDistribution.point(scipy.stats.rankdata(scores)), seconds


def _keep(path: Path, own: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Add scores to the file and return all of it; another process may have added or lost some."""
    with explained(path, "be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        known = _read(path) | own
        stored = {key: [repr(score), spent] for key, (score, spent) in known.items()}
        write_atomically(path, json.dumps(stored, indent=0).encode())
    return known


def _read(path: Path) -> dict[str, tuple[float, float]]:
    """Digest to score and seconds."""
    if not path.exists():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {key: (float(score), float(spent)) for key, (score, spent) in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"{path.name} in {str(path.parent)!r} is damaged: {error!r}. Delete it."
        raise DatasetError(message) from error
