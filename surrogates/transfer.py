"""Where a metric that is trained further starts from: its own head, or those of known metrics.

A fitted surrogate has something for each of its metrics, a row of a linear head or an embedding.
Fine-tuning keeps it for a metric that is known, and copies or averages it for one that is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from surrogates.errors import SettingsError, UnknownMetricError


def starting_metrics(
    known: Sequence[str], wanted: Sequence[str], like: Mapping[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Say which known metrics each wanted one starts from, as the average of all that are named.

    A known metric starts from itself; a new one from the metric that `like` names, or without it
    from every known metric of the same quantity (the part of the name before the slash), or from
    all known metrics when none shares its quantity.

    Args:
        known: Metrics of the fitted surrogate, at least one.
        wanted: Metrics of the new rows.
        like: New metric to the known one that it starts from; need not name every new metric.

    Returns:
        Wanted metric, in the order given, to at least one known metric.

    Raises:
        SettingsError: If `like` speaks of a metric that is not new.
        UnknownMetricError: If `like` names a metric that the surrogate does not know.

    Example:
        >>> known = ["accuracy_percent/cifar10", "accuracy_percent/imagenet", "params"]
        >>> starting_metrics(known, ["accuracy_percent/svhn"])
        {'accuracy_percent/svhn': ('accuracy_percent/cifar10', 'accuracy_percent/imagenet')}
    """
    new = [metric for metric in wanted if metric not in known]
    chosen = dict(like or {})
    for metric, origin in chosen.items():
        if metric not in new:
            raise SettingsError(
                f"`like` must speak of new metrics, but {metric!r} is not one. New: {new}."
            )
        if origin not in known:
            raise UnknownMetricError(
                f"`like` must name a known metric, but got {origin!r}. Known: {sorted(known)}."
            )
    return {metric: _origins(known, metric, chosen.get(metric)) for metric in wanted}


def _origins(known: Sequence[str], metric: str, origin: str | None) -> tuple[str, ...]:
    """Metrics that one metric starts from."""
    if metric in known:
        return (metric,)
    if origin is not None:
        return (origin,)
    return tuple(of_same_quantity(known, metric)) or tuple(known)


def of_same_quantity(known: Sequence[str], metric: str) -> list[str]:
    """Return the known metrics of the quantity of another, the part of its name before the slash."""
    quantity = metric.partition("/")[0]
    return [name for name in known if name.partition("/")[0] == quantity]


def mean_ranks(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over columns of ranks as a share of the rows, all of shape ``(n,)``."""
    from scipy.stats import rankdata

    return np.asarray(np.mean([rankdata(own) / max(len(own), 1) for own in columns], axis=0))
