"""Which rows a cell trains and tests on: the same for every method of a protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_rlm.comparison.protocol import ComparisonProtocol
from nas_rlm.comparison.scores import SCORES
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import DatasetError
from nas_rlm.seeding import generator


@dataclass(frozen=True)
class CellRows:
    """Rows of one cell; training, test and sources share none."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    sources: Mapping[str, NDArray[np.int64]]
    """Source metric to its rows."""


def cell_rows(protocol: ComparisonProtocol, rows: SpaceRows, n: int, seed: int) -> CellRows:
    """Draw the rows of one (n, seed).

    With one seed, a larger `n` contains the rows of a smaller one.

    Args:
        protocol: Says how many, and of which sources.
        rows: The space.
        n: Training rows.
        seed: Seed of the draw.

    Raises:
        DatasetError: If nothing is left to test on, or no networks that training rows do not describe.
    """
    order = generator(seed, "rows", protocol.name).permutation(rows.usable(protocol.metrics))
    sources = {}
    for name in protocol.sources.values():
        owner = name if protocol.has_own_source_rows else "all sources"
        draw = generator(seed, "sources", protocol.name, owner)
        sources[name] = draw.permutation(order)[: protocol.n_source]
    if sources:
        order = order[~np.isin(order, np.concatenate(list(sources.values())))]
    train, test = order[:n], order[n:][: protocol.n_test]
    if len(test) < 2:
        message = (
            f"Protocol {protocol.name!r} needs rows to test on, but {len(order)} rows leave "
            f"{len(test)} beside {n} for training."
        )
        raise DatasetError(message)
    cell = CellRows(train, test, sources)
    needs_unseen = any(SCORES[name].is_on_unseen for name in protocol.scores)
    if needs_unseen and (n_unseen := int(is_unseen(rows, cell).sum())) < 2:
        message = (
            f"Protocol {protocol.name!r} needs at least 2 test networks that no training row "
            f"describes too, but {n} training rows leave {n_unseen}. Train on fewer rows."
        )
        raise DatasetError(message)
    return cell


def is_unseen(rows: SpaceRows, cell: CellRows) -> NDArray[np.bool_]:
    """Mark test rows that stand for a network of their own: shape of ``cell.test``.

    Each distinct network of the test rows is marked once, unless a training or source row
    describes it too.
    """
    known = np.concatenate([cell.train, *cell.sources.values()])
    tested = rows.digests(cell.test)
    is_first = np.zeros(len(tested), dtype=np.bool_)
    is_first[np.unique(tested, return_index=True)[1]] = True
    return np.asarray(is_first & ~np.isin(tested, rows.digests(known)))
