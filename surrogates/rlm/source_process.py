"""What other metrics, such as accuracies of other search spaces, say of a new one with few rows or none.

Half of what a metric does with its counts it shares with all others ("Multi-task Gaussian Process
Prediction", 2008, with one correlation for every pair of tasks). Conditioned on what the others make
of their texts, see :mod:`surrogates.rlm.source_rows`, that half is the prior of the new metric, a mean
and what is unsure about it, beside a kernel of the new rows alone. How much each of both counts is
decided by the likelihood of the new rows. Without a row the mean alone orders texts: networks are no
help, trained on other spaces they order one by what only those have.

On development rows after 250 rows of each of five other spaces, Kendall's tau without any row of their
own, with 16 of their own alone and with what the others say (6 draws): NAS-Bench-101 .369, .527 and
.570, NAS-Bench-201 .709, .616 and .643, NAS-Bench-Macro .537, .791 and .803, Once-for-All .788, .847 and
.855, DARTS .368, .403 and .410, ENAS -.027, .107 and .084; on average .458, .548 and .561. Rows and labels
instead of 60 values give .453 and .564, no share for mult-adds .436 and .558, three times as much .457
and .559; mult-adds alone order by .444. With 78 rows nothing is gained. Lengths of 2 to 8 roots and 1
or 3 spaces a count were tried too and were no better on average.
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
from surrogates.inputs.feature_table import CountScale, FeatureTable
from surrogates.rlm.source_rows import NOISE, SourceRows, covariance, variance

_MOST_ROWS = 2000
"""Of all metrics together that speak of a new one; they cost their cube."""
_SHARED = 0.5
"""Of the variance of what a metric makes of counts."""
_WEIGHTS = (0.5, 1.0, 1.5)
_OWN_SHARES = (0.3, 0.6, 1.0)
"""Of the variance that the new rows alone would explain."""

_Rows = NDArray[np.float64]


@dataclass(frozen=True)
class SourcePosterior:
    """What a process that knows what some metrics make of texts says of what they share.

    Attributes:
        table: What is counted.
        metrics: Their names, k of them.
        scale: What a text of the new space is measured by.
        rows: Shape ``(s, c)``.
        values: Shape ``(s,)``.
        tasks: Shape ``(s,)``, the number of the metric of each row.
    """

    table: FeatureTable
    metrics: tuple[str, ...]
    scale: CountScale
    rows: _Rows
    values: NDArray[np.float64]
    tasks: NDArray[np.int64]

    @classmethod
    def about(
        cls, source: SourceRows, metrics: Sequence[str], texts: Sequence[str]
    ) -> SourcePosterior:
        """Return what some metrics say of a new one, measured by texts of its space.

        Args:
            source: What they make of texts.
            metrics: At least one of those in `source`.
            texts: At least one.

        Raises:
            TextError: If a text cannot be read.
        """
        return cls.restored(source, metrics, CountScale.of(source.table.logarithms(texts)))

    @classmethod
    def restored(
        cls, source: SourceRows, metrics: Sequence[str], scale: CountScale
    ) -> SourcePosterior:
        """Likewise, with what texts of its space were measured by before.

        Raises:
            KeyError: If a metric is not in `source`.
            ValueError: If the scale is of other counts.
        """
        table = source.table
        if scale.means.shape != (len(table.names),) or scale.stds.shape != scale.means.shape:
            raise ValueError("columns and scales of counts differ in number")
        n_each = max(1, _MOST_ROWS // len(metrics))
        rows = [source.rows[metric][:n_each] for metric in metrics]
        values = [source.values[metric][:n_each] for metric in metrics]
        tasks = np.repeat(np.arange(len(metrics)), [len(own) for own in rows])
        return cls(
            table, tuple(metrics), scale, np.concatenate(rows), np.concatenate(values), tasks
        )

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
        return self.scale.standardised(self.table.logarithms(texts))

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
        alone = _SHARED * variance(self.table.names, counts)
        return np.asarray(alone - (self._known(counts) ** 2).sum(axis=0))

    def _known(self, counts: _Rows) -> _Rows:
        """What the rows tell about texts, shape ``(s, n)``."""
        shared = _SHARED * self._covariance(self.rows, counts)
        return np.asarray(solve_triangular(self._lower, shared, lower=True))

    def _covariance(self, a: _Rows, b: _Rows) -> _Rows:
        """Covariance of two rows of one metric without noise, shape ``(n, m)``."""
        return covariance(self.table.names, a, b)


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
            SourcePosterior.restored(rows, state["metrics"], scale),
            float(state["weight"]),
            float(state["centre"]),
        )

    def _parts(self, rows: _Rows) -> tuple[_Rows, _Rows]:
        """The columns of the kernel of the new rows, and the counts of the source."""
        middle = rows.shape[1] - len(self.source.table.names)
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
    about = SourcePosterior.about(source, metrics, texts)
    rows = about.beside(alone.rows, texts)
    centre = float(about.mean(rows[:, alone.rows.shape[1] :]).mean())
    own = alone.kernel
    if not isinstance(own, Kernel):
        raise TypeError(f"rows alone have a kernel of their own, but got {type(own).__name__}")
    found = [
        Posterior.of(TransferKernel(own.times(share), about, weight, centre), rows, alone.labels)
        for weight in _WEIGHTS
        for share in _OWN_SHARES
    ]
    return max([alone, *found], key=lambda posterior: posterior.log_likelihood)
