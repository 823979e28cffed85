"""Training an RLM of any encoder and head on rows whose metrics may be missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.base import Labels, Progress
from surrogates.memory import keep_freed_memory
from surrogates.rlm.calibration import HeldOut
from surrogates.rlm.encoders.base import PreparedTexts
from surrogates.rlm.heads.base import Evidence, Head, HeadNetwork, LabelRows
from surrogates.rlm.large_products import product_threads, training_autocast
from surrogates.rlm.resume import MemberState, Moving
from surrogates.rlm.row_streams import RowStreams, metric_groups, row_groups
from surrogates.rlm.settings import RlmSettings, RowLabels

_WARM_UP = 0.05
_CLIP_NORM = 1.0


@dataclass(frozen=True)
class Rows:
    """Training rows as they are given.

    Attributes:
        texts: Length n.
        labels: Length n.
        metrics: All metrics of the labels, m of them, in decoding order.
    """

    texts: Sequence[str]
    labels: Sequence[Labels]
    metrics: Sequence[str]

    @cached_property
    def raw(self) -> NDArray[np.float64]:
        """Labels in their units, shape ``(n, m)``, NaN where a row lacks the metric."""
        return np.array([[row.get(m, np.nan) for m in self.metrics] for row in self.labels])

    @cached_property
    def metric_groups(self) -> list[int]:
        """The group of each metric, see :func:`surrogates.rlm.row_streams.metric_groups`."""
        return [int(group) for group in metric_groups(self.raw)]

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """The group of the metrics of each row, shape ``(n,)``."""
        return row_groups(self.raw, self.metric_groups)

    def labels_of(self, metrics: Sequence[int]) -> RowLabels:
        """How many rows have labels of some metrics, and how many labels these have."""
        known = ~np.isnan(self.raw[:, metrics])
        rows = known.any(axis=1)
        sizes = np.bincount(np.array(self.metric_groups)[metrics])
        n_together = sizes[self.groups[rows]].mean()
        return RowLabels(int(rows.sum()), float(n_together), float(known[rows].sum(axis=1).mean()))

    @property
    def texts_of_groups(self) -> list[list[str]]:
        """Texts of the rows of each group."""
        found: list[list[str]] = [[] for _ in range(1 + max(self.metric_groups))]
        for text, group in zip(self.texts, self.groups.tolist(), strict=True):
            found[group].append(text)
        return found


@dataclass(frozen=True)
class TrainingRows:
    """Rows ready to train on.

    Attributes:
        inputs: Texts as the reader of the encoder prepared them, length n.
        labels: Labels as the head learns them, length n.
        metrics: Names, in the order of the labels.
    """

    inputs: PreparedTexts
    labels: LabelRows
    metrics: Sequence[str]


def train(
    network: HeadNetwork,
    head: Head,
    rows: TrainingRows,
    settings: RlmSettings,
    held: HeldOut,
    rng: np.random.Generator,
    progress: Progress | None = None,
    state: MemberState | None = None,
) -> Evidence:
    """Train a network in place, in two cycles; it ends in evaluation mode.

    The first cycle leaves some rows out, for which the network is then asked; the second goes on
    with all rows.

    Args:
        network: Freshly created, or trained before; of one part.
        head: That created it.
        rows: At least one.
        settings: Rates, steps and rows of a step.
        held: Rows that the first cycle leaves out.
        rng: Order of rows and whatever the head leaves to chance.
        progress: Called at every step with the loss, and at the first step of the second cycle
            also with ``held_out_kendall_tau/METRIC`` after the first.
        state: Where the training goes on from, and is kept as it goes on.

    Returns:
        What the network said of the held-out rows; nothing if there were none, or if nothing that it
        learns was left.
    """
    _, n_steps, batch_size = settings.schedule
    if state is not None and state.steps_done == n_steps:
        state.restore_finished(network)
        return state.evidence
    keep_freed_memory()
    targets = _targets_of(network, rows.labels)
    kept = np.delete(np.arange(len(targets)), held.rows)
    evidence: Evidence = []
    first = 0
    told: Mapping[str, float] = {}
    if len(held.rows) and n_steps > 1 and not np.isnan(targets[kept]).all():
        first = n_steps // 2
        if state is not None and state.steps_done >= first:
            evidence = state.evidence
        else:
            streams = RowStreams(targets, kept, batch_size, rng)
            cycle = _Cycle(first, 0, n_steps, told)
            _train_cycle(network, head, rows, streams, settings, rng, cycle, progress, state)
            evidence = head.all_evidence(network, rows.inputs, rows.labels, held.distinct)
            if state is not None:
                state.end_first_cycle(evidence)
        if progress is not None:
            told = held_out_taus(head, evidence, rows.metrics)
    streams = RowStreams(targets, np.arange(len(targets)), batch_size, rng)
    cycle = _Cycle(n_steps - first, first, n_steps, told)
    _train_cycle(network, head, rows, streams, settings, rng, cycle, progress, state)
    if state is not None:
        state.finish(n_steps, network)
    return evidence


class _Cycle(NamedTuple):
    """A part of the training with a learning rate that rises and falls to 0.

    ``told`` is known before it and goes to ``progress`` with its first step.
    """

    n_steps: int
    done_before: int
    total: int
    told: Mapping[str, float]


def _train_cycle(
    network: HeadNetwork,
    head: Head,
    rows: TrainingRows,
    streams: RowStreams,
    settings: RlmSettings,
    rng: np.random.Generator,
    cycle: _Cycle,
    progress: Progress | None,
    state: MemberState | None,
) -> None:
    """Train on the rows of some streams for one cycle, or for what is left of it."""
    weights: list[Tensor] = [w for w in network.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(
        weights,
        settings.learning_rate,
        (0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    average = [weight.detach().clone() for weight in weights]
    network.train()
    moving = Moving(network, optimizer, average, streams, rng)
    done = 0 if state is None else state.restore(moving, cycle.done_before)
    are_large = network.encoder.has_large_products
    with product_threads(are_large=are_large):
        for step in range(done, cycle.n_steps):
            if state is not None:
                state.keep_if_due(cycle.done_before + step, moving)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * _schedule(step / cycle.n_steps)
            index = streams.draw()
            batch = rows.inputs.collate(index)
            with training_autocast(are_large=are_large):
                loss = head.loss(network, batch, rows.labels, index, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(weights, _CLIP_NORM)
            optimizer.step()
            decay = min(settings.average_decay, (1.0 + step) / (10.0 + step))
            with torch.no_grad():
                torch._foreach_lerp_(average, weights, 1.0 - decay)
            if progress is not None:
                told = {"loss": float(loss.detach()), **(cycle.told if step == 0 else {})}
                progress(cycle.done_before + step + 1, cycle.total, told)
    with torch.no_grad():
        torch._foreach_copy_(weights, average)
    network.eval()


def _targets_of(network: HeadNetwork, labels: LabelRows) -> NDArray[np.float64]:
    """Labels of the metrics that a network learns, shape ``(n, m)``, NaN where there is none."""
    learned = [network.learns(metric) for metric in range(labels.targets.shape[1])]
    return np.where(learned, labels.targets, np.nan)


def held_out_taus(head: Head, evidence: Evidence, metrics: Sequence[str]) -> dict[str, float]:
    """Return Kendall's tau-b of each metric on held-out rows, by ``held_out_kendall_tau/METRIC``.

    It is 0 for constant estimates. Metrics without two distinct labels there are left out, and all
    are where the head gives no evidence.
    """
    from scipy.stats import kendalltau  # takes a while, and predictions do without

    found = {}
    for metric, (estimates, targets) in zip(metrics, head.estimates(evidence), strict=False):
        if len(targets) > 1 and np.ptp(targets) > 0:
            tau = float(kendalltau(estimates, targets).statistic) if np.ptp(estimates) > 0 else 0.0
            found[f"held_out_kendall_tau/{metric}"] = tau
    return found


def _schedule(done: float) -> float:
    """Linear warm-up, then half a cosine down to 0; ``done`` in [0, 1)."""
    return min(1.0, (done + 1e-3) / _WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done))
