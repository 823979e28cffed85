"""What every surrogate is: ONNX texts in, a distribution per metric out. No torch here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import LabelError, SettingsError, UnknownMetricError
from surrogates.transfer import mean_ranks

Labels = Mapping[str, float]
"""Metric name to value for one text; a metric without a measurement is absent, never NaN."""

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Called with (step, total steps, scalars such as the loss) while a surrogate trains."""

MAX_LABEL = 1e300  # of either sign: differences of greater ones are no numbers
KEEP_SECONDS = 30.0
"""Between two states of an unfinished training that are kept, if nothing else is said."""


@dataclass(frozen=True)
class PredictiveDistribution:
    """Discrete distributions of one metric for ``n`` architectures, in the metric's unit.

    Attributes:
        values: Shape ``(n, k)``, each row ascending.
        probabilities: Shape ``(n, k)``, at least 0; each row sums to 1.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shapes, so that a wrong decoder fails here and not in a plot."""
        if self.values.ndim != 2 or self.values.shape != self.probabilities.shape:
            raise ValueError(
                "`values` and `probabilities` must have one shape (n, k), but got "
                f"{self.values.shape} and {self.probabilities.shape}."
            )

    @classmethod
    def point(cls, values: NDArray[np.float64]) -> Self:
        """Return a distribution with all mass on one value each, for predictors without spread.

        Args:
            values: Shape ``(n,)``.
        """
        column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
        return cls(column, np.ones_like(column))

    @classmethod
    def mixture(cls, parts: Sequence[PredictiveDistribution]) -> Self:
        """Return the uniform mixture of at least one."""
        values = np.concatenate([part.values for part in parts], axis=1)
        shares = np.concatenate([part.probabilities for part in parts], axis=1) / len(parts)
        order = np.argsort(values, axis=1, kind="stable")
        return cls(
            np.take_along_axis(values, order, axis=1),
            np.take_along_axis(shares, order, axis=1),
        )

    def __len__(self) -> int:
        """Return n, the number of architectures."""
        return len(self.values)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected value, shape ``(n,)``: what orders architectures.

        The median of numerals takes few values, and Kendall's tau-b pays for ties: for equal order
        it is higher by .01 then.
        """
        return np.asarray((self.values * self.probabilities).sum(axis=1))

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation, shape ``(n,)``."""
        deviation = self.values - self.mean[:, None]
        return np.asarray(np.sqrt((deviation**2 * self.probabilities).sum(axis=1)))

    @property
    def median(self) -> NDArray[np.float64]:
        """The 0.5 quantile, shape ``(n,)``."""
        return self.quantile(0.5)

    def quantile(self, q: float) -> NDArray[np.float64]:
        """Return the smallest value whose cumulative probability reaches ``q``.

        Args:
            q: In [0, 1].

        Returns:
            Shape ``(n,)``.

        Raises:
            ValueError: If ``q`` lies outside [0, 1].
        """
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"`q` must lie in [0, 1], but got {q!r}.")
        cumulative = np.cumsum(self.probabilities, axis=1)
        reached = cumulative >= min(q, 1.0) * cumulative[:, -1:] - 1e-12
        return np.take_along_axis(self.values, reached.argmax(axis=1)[:, None], axis=1)[:, 0]

    def interval(self, level: float) -> NDArray[np.float64]:
        """Return the central interval that holds ``level`` of the mass, shape ``(n, 2)``.

        Raises:
            ValueError: If ``level`` lies outside [0, 1].
        """
        if not 0.0 <= level <= 1.0:
            raise ValueError(f"`level` must lie in [0, 1], but got {level!r}.")
        tail = (1.0 - level) / 2.0
        return np.stack([self.quantile(tail), self.quantile(1.0 - tail)], axis=1)

    def sample(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Draw ``size`` values for every architecture, shape ``(size, n)``."""
        cumulative = np.cumsum(self.probabilities, axis=1)
        draws = rng.random((size, len(self), 1)) * cumulative[:, -1:]
        index = (draws > cumulative).sum(axis=2)
        return np.asarray(self.values[np.arange(len(self)), index])

    def probability_less(self, other: PredictiveDistribution) -> NDArray[np.float64]:
        """Return P(self < other), row by row, independent draws; ties count one half.

        Args:
            other: The same number of architectures; the supports may differ.

        Returns:
            Shape ``(n,)``, in [0, 1].
        """
        if len(other) != len(self):
            raise ValueError(
                f"Both must hold the same rows, but got {len(self)} and {len(other)}."
            )
        below = np.empty(len(self))
        for row in range(len(self)):
            cumulative = np.concatenate([[0.0], np.cumsum(other.probabilities[row])])
            strictly = cumulative[np.searchsorted(other.values[row], self.values[row], "left")]
            at_most = cumulative[np.searchsorted(other.values[row], self.values[row], "right")]
            greater = cumulative[-1] - 0.5 * (strictly + at_most)
            below[row] = (self.probabilities[row] * greater).sum()
        return below

    def take(self, rows: NDArray[np.intp] | Sequence[int]) -> PredictiveDistribution:
        """Return the distributions of the given rows, in that order."""
        index = np.asarray(rows, dtype=np.intp)
        return PredictiveDistribution(self.values[index], self.probabilities[index])


class Prediction(Mapping[str, PredictiveDistribution]):
    """Metric name to :class:`PredictiveDistribution`, all over the same architectures."""

    def __init__(self, distributions: Mapping[str, PredictiveDistribution]) -> None:
        """Keep the distributions in the order in which the metrics were decoded.

        Args:
            distributions: All of the same length.
        """
        lengths = {name: len(distribution) for name, distribution in distributions.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All metrics must hold the same rows, but got {lengths}.")
        self._distributions = dict(distributions)

    def __getitem__(self, metric: str) -> PredictiveDistribution:
        """Return the distribution of a metric.

        Raises:
            UnknownMetricError: If the metric was not predicted.
        """
        try:
            return self._distributions[metric]
        except KeyError:
            raise UnknownMetricError(
                f"Metric {metric!r} was not predicted. Predicted: {sorted(self._distributions)}."
            ) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the metric names."""
        return iter(self._distributions)

    def __len__(self) -> int:
        """Return the number of metrics."""
        return len(self._distributions)


def check_rows(texts: Sequence[str], labels: Sequence[Labels]) -> list[str]:
    """Check training rows and return the metric names in order of first appearance.

    Raises:
        LabelError: If there are no rows, lengths differ, or a value is missing, not finite or too large.
    """
    if len(texts) != len(labels):
        raise LabelError(
            f"Every text must have one label mapping, but got {len(texts)} texts and "
            f"{len(labels)} mappings."
        )
    if not texts:
        raise LabelError("Training needs at least one row, but got 0 texts.")
    metrics: dict[str, None] = {}
    for row, mapping in enumerate(labels):
        if not mapping:
            raise LabelError(f"Every row must have at least one metric, but row {row} has none.")
        for metric, value in mapping.items():
            if not abs(value) <= MAX_LABEL:
                rule = f"at most {MAX_LABEL:g}" if math.isfinite(value) else "finite"
                raise LabelError(
                    f"Labels must be {rule}, but {metric!r} of row {row} is {value!r}. "
                    "Leave a missing metric out of the mapping."
                )
            metrics[metric] = None
    return list(metrics)


class Surrogate(ABC):
    """A predictor from ONNX text to metrics.

    A surrogate reads only texts: it knows no search space, and labels are never part of a text.
    """

    name: ClassVar[str]
    can_finetune: ClassVar[bool] = False
    """Whether :meth:`finetune` is implemented."""

    @abstractmethod
    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Train from scratch on the rows, forgetting earlier ones.

        Args:
            texts: ONNX texts, length n.
            labels: Per text, metric name to value; a missing metric is absent.
            seed: Same seed and same rows give the same surrogate on the same machine.
            progress: Called as training goes on.

        Returns:
            The surrogate itself.

        Raises:
            LabelError: If the rows are unusable.
            TextError: If a text cannot be read.
        """

    @abstractmethod
    def predict(self, texts: Sequence[str], metrics: Sequence[str] | None = None) -> Prediction:
        """Predict metrics for texts; an empty list gives empty distributions.

        Args:
            texts: ONNX texts, length n.
            metrics: Which metrics, all trained ones when None.

        Raises:
            NotFittedError: Before :meth:`fit` or :meth:`load`.
            UnknownMetricError: If a metric was never trained.
            TextError: If a text cannot be read.
        """

    @property
    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """Metric names that can be predicted, in decoding order; empty before fitting."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the surrogate to a folder (safetensors and JSON only), atomically.

        Raises:
            NotFittedError: Before :meth:`fit`.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read a surrogate that :meth:`save` wrote.

        Raises:
            CheckpointError: If the folder does not hold a readable checkpoint of this kind.
        """

    def finetune(
        self,
        texts: Sequence[str],  # noqa: ARG002 - a class that can be fine-tuned reads them
        labels: Sequence[Labels],  # noqa: ARG002
        *,
        like: Mapping[str, str] | None = None,  # noqa: ARG002
        heads_only: bool = False,  # noqa: ARG002
        seed: int = 0,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Self:
        """Return a new surrogate that starts from this fitted one and is trained on rows.

        This one stays as it is. The new one knows the metrics of the rows and no others. A metric
        that is known already goes on from where it is; a new one starts from known ones, see
        :func:`surrogates.transfer.starting_metrics`.

        Args:
            texts: ONNX texts, length n.
            labels: Per text, metric name to value; a missing metric is absent.
            like: New metric to the known one that it starts from.
            heads_only: Train nothing but what there is of each metric, such as a metric token or
                a row of a linear head. From ten or twenty rows of a new metric
                :class:`surrogates.extended.ExtendedSurrogate` learns more.
            seed: Same seed and same rows give the same surrogate on the same machine.
            progress: Called as training goes on.

        Raises:
            SettingsError: If this kind of surrogate cannot be fine-tuned, or `like` speaks of a
                metric that is not new.
            NotFittedError: Before :meth:`fit` or :meth:`load`.
            LabelError: If the rows are unusable.
            TextError: If a text cannot be read.
            UnknownMetricError: If `like` names a metric that this surrogate does not know.
        """
        raise SettingsError(
            f"A {self.name!r} surrogate cannot be fine-tuned; fit it on all rows instead."
        )

    def order_unseen(
        self, texts: Sequence[str], metrics: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Order texts of a space of which nothing was learned, as far as other metrics tell.

        Args:
            texts: ONNX texts of one space, length n.
            metrics: Known metrics to go by; all of them when None.

        Returns:
            Shape ``(n,)``; where it is more, the metrics say more, and nothing else is meant. Here
            it is the mean rank among the texts by each metric.

        Raises:
            NotFittedError: Before :meth:`fit` or :meth:`load`.
            TextError: If a text cannot be read.
            UnknownMetricError: If one was never trained.
        """
        return mean_ranks([each.mean for each in self.predict(texts, metrics).values()])

    def select_metrics(self, metrics: Sequence[str] | None) -> list[str]:
        """Return the requested metrics, all of them when None.

        Raises:
            UnknownMetricError: If one was never trained.
        """
        if metrics is None:
            return list(self.metrics)
        for metric in metrics:
            if metric not in self.metrics:
                raise UnknownMetricError(
                    f"Metric {metric!r} was never trained. Trained: {sorted(self.metrics)}."
                )
        if len(set(metrics)) != len(metrics):
            raise SettingsError(f"Metrics must be distinct, but got {list(metrics)}.")
        return list(metrics)


class ResumableSurrogate(Surrogate):
    """A surrogate whose training goes on after its process was killed."""

    @abstractmethod
    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Labels],
        *,
        seed: int = 0,
        progress: Progress | None = None,
        keep: Path | None = None,
        keep_seconds: float = KEEP_SECONDS,
    ) -> Self:
        """Train from scratch on the rows; see :meth:`Surrogate.fit`.

        Args:
            texts: ONNX texts, length n.
            labels: Per text, metric name to value; a missing metric is absent.
            seed: Same seed and same rows give the same surrogate on the same machine.
            progress: Called as training goes on.
            keep: Folder for the state of the training, and for nothing else. If it holds one, the
                training goes on from there and ends with the weights of an unbroken one; called
                with other arguments, it is refused. A finished training stays in it: delete the
                folder once the surrogate is saved.
            keep_seconds: Between two states, at least; so much is lost by a kill.

        Raises:
            CheckpointError: If the state is damaged or of another training, or cannot be written.
            LabelError: If the rows are unusable.
            TextError: If a text cannot be read.
        """
