"""Rows of ONNX texts and labels, and which of them are held out.

Two rows are the same network if their texts have the same digest. A split that puts one of them
into training and the other into test measures memory, not prediction, so what is held out is
decided by the digest.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nas_rlm.errors import DatasetError


def digest(text: str) -> str:
    """Return the digest of an ONNX text: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Dataset:
    """Architectures as ONNX texts with labels; a label that is not known is absent."""

    texts: tuple[str, ...]
    labels: tuple[Mapping[str, float], ...]
    """Per text: metric name to value, finite."""

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            message = (
                "Every text needs its labels, but got "
                f"{len(self.texts)} texts and {len(self.labels)} labels."
            )
            raise DatasetError(message)
        for row, labels in enumerate(self.labels):
            for name, value in labels.items():
                if not math.isfinite(value):
                    message = (
                        f"Label {name!r} of row {row} must be finite, but is {value!r}. "
                        "Leave out what is not known."
                    )
                    raise DatasetError(message)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Digest of each text."""
        return tuple(digest(text) for text in self.texts)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that at least one row has, in order of first appearance."""
        return tuple(dict.fromkeys(name for labels in self.labels for name in labels))

    def column(self, metric: str) -> NDArray[np.float64]:
        """Return the labels of one metric.

        Args:
            metric: Its name.

        Returns:
            Shape ``(n,)``, NaN where a row lacks it.

        Raises:
            DatasetError: If no row has it.
        """
        if metric not in self.metrics:
            known = ", ".join(self.metrics) or "none"
            message = f"No row has a label {metric!r}. Labels: {known}."
            raise DatasetError(message)
        return np.array([labels.get(metric, math.nan) for labels in self.labels])

    def take(self, rows: Iterable[int]) -> Self:
        """Return the given rows, in the given order.

        Args:
            rows: Row numbers from 0.

        Raises:
            DatasetError: If a row number is out of range.
        """
        numbers = [int(row) for row in rows]
        bad = [row for row in numbers if not 0 <= row < len(self)]
        if bad:
            message = f"Row numbers must be from 0 to {len(self) - 1}, but got {bad[0]}."
            raise DatasetError(message)
        return type(self)(
            tuple(self.texts[row] for row in numbers), tuple(self.labels[row] for row in numbers)
        )

    def with_metrics(self, metrics: Sequence[str]) -> Self:
        """Return the rows that have one of some metrics, in this order, with no other label."""
        labels = [{name: row[name] for name in metrics if name in row} for row in self.labels]
        kept = [row for row, own in enumerate(labels) if own]
        return type(self)(self.texts, tuple(labels)).take(kept)


def hold_out(digests: Sequence[str], *, share: float, salt: str) -> NDArray[np.bool_]:
    """Mark a fixed share of all networks, decided for each by its digest alone.

    A network is held out or not whatever else the data set contains, so the same ones stay out
    when rows, spaces or files are added.

    Args:
        digests: One per row.
        share: Expected share of networks, in [0, 1].
        salt: Names the purpose; another salt holds out other networks.

    Returns:
        Shape ``(n,)``, True for rows that are held out.

    Raises:
        DatasetError: If the share is out of range.
    """
    if not 0.0 <= share <= 1.0:
        message = f"`share` must be from 0 to 1, but got {share!r}."
        raise DatasetError(message)
    return np.array([_position(name, salt) < share for name in digests], dtype=np.bool_)


def _position(name: str, salt: str) -> float:
    """A number in [0, 1) that depends on a digest and a salt alone."""
    word = hashlib.sha256(f"{salt}\x1f{name}".encode()).digest()[:8]
    return int.from_bytes(word) / 2**64
