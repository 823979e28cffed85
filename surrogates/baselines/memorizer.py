"""The memorizer: the exact label of a text seen in training, the median of all others.

It is a leak detector. It learns nothing that carries over, so on rows that were not trained on it
must rank no better than chance; if it does, the same architecture is on both sides of the split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from surrogates.base import (
    Labels,
    Prediction,
    PredictiveDistribution,
    Progress,
    Surrogate,
    check_rows,
)
from surrogates.checkpoint import read_manifest, write_checkpoint
from surrogates.errors import CheckpointError, NotFittedError


class Memorizer(Surrogate):
    """Remembers labels by the digest of the text; where a text came twice, their mean.

    Example:
        >>> memorizer = Memorizer().fit(["a", "b"], [{"params": 1.0}, {"params": 3.0}])
        >>> memorizer.predict(["b", "unseen"])["params"].mean.tolist()
        [3.0, 2.0]
    """

    name: ClassVar[str] = "memorizer"

    def __init__(self) -> None:
        """Create an unfitted predictor; it has no settings."""
        self._seen: dict[str, dict[str, float]] = {}
        self._medians: dict[str, float] = {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metric names of the training rows, in order of first appearance."""
        return tuple(self._medians)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,  # noqa: ARG002 - nothing is random here
        progress: Progress | None = None,
    ) -> Self:
        """Remember every label; see :meth:`surrogates.Surrogate.fit`."""
        metrics = check_rows(texts, labels)
        collected: dict[str, dict[str, list[float]]] = {metric: {} for metric in metrics}
        for text, row in zip(texts, labels, strict=True):
            key = digest(text)
            for metric, value in row.items():
                collected[metric].setdefault(key, []).append(float(value))
        self._seen = {
            metric: {key: float(np.mean(values)) for key, values in by_digest.items()}
            for metric, by_digest in collected.items()
        }
        self._medians = {
            metric: float(np.median([v for values in by_digest.values() for v in values]))
            for metric, by_digest in collected.items()
        }
        if progress is not None:
            progress(1, 1, {})
        return self

    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Look the labels up; see :meth:`surrogates.Surrogate.predict`."""
        if not self._medians:
            raise NotFittedError("A memorizer must be fitted before it predicts.")
        keys = [digest(text) for text in texts]
        distributions = {}
        for metric in self.select_metrics(metrics):
            seen, median = self._seen[metric], self._medians[metric]
            values = np.array([seen.get(key, median) for key in keys], dtype=np.float64)
            distributions[metric] = PredictiveDistribution.point(values)
        return Prediction(distributions)

    def save(self, folder: Path) -> None:
        """Write digests and labels to a folder; see :meth:`surrogates.Surrogate.save`."""
        if not self._medians:
            raise NotFittedError("A memorizer must be fitted before it is saved.")
        write_checkpoint(folder, self.name, {"seen": self._seen, "medians": self._medians})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`surrogates.Surrogate.load`."""
        state = read_manifest(folder, cls.name)["state"]
        loaded = cls()
        try:
            loaded._medians = {metric: float(value) for metric, value in state["medians"].items()}
            loaded._seen = {
                metric: {key: float(value) for key, value in state["seen"][metric].items()}
                for metric in loaded._medians
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"{folder} must hold the labels of a memorizer, but it is damaged: {error!r}."
            ) from error
        return loaded


def digest(text: str) -> str:
    """Return the SHA-256 of a text, its first 16 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
