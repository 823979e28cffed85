"""Rows of ONNX texts and labels, and splits in which no network stands on both sides.

Two rows are the same network if their texts have the same digest. A split that puts one of them
into training and the other into test measures memory, not prediction, so every split here works
on digests: rows of the test part whose network was trained on are left out and counted.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import DatasetError
from nas_rlm.seeding import generator


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

    @classmethod
    def from_columns(cls, texts: Sequence[str], columns: Mapping[str, ArrayLike]) -> Self:
        """Build a data set from one column per metric.

        Args:
            texts: n texts.
            columns: Metric name to shape ``(n,)``; NaN means that the label is not known.

        Returns:
            The data set.

        Raises:
            DatasetError: If a column has another length or holds an infinite value.
        """
        arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
        for name, array in arrays.items():
            if array.shape != (len(texts),):
                message = (
                    f"Column {name!r} must have shape ({len(texts)},), one value per text, "
                    f"but got {array.shape}."
                )
                raise DatasetError(message)
        labels = tuple(
            {name: float(array[row]) for name, array in arrays.items() if not np.isnan(array[row])}
            for row in range(len(texts))
        )
        return cls(tuple(texts), labels)

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

    def with_metric(self, metric: str) -> Self:
        """Return the rows that have a label of this metric."""
        return self.take(row for row, labels in enumerate(self.labels) if metric in labels)


@dataclass(frozen=True)
class Split:
    """Row numbers of three parts that share no network."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    n_dropped: int
    """Rows in no part although wanted: their network is in an earlier part."""


def random_split(
    digests: Sequence[str],
    *,
    n_train: int,
    seed: int,
    n_validation: int = 0,
    n_test: int | None = None,
) -> Split:
    """Draw training rows at random and test on networks that are in none of them.

    The training rows are ``n_train`` uniformly drawn rows, the validation rows the next ones
    whose network is not in training, the test rows the next ones whose network is in neither.
    With one seed, a larger ``n_train`` without validation rows contains the smaller one's.

    Args:
        digests: One per row; equal digests are the same network.
        n_train: Training rows, at least 1.
        seed: Seed of the draw.
        n_validation: Validation rows.
        n_test: Test rows; None for all that are left.

    Returns:
        The split; its parts are in the order drawn.

    Raises:
        DatasetError: If there are too few rows or networks.
    """
    if n_train < 1 or n_validation < 0 or (n_test is not None and n_test < 1):
        message = (
            "A split needs `n_train` of at least 1, `n_validation` of at least 0 and `n_test` "
            f"of at least 1, but got {n_train}, {n_validation} and {n_test}."
        )
        raise DatasetError(message)
    order = generator(seed, "split").permutation(len(digests))
    codes = np.unique(np.asarray(digests, dtype=object).astype(str), return_inverse=True)[1]
    train = order[:n_train]
    fresh = order[n_train:][~np.isin(codes[order[n_train:]], codes[train])]
    validation = fresh[:n_validation]
    rest = fresh[n_validation:]
    unseen = rest[~np.isin(codes[rest], codes[validation])]
    test = unseen if n_test is None else unseen[:n_test]
    wanted = n_train + n_validation + (1 if n_test is None else n_test)
    if len(train) + len(validation) + len(test) < wanted:
        message = (
            f"The split needs {n_train} + {n_validation} + {n_test or 'some'} rows of different "
            f"networks, but {len(digests)} rows hold only {len(set(digests))} networks. Ask for fewer."
        )
        raise DatasetError(message)
    n_dropped = len(order) - n_train - n_validation - len(unseen)
    return Split(
        train.astype(np.int64), validation.astype(np.int64), test.astype(np.int64), n_dropped
    )


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
