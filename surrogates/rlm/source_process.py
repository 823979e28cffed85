"""What other metrics, such as accuracies of other search spaces, say of a new one with few rows or none.

Half of what a metric does with its counts it shares with all others ("Multi-task Gaussian Process
Prediction", 2008, with one correlation for every pair of tasks). Conditioned on what the others make
of their texts, see :mod:`surrogates.rlm.source_rows`, that half is the prior of the new metric, a mean
and what is unsure about it, beside a kernel of the new rows alone. How much each of both counts is
decided by the likelihood of the new rows. Without a row the mean alone orders texts: networks are no
help, trained on other spaces they order one by what only those have.

Spaces agree on no one number that orders networks, so the shared half is told in two ways, one led by
mult-adds and one by what flows through the network, see :data:`surrogates.rlm.source_rows.LEADING`.
New rows choose; without a row each has half of the say.

On development rows after 250 rows of each of five other spaces, Kendall's tau without any row of their
own, with 16 rows of their own alone and with what the others say (6 draws): NAS-Bench-101 .332, .521
and .499, NAS-Bench-201 .733, .642 and .709, NAS-Bench-Macro .582, .805 and .806, Once-for-All .825, .826
and .844, DARTS .333, .438 and .407, ENAS .186, .205 and .345; on average .498, .573 and .602. Led by
mult-adds alone the average is .458 and .586, by the flow alone .505 and .595; with shares of .1, .2 and
.5 instead of .3 it is .492 and .598, .496 and .599, .500 and .607. Older trials, with other rows and
mult-adds alone: 250 rows with labels instead of 60 values are no better, nor lengths of 2 to 8 roots,
nor 1 or 3 spaces a count; with 78 rows nothing is gained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from surrogates.gaussian_process import Kernel, Posterior
from surrogates.inputs.feature_table import CountScale
from surrogates.rlm.source_rows import LEADING, NOISE, SourceRows, covariance, variance

_MOST_ROWS = 2000
"""Of all metrics together that speak of a new one; they cost their cube."""
_SHARED = 0.5
"""Of the variance of what a metric makes of counts."""
_WEIGHTS = (0.5, 1.0, 1.5)
_OWN_SHARES = (0.3, 0.6, 1.0)
"""Of the variance that the new rows alone would explain."""
_LEAST_SPREAD = 1e-6
"""Of what is said of texts; with less all of them are alike."""

_Rows = NDArray[np.float64]


@dataclass(frozen=True)
class SourcePosterior:
    """What a process that knows what some metrics make of texts says of what they share.

    Attributes:
        source: What is known of the metrics.
        metrics: Their names.
        leading: Which of :data:`surrogates.rlm.source_rows.LEADING` leads.
        scale: What a text of the new space is measured by.
        rows: Shape ``(s, c)``.
        values: Shape ``(s,)``.
        tasks: Shape ``(s,)``, the number of the metric of each row.
    """

    source: SourceRows
    metrics: tuple[str, ...]
    leading: str
    scale: CountScale
    rows: _Rows
    values: NDArray[np.float64]
    tasks: NDArray[np.int64]

    @classmethod
    def about(
        cls, source: SourceRows, metrics: Sequence[str], texts: Sequence[str]
    ) -> list[SourcePosterior]:
        """Return what some metrics say of a new one, measured by texts of its space, in every way.

        All of them read the same :meth:`counts`.

        Args:
            source: What they make of texts.
            metrics: At least one of those in `source`.
            texts: At least one.

        Raises:
            TextError: If a text cannot be read.
        """
        scale = CountScale.of(source.logarithms(texts))
        return [cls.restored(source, metrics, leading, scale) for leading in LEADING]

    @classmethod
    def restored(
        cls, source: SourceRows, metrics: Sequence[str], leading: str, scale: CountScale
    ) -> SourcePosterior:
        """Likewise in one way, with what texts of its space were measured by before.

        Raises:
            KeyError: If a metric is not in `source`.
            ValueError: If the scale is of other counts, or something else is to lead.
        """
        if leading not in LEADING:
            raise ValueError(f"one of {LEADING} leads, but got {leading!r}")
        n_columns = len(source.names)
        if scale.means.shape != (n_columns,) or scale.stds.shape != scale.means.shape:
            raise ValueError("columns and scales of counts differ in number")
        n_each = max(1, _MOST_ROWS // len(metrics))
        rows = [source.rows[metric][:n_each] for metric in metrics]
        values = [source.values[metric][:n_each] for metric in metrics]
        tasks = np.repeat(np.arange(len(metrics)), [len(own) for own in rows])
        known = np.concatenate(rows), np.concatenate(values)
        return cls(source, tuple(metrics), leading, scale, *known, tasks)

    @cached_property
    def _lower(self) -> _Rows:
        """Cholesky factor of the covariance of all rows, noise included."""
        found = self._covariance(self.rows, self.rows)
        found[self.tasks[:, None] != self.tasks] *= _SHARED
        found[np.diag_indices_from(found)] += NOISE
        return np.asarray(cholesky(found, lower=True))

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """Of every row in the mean."""
        return np.asarray(cho_solve((self._lower, True), self.values))

    def counts(self, texts: Sequence[str]) -> _Rows:
        """Return what is counted in texts of the new space, shape ``(n, c)``.

        Raises:
            TextError: If a text cannot be read.
        """
        return self.scale.standardised(self.source.logarithms(texts))

    def beside(self, rows: _Rows, texts: Sequence[str]) -> _Rows:
        """Return rows of texts with :meth:`counts` behind, shape ``(n, 2 k + c)``."""
        return np.concatenate([rows, self.counts(texts)], axis=1)

    def mean(self, counts: _Rows) -> NDArray[np.float64]:
        """Return what is expected, shape ``(n,)``, for rows of :meth:`counts`."""
        return np.asarray(_SHARED * self._covariance(counts, self.rows) @ self._weights)

    def between(self, a: _Rows, b: _Rows) -> _Rows:
        """Return the covariance that is left, shape ``(n, m)``."""
        return np.asarray(_SHARED * self._covariance(a, b) - self._known(a).T @ self._known(b))

    def at(self, counts: _Rows) -> NDArray[np.float64]:
        """Return the variance that is left, shape ``(n,)``."""
        alone = _SHARED * variance(self.source.names, counts, [self.leading])
        return np.asarray(alone - (self._known(counts) ** 2).sum(axis=0))

    def _known(self, counts: _Rows) -> _Rows:
        """What the rows tell about texts, shape ``(s, n)``."""
        shared = _SHARED * self._covariance(self.rows, counts)
        return np.asarray(solve_triangular(self._lower, shared, lower=True))

    def _covariance(self, a: _Rows, b: _Rows) -> _Rows:
        """Covariance of two rows of one metric without noise, shape ``(n, m)``."""
        return covariance(self.source.names, a, b, [self.leading])


@dataclass(frozen=True)
class TransferKernel:
    """What others say, as mean and covariance, beside a kernel of the new rows.

    Its rows are those of :class:`surrogates.gaussian_process.CountColumns` and then those of
    :meth:`SourcePosterior.counts`.

    Attributes:
        own: Of the first part.
        source: Of the second.
        weight: Of the second.
        centre: What `source` expects of the new rows, on average.
    """

    own: Kernel
    source: SourcePosterior
    weight: float
    centre: float

    @property
    def noise(self) -> float:
        """Variance of the noise."""
        return self.own.noise

    def mean(self, rows: _Rows) -> NDArray[np.float64]:
        """Return what is expected before a row is seen, shape ``(n,)``."""
        return np.asarray(self.weight * (self.source.mean(self._parts(rows)[1]) - self.centre))

    def between(self, a: _Rows, b: _Rows) -> _Rows:
        """Return the covariance without noise, shape ``(n, m)``."""
        (first, counts), (second, others) = self._parts(a), self._parts(b)
        return self.own.between(first, second) + self.weight**2 * self.source.between(
            counts, others
        )

    def at(self, rows: _Rows) -> NDArray[np.float64]:
        """Return the variance of each row without noise, shape ``(n,)``."""
        first, counts = self._parts(rows)
        return self.own.at(first) + self.weight**2 * self.source.at(counts)

    def to_state(self) -> dict[str, Any]:
        """Return what :meth:`from_state` needs, as JSON can hold it."""
        return {
            "own": self.own.to_state(),
            "metrics": list(self.source.metrics),
            "leading": self.source.leading,
            "scale": [part.tolist() for part in self.source.scale],
            "weight": self.weight,
            "centre": self.centre,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], rows: SourceRows) -> TransferKernel:
        """Restore the kernel of a checkpoint.

        Raises:
            AttributeError: If a part has another type.
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        scale = CountScale(*(np.array(part, dtype=np.float64) for part in state["scale"]))
        return cls(
            Kernel.from_state(state["own"]),
            SourcePosterior.restored(rows, state["metrics"], state["leading"], scale),
            float(state["weight"]),
            float(state["centre"]),
        )

    def _parts(self, rows: _Rows) -> tuple[_Rows, _Rows]:
        """The columns of the kernel of the new rows, and the counts of the source."""
        middle = rows.shape[1] - self.source.rows.shape[1]
        return rows[:, :middle], rows[:, middle:]


def with_source(
    alone: Posterior, source: SourceRows, metrics: Sequence[str], texts: Sequence[str]
) -> Posterior:
    """Choose how much is said by other metrics and by the new rows, and condition on the latter.

    Args:
        alone: Of the new rows, of standardised labels; comes back if others say nothing.
        source: What other metrics make of texts.
        metrics: Which of them speak.
        texts: Of the new rows.

    Returns:
        A posterior of rows as :meth:`SourcePosterior.beside` makes them, if its kernel is a
        :class:`TransferKernel`.

    Raises:
        TextError: If a text cannot be read.
    """
    own = alone.kernel
    if not isinstance(own, Kernel):
        raise TypeError(f"rows alone have a kernel of their own, but got {type(own).__name__}")
    found = [alone]
    ways = SourcePosterior.about(source, metrics, texts)
    rows = ways[0].beside(alone.rows, texts)
    for about in ways:
        centre = float(about.mean(rows[:, alone.rows.shape[1] :]).mean())
        found += [
            Posterior.of(
                TransferKernel(own.times(share), about, weight, centre), rows, alone.labels
            )
            for weight in _WEIGHTS
            for share in _OWN_SHARES
        ]
    return max(found, key=lambda posterior: posterior.log_likelihood)


def order_without_rows(
    source: SourceRows, metrics: Sequence[str], texts: Sequence[str]
) -> NDArray[np.float64]:
    """Return numbers that order texts of a new space by what other metrics say, shape ``(n,)``.

    Args:
        source: What the metrics make of texts.
        metrics: Which of them speak.
        texts: Of the new space, at least one.

    Raises:
        TextError: If a text cannot be read.
    """
    ways = SourcePosterior.about(source, metrics, texts)
    counts = ways[0].counts(texts)
    total = np.zeros(len(texts))
    for about in ways:
        said = about.mean(counts)
        total += (said - said.mean()) / max(float(said.std()), _LEAST_SPREAD)
    return total
