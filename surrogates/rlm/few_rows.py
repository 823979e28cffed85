"""What a Gaussian process on the counts of a text says, where rows are few.

With fewer than `surrogates.rlm.calibration.MIN_ROWS` rows none can be held out, so networks write
numerals as wide as their soft labels. A Gaussian process on what can be counted in a text is at its
best there and knows how unsure it is. Its predictive density multiplies the distribution of every
network, as one expert of a product: where it is unsure it changes little, where it is sure it
decides. More rows make the networks better than the product.

Source:
    "Training Products of Experts by Minimizing Contrastive Divergence", 2002, section 1, for the
    product; the process is that of :mod:`surrogates.baselines.graph_gp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.baselines.graph_gp import Posterior, choose_kernel
from surrogates.inputs.feature_table import FeatureTable

_LEAST_ROWS = 4
"""Different labels of a metric without which nothing is said of it."""


@dataclass(frozen=True)
class _OfMetric:
    """A process on standardised labels, and what undoes that."""

    posterior: Posterior
    centre: float
    spread: float


class CountsProcess:
    """One Gaussian process a metric, on labels of the numeral scale."""

    def __init__(self, table: FeatureTable, of_metrics: Sequence[_OfMetric | None]) -> None:
        """Keep what was fitted; use :meth:`fit` or :meth:`restore`."""
        self._table = table
        self._of_metrics = list(of_metrics)

    @classmethod
    def fit(cls, texts: Sequence[str], targets: NDArray[np.float64]) -> CountsProcess:
        """Choose kernels by marginal likelihood and condition on the rows.

        Args:
            texts: ONNX texts, length n.
            targets: Shape ``(n, m)``, labels on the numeral scale, NaN where a row lacks one.

        Raises:
            TextError: If a text cannot be read.
        """
        table = FeatureTable.fit(texts)
        rows = table.scaled(texts)
        of_metrics: list[_OfMetric | None] = []
        for column in targets.T:
            known = ~np.isnan(column)
            labels = column[known]
            if len(np.unique(labels)) < _LEAST_ROWS:
                of_metrics.append(None)
                continue
            centre, spread = float(labels.mean()), float(labels.std())
            standardised = (labels - centre) / spread
            kernel = choose_kernel(rows[known], standardised)
            posterior = Posterior.of(kernel, rows[known], standardised)
            of_metrics.append(_OfMetric(posterior, centre, spread))
        return cls(table, of_metrics)

    def log_densities(
        self, texts: Sequence[str], metrics: Sequence[int], leaves: Sequence[Tensor]
    ) -> list[Tensor]:
        """Return the log density of every numeral, up to a constant of each text.

        Args:
            texts: ONNX texts, length n.
            metrics: Metric numbers.
            leaves: Of each of them the numbers of its numerals, shape ``(l,)``.

        Returns:
            Per metric, shape ``(n, l)``, at most 0; all 0 where nothing is said.
        """
        rows = self._table.scaled(texts) if texts else np.zeros((0, len(self._table.names)))
        found = []
        for metric, values in zip(metrics, leaves, strict=True):
            of_metric = self._of_metrics[metric]
            if of_metric is None:
                found.append(torch.zeros(len(texts), len(values)))
                continue
            mean, std = of_metric.posterior.predict(rows)
            centre = torch.from_numpy(of_metric.centre + of_metric.spread * mean).float()
            width = torch.from_numpy(of_metric.spread * std).float()
            found.append(-0.5 * ((values - centre[:, None]) / width[:, None]).square())
        return found

    def to_json(self) -> dict[str, Any]:
        """Return all but the rows, as JSON can hold it."""
        return {
            "features": self._table.to_state(),
            "metrics": [
                each
                and {
                    "kernel": asdict(each.posterior.kernel),
                    "centre": each.centre,
                    "spread": each.spread,
                }
                for each in self._of_metrics
            ],
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return the rows and labels by name."""
        return {
            f"{place}.{name}": torch.from_numpy(value)
            for place, each in enumerate(self._of_metrics)
            if each
            for name, value in (("rows", each.posterior.rows), ("labels", each.posterior.labels))
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> CountsProcess:
        """Restore a process.

        Args:
            state: From :meth:`to_json`.
            tensors: From :meth:`tensors`.

        Raises:
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        table = FeatureTable.from_state(state["features"])
        of_metrics: list[_OfMetric | None] = []
        for place, each in enumerate(state["metrics"]):
            if each is None:
                of_metrics.append(None)
                continue
            rows, labels = tensors[f"{place}.rows"], tensors[f"{place}.labels"]
            posterior = Posterior.restored(each["kernel"], rows, labels, len(table.names))
            of_metrics.append(_OfMetric(posterior, float(each["centre"]), float(each["spread"])))
        return cls(table, of_metrics)
