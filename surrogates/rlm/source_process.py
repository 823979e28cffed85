"""What other metrics, such as accuracies of other search spaces, say of a new one with few rows.

A Gaussian process on counts that are standardised by each space's own texts, on labels that are
normal scores of each metric's own rows: half of what a metric does with its counts it shares with all
others ("Multi-task Gaussian Process Prediction", 2008, with one correlation for every pair of tasks).
Conditioned on the rows of the others it is the prior of the new metric, a mean and what is unsure
about it, beside a kernel of the new rows alone. How much each of both counts is decided by the
likelihood of the new rows.

The kernel is that of :mod:`surrogates.rlm.shared_order`.

On development rows, 16 of a space after 250 of each of five others, 6 draws, Kendall's tau of the
process on counts with others, without and with a share for mult-adds: NAS-Bench-101 .500 and .502,
NAS-Bench-201 .733 and .777, NAS-Bench-Macro .806 and .799, Once-for-All .842 and .852, DARTS .417 and
.415, ENAS .176 and .180. Shares of .03 to .2 are as good; parameters beside mult-adds cost
NAS-Bench-Macro .02, a Matern kernel of mult-adds is .003 worse on average. Others were worth .03 on
NAS-Bench-101 and Macro, and nothing with 78 rows. Lengths of 2 to 8 roots and 1 or 3 spaces a count
were tried too and were no better on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import ndtri
from torch import Tensor

from surrogates.gaussian_process import Kernel, Posterior
from surrogates.inputs.feature_table import UNSEEN, CountScale, FeatureTable
from surrogates.inputs.graph_features import LIVE
from surrogates.rlm.shared_order import NOISE, covariance, variance
from surrogates.transfer import starting_metrics

_N_ROWS = 250
"""Of each metric, at most."""
_MOST_ROWS = 2000
"""Of all metrics together that speak of a new one; they cost their cube."""
_LEAST_ROWS = 4
_LEAST_SPACES = 2
"""A count that differs within fewer spaces, if there are as many, is not what they share."""
_SHARED = 0.5
"""Of the variance of what a metric makes of counts."""
_WEIGHTS = (0.5, 1.0, 1.5)
_OWN_SHARES = (0.3, 0.6, 1.0)
"""Of the variance that the new rows alone would explain."""

_Rows = NDArray[np.float64]


@dataclass(frozen=True)
class SourceRows:
    """Rows of several metrics, of more than one search space.

    Attributes:
        table: What is counted.
        rows: Metric to counts in deviations of its space, shape ``(n, c)``.
        labels: Metric to normal scores, shape ``(n,)``.
    """

    table: FeatureTable
    rows: Mapping[str, _Rows]
    labels: Mapping[str, NDArray[np.float64]]

    @classmethod
    def draw(
        cls,
        texts: Sequence[str],
        targets: NDArray[np.float64],
        metrics: Sequence[str],
        groups: Sequence[int],
        *,
        seed: int,
    ) -> SourceRows | None:
        """Draw rows of every metric; None if spaces have too little in common.

        Args:
            texts: ONNX texts, length n.
            targets: Shape ``(n, m)``, NaN where a row lacks the metric.
            metrics: Their names.
            groups: The space of each.
            seed: Of the draw.

        Raises:
            TextError: If a text cannot be read.
        """
        rng = np.random.default_rng(seed)
        chosen = [rng.permutation(np.flatnonzero(~np.isnan(c)))[:_N_ROWS] for c in targets.T]
        spaces = {
            space: np.unique(
                np.concatenate([chosen[k] for k, g in enumerate(groups) if g == space])
            )
            for space in sorted(set(groups))
        }
        table = FeatureTable.fit(
            [texts[row] for own in spaces.values() for row in own], has_pairs=False
        )
        logarithms = {
            s: table.logarithms([texts[row] for row in own]) for s, own in spaces.items()
        }
        differ = sum((np.ptp(found, axis=0) > 0).astype(int) for found in logarithms.values())
        is_shared = differ >= min(_LEAST_SPACES, len(spaces))
        kept = [
            place
            for place, name in enumerate(table.names)
            if is_shared[place] and not name.startswith(LIVE) and name != UNSEEN
        ]
        if not kept:
            return None
        standardised = {
            space: CountScale.of(own).standardised(own)
            for space, own in ((space, found[:, kept]) for space, found in logarithms.items())
        }
        from scipy.stats import rankdata  # takes a while, and predictions do without

        rows, labels = {}, {}
        for k, (metric, space) in enumerate(zip(metrics, groups, strict=True)):
            if len(chosen[k]) < _LEAST_ROWS:
                continue
            places = np.searchsorted(spaces[space], chosen[k])
            rows[metric] = _rounded(standardised[space][places])
            ranks = rankdata(targets[chosen[k], k])
            labels[metric] = _rounded(ndtri((ranks - 0.5) / len(ranks)))
        return cls(table.restricted(kept), rows, labels) if rows else None

    def speakers(
        self, metrics: Sequence[str], like: Mapping[str, str] | None = None
    ) -> list[tuple[str, ...]]:
        """Return which metrics speak of each, as :func:`surrogates.transfer.starting_metrics` says."""
        known = {
            new: old
            for new, old in (like or {}).items()
            if new not in self.rows and old in self.rows
        }
        return list(starting_metrics(list(self.rows), metrics, known).values())

    def about(self, metrics: Sequence[str], texts: Sequence[str]) -> SourcePosterior:
        """Return what some metrics say of a new one, measured by texts of its space.

        Args:
            metrics: At least one of those here.
            texts: At least one.

        Raises:
            TextError: If a text cannot be read.
        """
        scale = CountScale.of(self.table.logarithms(texts))
        return self.restored(metrics, scale)

    def restored(self, metrics: Sequence[str], scale: CountScale) -> SourcePosterior:
        """Likewise, with what texts of its space were measured by before.

        Raises:
            KeyError: If a metric is not here.
            ValueError: If the scale is of other counts.
        """
        if scale.means.shape != (len(self.table.names),) or scale.stds.shape != scale.means.shape:
            raise ValueError("columns and scales of counts differ in number")
        n_each = max(1, min(_N_ROWS, _MOST_ROWS // len(metrics)))
        rows = [self.rows[metric][:n_each] for metric in metrics]
        labels = [self.labels[metric][:n_each] for metric in metrics]
        tasks = np.repeat(np.arange(len(metrics)), [len(own) for own in rows])
        return SourcePosterior(
            self.table, tuple(metrics), scale, np.concatenate(rows), np.concatenate(labels), tasks
        )

    def to_json(self) -> dict[str, Any]:
        """Return all but the rows, as JSON can hold it."""
        return {"table": self.table.to_state(), "metrics": list(self.rows)}

    def tensors(self) -> dict[str, Tensor]:
        """Return the rows and labels by name."""
        return {
            f"{place}.{name}": torch.from_numpy(value.astype(np.float16))
            for place, metric in enumerate(self.rows)
            for name, value in (("rows", self.rows[metric]), ("labels", self.labels[metric]))
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SourceRows:
        """Restore what :meth:`to_json` and :meth:`tensors` gave.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        table = FeatureTable.from_state(state["table"])
        rows, labels = {}, {}
        for place, metric in enumerate(state["metrics"]):
            own, scores = (
                tensors[f"{place}.{name}"].double().numpy() for name in ("rows", "labels")
            )
            if not len(own) or own.shape != (len(scores), len(table.names)) or scores.ndim != 1:
                raise ValueError(f"{metric!r} has rows {own.shape} and labels {scores.shape}")
            if not (np.isfinite(own).all() and np.isfinite(scores).all()):
                raise ValueError(f"rows and labels of {metric!r} must be finite")
            rows[str(metric)], labels[str(metric)] = own, scores
        if not rows:
            raise ValueError("rows of other metrics are of none")
        return cls(table, rows, labels)


@dataclass(frozen=True)
class SourcePosterior:
    """What a process that has seen rows of some metrics says of what they share.

    Attributes:
        table: What is counted.
        metrics: Their names, k of them.
        scale: What a text of the new space is measured by.
        rows: Shape ``(s, c)``.
        labels: Shape ``(s,)``.
        tasks: Shape ``(s,)``, the number of the metric of each row.
    """

    table: FeatureTable
    metrics: tuple[str, ...]
    scale: CountScale
    rows: _Rows
    labels: NDArray[np.float64]
    tasks: NDArray[np.int64]

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
        return np.asarray(cho_solve((self._lower, True), self.labels))

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
            rows.restored(state["metrics"], scale),
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
        source: Rows of other metrics.
        metrics: Which of them.
        texts: Of the new rows.

    Returns:
        A posterior of rows as :meth:`SourcePosterior.beside` makes them, if its kernel is a
        :class:`TransferKernel`.

    Raises:
        TextError: If a text cannot be read.
    """
    about = source.about(metrics, texts)
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


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as a checkpoint will hold them."""
    return values.astype(np.float16).astype(np.float64)
