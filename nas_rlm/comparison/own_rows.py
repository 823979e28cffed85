"""A comparison on the rows of a user's file instead of a published space."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import search_spaces
from nas_rlm.comparison.protocol import ComparisonProtocol
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError
from nas_rlm.progress import Progress, no_progress

METHODS = (
    "rlm",
    "gcn",
    "graph_trees",
    "graph_mlp",
    "graph_gp",
    "params",
    "macs",
    "log_flow",
    "constant",
    "memorizer",
)
"""What is compared unless other methods are named; none needs a search space or other data."""
SIZES = (50, 200)
"""Training rows unless others are named; sizes that leave too few to test on are left out."""
MIN_TEST_ROWS = 20
VARIANT = "own"


def own_protocol(
    data: Dataset,
    path: Path,
    metrics: Sequence[str] = (),
    sizes: Sequence[int] = (),
    space: str | None = None,
) -> ComparisonProtocol:
    """Make the protocol of a file.

    Its name ends with a digest of the rows and of the metrics, which decide which rows are used, so
    that figures of other rows are never mixed in.

    Args:
        data: Rows of the file.
        path: The file.
        metrics: Which metrics; all of the file if empty.
        sizes: Training rows; those of `SIZES` that fit if empty.
        space: Search space of the rows, which nothing is pretrained on; None if it is not known.

    Raises:
        ConfigError: If a metric is not in the file, or a size leaves fewer than 20 test rows.
    """
    chosen = tuple(dict.fromkeys(metrics)) or data.metrics
    for metric in chosen:
        if metric not in data.metrics:
            message = f"{path.name} has no metric {metric!r}, but {', '.join(data.metrics)}."
            raise ConfigError(message)
    n_rows = sum(all(metric in row for metric in chosen) for row in data.labels)
    room = n_rows - MIN_TEST_ROWS
    fitting = tuple(sizes) or tuple(n for n in SIZES if n <= room)
    if not fitting or max(fitting) > room or min(fitting) < 1:
        message = (
            f"{path.name} has {n_rows} rows with every metric; `sizes` must be from 1 and "
            f"leave {MIN_TEST_ROWS} rows to test on, but got {list(sizes) or list(SIZES)}."
        )
        raise ConfigError(message)
    rows = [sorted(row.items()) for row in data.labels]
    content = repr((data.digests, rows, sorted(chosen)))
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    name = f"{re.sub(r'[^a-z0-9]+', '-', path.stem.lower()).strip('-')}-{mark}"
    return ComparisonProtocol(
        name=name,
        space=space if space in search_spaces.SPACES else name,
        targets={metric.replace("/", "-"): metric for metric in chosen},
        sizes=fitting,
        methods=METHODS,
        note=f"Rows of {path.name}.",
        variant=VARIANT,
    )


def own_rows(data: Dataset, name: str, progress: Progress = no_progress) -> SpaceRows:
    """Return the rows of a file as those of a space; none of them is for development.

    Args:
        data: The rows.
        name: Name of the protocol.
        progress: Called as parameters and mult-adds are counted.
    """
    counts = []
    for done, text in enumerate(data.texts):
        counted = search_spaces.count(search_spaces.from_text(text))
        counts.append({"params": float(counted.parameters), "macs": float(counted.mult_adds)})
        progress(done + 1, len(data), {})
    columns = {metric: data.column(metric) for metric in data.metrics}
    return SpaceRows.of_texts(name, data.texts, columns, counts)
