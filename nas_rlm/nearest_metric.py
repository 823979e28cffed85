"""Which known metric a new one should start from: the one that orders its rows best already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas_rlm.evaluation.rank_metrics import kendall_tau
from surrogates.base import Surrogate
from surrogates.transfer import of_same_quantity


@dataclass(frozen=True)
class NearestMetric:
    """A known metric and how well its predictions order the values of a new one."""

    metric: str
    kendall_tau: float
    """Between its predictions for the rows and the values of the new metric, before any training."""
    candidates: int
    """Known metrics it was chosen from; the best of many is a little flattered."""


def nearest_metric(
    surrogate: Surrogate,
    texts: Sequence[str],
    labels: Sequence[Mapping[str, float]],
    metric: str,
) -> NearestMetric | None:
    """Find the known metric of the same quantity whose predictions order the rows best.

    Args:
        surrogate: Fitted.
        texts: ONNX texts; those without a label of `metric` are left out.
        labels: Per text, metric name to value.
        metric: A new metric, such as ``latency_ms/my_phone``.

    Returns:
        The metric with the largest Kendall tau, the first of equal ones; None if the surrogate
        knows no metric of the quantity, or the values have no order.

    Raises:
        TextError: If a text cannot be read.
    """
    known = of_same_quantity(surrogate.metrics, metric)
    measured = [row for row, label in enumerate(labels) if metric in label]
    values = [labels[row][metric] for row in measured]
    if not known or len(set(values)) < 2:
        return None
    prediction = surrogate.predict([texts[row] for row in measured], known)
    agreement = {name: kendall_tau(prediction[name].mean, values) for name in known}
    best = max(known, key=agreement.__getitem__)
    return NearestMetric(best, agreement[best], len(known))
