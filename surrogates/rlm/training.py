"""Training an RLM of any encoder and head on rows whose metrics may be missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.base import Progress
from surrogates.memory import keep_freed_memory
from surrogates.rlm.calibration import HeldOut
from surrogates.rlm.encoders.base import PreparedTexts
from surrogates.rlm.heads.base import Evidence, Head, HeadNetwork, LabelRows
from surrogates.rlm.precision import training_autocast
from surrogates.rlm.row_streams import RowStreams
from surrogates.rlm.settings import RlmSettings, Schedule

_WARM_UP = 0.05
_CLIP_NORM = 1.0


@dataclass(frozen=True)
class TrainingRows:
    """Rows ready to train on.

    Attributes:
        inputs: Texts as the reader of the encoder prepared them, length n.
        labels: Labels as the head learns them, length n.
    """

    inputs: PreparedTexts
    labels: LabelRows


def train(
    network: HeadNetwork,
    head: Head,
    rows: TrainingRows,
    settings: RlmSettings,
    schedule: Schedule,
    held: HeldOut,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> Evidence:
    """Train a network in place, in two cycles; it ends in evaluation mode.

    The first cycle leaves some rows out, for which the network is then asked; the second goes on
    with all rows.

    Args:
        network: Freshly created, or trained before.
        head: That created it.
        rows: At least one.
        settings: Rates.
        schedule: Steps and rows of a step.
        held: Rows that the first cycle leaves out.
        rng: Order of rows and whatever the head leaves to chance.
        progress: Called at every step with the loss.

    Returns:
        What the network said of the held-out rows, nothing if there were none.
    """
    keep_freed_memory()
    n_rows = len(rows.inputs)
    n_steps, batch_size = schedule.n_steps, schedule.batch_size
    evidence: Evidence = []
    first = 0
    if len(held.rows) and n_steps > 1:
        first = n_steps // 2
        kept = np.delete(np.arange(n_rows), held.rows)
        cycle = _Cycle(first, 0, n_steps, batch_size)
        _train_cycle(network, head, rows, kept, settings, rng, cycle, progress)
        asked = rows.inputs.collate(held.distinct)
        evidence = head.evidence(network, asked, rows.labels, held.distinct)
    cycle = _Cycle(n_steps - first, first, n_steps, batch_size)
    _train_cycle(network, head, rows, np.arange(n_rows), settings, rng, cycle, progress)
    return evidence


class _Cycle(NamedTuple):
    """A part of the training with a learning rate that rises and falls to 0."""

    n_steps: int
    done_before: int
    total: int
    batch_size: int


def _train_cycle(
    network: HeadNetwork,
    head: Head,
    rows: TrainingRows,
    kept: NDArray[np.int64],
    settings: RlmSettings,
    rng: np.random.Generator,
    cycle: _Cycle,
    progress: Progress | None,
) -> None:
    """Train on some of the rows for one cycle."""
    weights: list[Tensor] = [w for w in network.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(
        weights,
        settings.learning_rate,
        (0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    streams = RowStreams(rows.labels.targets, kept, cycle.batch_size, rng)
    average = [weight.detach().clone() for weight in weights]
    network.train()
    for step in range(cycle.n_steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(step / cycle.n_steps)
        index = streams.draw()
        batch = rows.inputs.collate(index)
        with training_autocast():
            loss = head.loss(network, batch, rows.labels, index, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, _CLIP_NORM)
        optimizer.step()
        decay = min(settings.average_decay, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1.0 - decay)
        if progress is not None:
            progress(cycle.done_before + step + 1, cycle.total, {"loss": float(loss.detach())})
    with torch.no_grad():
        torch._foreach_copy_(weights, average)
    network.eval()


def _schedule(done: float) -> float:
    """Linear warm-up, then half a cosine down to 0; ``done`` in [0, 1)."""
    return min(1.0, (done + 1e-3) / _WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done))
