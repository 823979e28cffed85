"""What is known of search spaces that were learned: a few texts of each, and what is made of them.

Counts are standardised by each space's own texts, so a row says how a network stands out among those
that it competes with: more mult-adds than most, a longer path. What a metric makes of that is the
mean of a Gaussian process on the normal scores of up to 250 of its rows. Of this function the values
at 60 rows are kept, which say what the 250 did ("Variational Learning of Inducing Variables in Sparse
Gaussian Processes", 2009, for the idea), so that a checkpoint holds no labels. The kernel is a Matern
5/2 of all counts and, for a share, linear in what :data:`LEADING` names: one number that orders
networks in most spaces is hardly seen among a hundred others.

:mod:`surrogates.rlm.source_process` says what that is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.special import ndtri
from torch import Tensor

from surrogates.gaussian_process import distances_between, matern
from surrogates.inputs.feature_table import UNSEEN, CountScale, FeatureTable
from surrogates.inputs.graph_features import LIVE
from surrogates.inputs.signal_flow import log_flow
from surrogates.transfer import starting_metrics

NOISE = 0.05
"""Variance of what a value is beside its function."""

_N_ROWS = 250
"""Of each metric, at most."""
_N_VALUES = 60
"""Of each metric, at most."""
_LABEL_NOISE = 0.5
_LEAST_ROWS = 4
_LEAST_SPACES = 2
"""A count that differs within fewer spaces, if there are as many, is not what they share."""
_LENGTH = 5.0
"""Of the kernel, times the root of the number of counts."""
_FLOW = "log_flow"
LEADING = ("macs", _FLOW)
"""Mult-adds and what :mod:`surrogates.inputs.signal_flow` reads: each orders networks in most spaces."""
_LED = 0.3
"""Share of the kernel that is linear in one of them."""

_Rows = NDArray[np.float64]


def covariance(
    names: Sequence[str], a: _Rows, b: _Rows, leading: Sequence[str] = LEADING
) -> _Rows:
    """Return the covariance of what one metric makes of texts, shape ``(n, m)``.

    Args:
        names: Of the columns, length c.
        a: Deviations of what they hold, each by its space, shape ``(n, c)``.
        b: Likewise, shape ``(m, c)``.
        leading: Columns with a share of their own.
    """
    counts = [place for place, name in enumerate(names) if name != _FLOW]
    length = _LENGTH * float(np.sqrt(len(counts)))
    alike = matern(distances_between(a[:, counts], b[:, counts]), length)
    led = _columns(names, a, leading) @ _columns(names, b, leading).T
    return np.asarray((1.0 - _LED * len(leading)) * alike + _LED * led)


def variance(
    names: Sequence[str], rows: _Rows, leading: Sequence[str] = LEADING
) -> NDArray[np.float64]:
    """Return the diagonal of :func:`covariance` of rows with themselves, shape ``(n,)``."""
    led = (_columns(names, rows, leading) ** 2).sum(axis=1)
    return np.asarray(1.0 - _LED * len(leading) + _LED * led)


def _columns(names: Sequence[str], rows: _Rows, wanted: Sequence[str]) -> _Rows:
    """Some columns, without those that are not counted, shape ``(n, k)``."""
    return rows[:, [place for place, name in enumerate(names) if name in wanted]]


@dataclass(frozen=True)
class SourceRows:
    """Rows of several metrics, of more than one search space.

    Attributes:
        table: What is counted.
        rows: Metric to what :meth:`logarithms` are in deviations of its space, shape ``(n, c)``.
        values: Metric to what it makes of these, in normal scores, shape ``(n,)``.
    """

    table: FeatureTable
    rows: Mapping[str, _Rows]
    values: Mapping[str, NDArray[np.float64]]

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
        """Draw rows of every metric and learn from them; None if spaces have too little in common.

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
        rows_of = {
            space: np.unique(
                np.concatenate([chosen[k] for k, g in enumerate(groups) if g == space])
            )
            for space in sorted(set(groups))
        }
        texts_of = {space: [texts[row] for row in own] for space, own in rows_of.items()}
        table = FeatureTable.fit([*chain.from_iterable(texts_of.values())], has_pairs=False)
        logarithms = {space: table.logarithms(own) for space, own in texts_of.items()}
        differ = sum((np.ptp(found, axis=0) > 0).astype(int) for found in logarithms.values())
        is_shared = differ >= min(_LEAST_SPACES, len(texts_of))
        kept = [
            place
            for place, name in enumerate(table.names)
            if is_shared[place] and not name.startswith(LIVE) and name != UNSEEN
        ]
        if not kept:
            return None
        from scipy.stats import rankdata  # takes a while, and predictions do without

        shared = table.restricted(kept)
        names = _names(shared)
        standardised = {}
        for space, own_texts in texts_of.items():
            found = _with_flow(logarithms[space][:, kept], own_texts)
            standardised[space] = CountScale.of(found).standardised(found)
        rows, values = {}, {}
        for k, (metric, space) in enumerate(zip(metrics, groups, strict=True)):
            if len(chosen[k]) < _LEAST_ROWS:
                continue
            own = standardised[space][np.searchsorted(rows_of[space], chosen[k])]
            ranks = rankdata(targets[chosen[k], k])
            labels = ndtri((ranks - 0.5) / len(ranks))
            rows[metric] = _rounded(own[:_N_VALUES])
            values[metric] = _rounded(_smooth(names, own, labels)[:_N_VALUES])
        return cls(shared, rows, values) if rows else None

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of rows hold: counts, and last the flow."""
        return _names(self.table)

    def logarithms(self, texts: Sequence[str]) -> _Rows:
        """Return logarithms of what is counted in texts and of the flow, shape ``(n, c)``.

        Raises:
            TextError: If a text cannot be read.
        """
        return _with_flow(self.table.logarithms(texts), texts)

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

    def to_json(self) -> dict[str, Any]:
        """Return all but the rows, as JSON can hold it."""
        return {"table": self.table.to_state(), "metrics": list(self.rows)}

    def tensors(self) -> dict[str, Tensor]:
        """Return the rows and values by name."""
        return {
            f"{place}.{name}": torch.from_numpy(value.astype(np.float16))
            for place, metric in enumerate(self.rows)
            for name, value in (("rows", self.rows[metric]), ("values", self.values[metric]))
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SourceRows:
        """Restore what :meth:`to_json` and :meth:`tensors` gave.

        Raises:
            AttributeError: If a part has another type.
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        table = FeatureTable.from_state(state["table"])
        n_columns = len(_names(table))
        rows, values = {}, {}
        for place, metric in enumerate(map(str, state["metrics"])):
            own, found = (
                tensors[f"{place}.{name}"].double().numpy() for name in ("rows", "values")
            )
            if not len(own) or own.shape != (len(found), n_columns) or found.ndim != 1:
                raise ValueError(f"{metric!r} has rows {own.shape} and values {found.shape}")
            if not (np.isfinite(own).all() and np.isfinite(found).all()):
                raise ValueError(f"rows and values of {metric!r} must be finite")
            rows[metric], values[metric] = own, found
        if not rows:
            raise ValueError("rows of other metrics are of none")
        return cls(table, rows, values)


def _names(table: FeatureTable) -> tuple[str, ...]:
    """What the columns of rows hold where these are the counts."""
    return (*table.names, _FLOW)


def _with_flow(logarithms: _Rows, texts: Sequence[str]) -> _Rows:
    """Logarithms of counts, shape ``(n, c - 1)``, and that of the flow behind them."""
    return np.column_stack([logarithms, np.array([log_flow(text) for text in texts])])


def _smooth(names: Sequence[str], rows: _Rows, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a process on rows and their labels expects of the same rows, shape ``(n,)``."""
    alike = covariance(names, rows, rows)
    noisy = alike + _LABEL_NOISE * np.eye(len(rows))
    return np.asarray(alike @ solve(noisy, labels, assume_a="pos"))


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as a checkpoint will hold them."""
    return values.astype(np.float16).astype(np.float64)
