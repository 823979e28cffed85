"""Hard budgets such as ``latency_ms/local<=3``: reading them and checking values against them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import BudgetError
from nas_rlm.metrics import METRICS, Metric, MetricRegistry

_PATTERN = re.compile(r"\s*(?P<metric>[^<>=\s]+)\s*(?P<relation>[<>=]+)\s*(?P<limit>\S+)\s*")


@dataclass(frozen=True)
class Budget:
    """An upper or a lower limit on one metric, in the metric's unit."""

    metric: Metric
    is_upper: bool
    """True for ``<=``, False for ``>=``."""
    limit: float

    @classmethod
    def parse(cls, string: str, metrics: MetricRegistry = METRICS) -> Self:
        """Read a budget.

        Args:
            string: ``metric<=number`` or ``metric>=number``; spaces are allowed around the parts.
            metrics: Which metrics may be named.

        Returns:
            The budget.

        Raises:
            BudgetError: If the string has another form or the limit is not a finite number.
            UnknownMetricError: If the metric is not known.

        Example:
            >>> str(Budget.parse("latency_ms/local <= 3"))
            'latency_ms/local<=3'
        """
        match = _PATTERN.fullmatch(string)
        if match is None or match["relation"] not in ("<=", ">="):
            message = (
                "A budget is a metric, '<=' or '>=', and a number, "
                f"for example 'latency_ms/local<=3', but got {string!r}."
            )
            raise BudgetError(message)
        metric = metrics.parse(match["metric"])
        try:
            limit = float(match["limit"])
        except ValueError:
            limit = math.nan
        if not math.isfinite(limit):
            message = (
                f"The limit of a budget must be a finite number in {metric.unit}, "
                f"but got {match['limit']!r} in {string!r}."
            )
            raise BudgetError(message)
        return cls(metric, match["relation"] == "<=", limit)

    def violation(self, values: ArrayLike) -> NDArray[np.float64]:
        """Compute by how much values break the budget.

        Args:
            values: Any shape, in the metric's unit; NaN counts as breaking it without bound.

        Returns:
            The same shape: 0 where the budget is met, else the positive excess, inf for NaN.
        """
        array = np.asarray(values, dtype=np.float64)
        excess = array - self.limit if self.is_upper else self.limit - array
        return np.where(np.isnan(excess), np.inf, np.maximum(excess, 0.0))

    def is_met(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Tell for each value whether it is within the budget; NaN is not.

        Args:
            values: Any shape, in the metric's unit.

        Returns:
            The same shape.
        """
        return np.asarray(self.violation(values) == 0.0)

    def __str__(self) -> str:
        limit = repr(self.limit).removesuffix(".0")
        return f"{self.metric.name}{'<=' if self.is_upper else '>='}{limit}"


def total_violation(
    budgets: tuple[Budget, ...], values: Mapping[str, ArrayLike]
) -> NDArray[np.float64]:
    """Add up how far rows break several budgets, each as a share of its limit.

    Args:
        budgets: At least one.
        values: Metric name to shape ``(n,)``; must hold every metric of the budgets.

    Returns:
        Shape ``(n,)``, 0 exactly where every budget is met. The excess is divided by the
        limit's magnitude (by 1 where the limit is 0), so that milliseconds and percent add up.

    Raises:
        BudgetError: If there is no budget or a metric is missing.
    """
    if not budgets:
        message = "`budgets` must hold at least one budget, but is empty."
        raise BudgetError(message)
    shares = []
    for budget in budgets:
        if budget.metric.name not in values:
            message = (
                f"Budget '{budget}' needs values of {budget.metric.name!r}, "
                f"but only these are predicted: {', '.join(sorted(values)) or 'none'}."
            )
            raise BudgetError(message)
        excess = budget.violation(values[budget.metric.name])
        shares.append(excess / (abs(budget.limit) or 1.0))
    total: NDArray[np.float64] = np.sum(shares, axis=0, dtype=np.float64)
    return total
