"""What a Gaussian process on the counts of a text says beside the networks.

A process on what can be counted in a text is smooth and sees nothing else; networks see everything
and are anything but smooth. They err on different texts, and the process knows well how unsure it
is. So it is fitted to the same rows, or to `MAX_ROWS` of them, and its predictive density is pooled with
the distribution of every network: where it is unsure it changes little, where it is sure it decides.

The pool is a product of powers. The fewer rows there are, the more of it belongs to the process. With
fewer than `surrogates.rlm.calibration.MIN_ROWS` rows networks write numerals as wide as their soft
labels, and the exponents sum to 2. More rows calibrate the networks too; both then know much of the
same, and the exponents sum to little more than 1.

Both were chosen on development rows when every network was told the counts: unseen networks of two
to four draws, as a middle: order alone would have the process speak less with many rows, and not at
all in NAS-Bench-Macro; distributions would have it speak more. Kendall's tau of networks, process
and about this pool: NAS-Bench-101 with 72 rows .680, .715 and .704, with 364 rows .780, .766 and
.782; NAS-Bench-201 with 78 rows .738, .737 and .743, with 156 rows .772, .767 and .776, with 1,000
rows .857, .836 and .856; NAS-Bench-Macro with 200 rows .912, .896 and .904. The continuous ranked
probability score of networks and pool, in this order: .78 and .72, .73 and .64, 1.18 and 1.05, 1.07
and .93, .72 and .66, .28 and .23.

Now that only every second network is told them, networks and pool reach .867 and .871 on all
development rows of NAS-Bench-201 with 156 training rows (three networks, 3 draws), .927 and .928
with 1,000 (two networks, batches of 64, 1 draw); their scores are 1.07 and .67, .71 and .47. Half
and twice the process's share change tau by less than .002, so both were kept.

Every metric has a process of its own. On development rows, one draw: latencies of nine devices, 900
networks of NAS-Bench-201 each, 2,651 in all, have a Spearman correlation of .964 without processes
and .968 with them, on average, and higher on each device; linear functions of these, learned from 10
and 20 latencies of eight other devices, .967 / .976 and .972 / .978 (24 draws). Of three spaces with
700 rows each, learned together by two networks, Kendall's tau is .801 and .807 (NAS-Bench-101), .900
and .900 (NAS-Bench-201), .938 and .944 (NAS-Bench-Macro). Where latencies add up over layers it is worth
more: of six other devices of FBNet, learned from 10 and 20 latencies when nine are known on 600
networks, Spearman's rho is .910 / .929 without and .916 / .933 with it, and higher on each (24 draws).

Source:
    "Training Products of Experts by Minimizing Contrastive Divergence", 2002, section 1, for the
    product, and "Combining Probability Distributions: A Critique and an Annotated Bibliography",
    1986, for logarithmic pools; the process is that of
    :mod:`surrogates.gaussian_process`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.gaussian_process import CountColumns, Kernel, Posterior, choose_kernel
from surrogates.rlm.calibration import MIN_ROWS
from surrogates.rlm.prediction import Opinion
from surrogates.rlm.source_process import TransferKernel, with_source
from surrogates.rlm.source_rows import SourceRows

MAX_ROWS = 2000
"""Of a metric with more labels some speak for all: a process costs their cube."""

MAX_TEXTS = 10_000
"""With more training texts there is none at all: a checkpoint would hold little but their counts."""

_N_TUNING_ROWS = 500
_MOST_SHARE, _SHARE_OF_ONE, _FADING = 0.5, 9.5, 0.6
_SUM, _SUM_UNCALIBRATED = 1.15, 2.0
_SILENT = (1.0, 1.0)  # a density that is the same everywhere, and the network as it is
_LEAST_ROWS = 4
"""Different labels of a metric without which nothing is said of it."""


def pool_weights(n_rows: int) -> tuple[float, float]:
    """Return the exponents of the process and of the networks that learned some rows."""
    share = min(_MOST_SHARE, _SHARE_OF_ONE / n_rows**_FADING)
    total = _SUM_UNCALIBRATED if n_rows < MIN_ROWS else _SUM
    return total * share, total * (1.0 - share)


@dataclass(frozen=True)
class _OfMetric:
    """A process on standardised labels, what undoes that, and the exponents of the pool."""

    posterior: Posterior
    centre: float
    spread: float
    weights: tuple[float, float]


class CountsProcess:
    """One Gaussian process a metric, on labels of the numeral scale."""

    def __init__(self, columns: CountColumns, of_metrics: Sequence[_OfMetric | None]) -> None:
        """Keep what was fitted; use :meth:`fit` or :meth:`restore`."""
        self._columns = columns
        self._of_metrics = list(of_metrics)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: NDArray[np.float64],
        *,
        seed: int = 0,
        source: SourceRows | None = None,
        speakers: Sequence[Sequence[str]] = (),
    ) -> CountsProcess | None:
        """Choose kernels by marginal likelihood on some rows and condition on all.

        A metric with hardly any labels has none; None if that is so of all, or texts are too many.

        Args:
            texts: ONNX texts, length n.
            targets: Shape ``(n, m)``, labels on the numeral scale, NaN where a row lacks one.
            seed: Of the draw of the rows that choose, and of those that are kept of too many.
            source: What other metrics make of texts; they speak too where there are few rows.
            speakers: With `source`, which of those metrics speak of each; may be none.

        Raises:
            TextError: If a text cannot be read.
        """
        known_of = ~np.isnan(targets.T)
        speaks = [
            len(np.unique(column[known])) >= _LEAST_ROWS
            for column, known in zip(targets.T, known_of, strict=True)
        ]
        if len(texts) > MAX_TEXTS or not any(speaks):
            return None
        columns = CountColumns.fit(texts)
        rows = columns.rows(texts)
        of_metrics: list[_OfMetric | None] = []
        for metric, (column, known) in enumerate(zip(targets.T, known_of, strict=True)):
            if not speaks[metric]:
                of_metrics.append(None)
                continue
            labels = column[known]
            centre, spread = float(labels.mean()), float(labels.std())
            standardised = (labels - centre) / spread
            own = rows[known]
            order = np.random.default_rng(seed).permutation(len(own))
            few, kept = order[:_N_TUNING_ROWS], np.sort(order[:MAX_ROWS])
            kernel = choose_kernel(own[few], standardised[few])
            posterior = Posterior.of(kernel, own[kept], standardised[kept])
            if source and speakers[metric] and len(own) < MIN_ROWS:
                posterior = with_source(
                    posterior, source, speakers[metric], list(compress(texts, known))
                )
            of_metrics.append(_OfMetric(posterior, centre, spread, pool_weights(len(own))))
        return cls(columns, of_metrics)

    def opinions(
        self, texts: Sequence[str], metrics: Sequence[int], leaves: Sequence[Tensor]
    ) -> list[Opinion]:
        """Return what is said of every numeral, densities up to a constant of each text.

        Args:
            texts: ONNX texts, length n.
            metrics: Metric numbers.
            leaves: Of each of them the numbers of its numerals, shape ``(l,)``.

        Returns:
            Per metric, log densities of at most 0; all 0, which changes no network, where nothing
            is said.
        """
        rows = self._columns.rows(texts)
        found = []
        for metric, values in zip(metrics, leaves, strict=True):
            of_metric = self._of_metrics[metric]
            if of_metric is None:
                found.append(Opinion(torch.zeros(len(texts), len(values)), *_SILENT))
                continue
            kernel, own = of_metric.posterior.kernel, rows
            if isinstance(kernel, TransferKernel):
                own = kernel.source.beside(rows, texts)
            mean, std = of_metric.posterior.predict(own)
            centre = torch.from_numpy(of_metric.centre + of_metric.spread * mean).float()
            width = torch.from_numpy(of_metric.spread * std).float()
            deviations = (values - centre[:, None]) / width[:, None]
            found.append(Opinion(-0.5 * deviations.square(), *of_metric.weights))
        return found

    def to_json(self) -> dict[str, Any]:
        """Return all but the rows, as JSON can hold it."""
        return {
            "columns": self._columns.to_state(),
            "metrics": [
                each
                and {
                    "kernel": each.posterior.kernel.to_state(),
                    "centre": each.centre,
                    "spread": each.spread,
                    "weights": list(each.weights),
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
    def restore(
        cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor], source: SourceRows | None
    ) -> CountsProcess:
        """Restore a process.

        Args:
            state: From :meth:`to_json`.
            tensors: From :meth:`tensors`.
            source: Of the same RLM.

        Raises:
            AttributeError: If a part has another type.
            KeyError: If a part is missing.
            TypeError: If a part has another type.
            ValueError: If parts do not fit each other.
        """
        columns = CountColumns.from_state(state["columns"])
        of_metrics: list[_OfMetric | None] = []
        for place, each in enumerate(state["metrics"]):
            if each is None:
                of_metrics.append(None)
                continue
            rows, labels = tensors[f"{place}.rows"], tensors[f"{place}.labels"]
            kernel: Kernel | TransferKernel
            if source and "own" in each["kernel"]:
                kernel = TransferKernel.from_state(each["kernel"], source)
                n_columns = len(columns) + len(source.names)
            else:
                kernel, n_columns = Kernel.from_state(each["kernel"]), len(columns)
            posterior = Posterior.restored(kernel, rows, labels, n_columns)
            centre, spread = float(each["centre"]), float(each["spread"])
            share, of_networks = map(float, each["weights"])
            of_metrics.append(_OfMetric(posterior, centre, spread, (share, of_networks)))
        return cls(columns, of_metrics)
