"""Training an RLM on rows whose metrics may be missing, through the exact distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.base import Progress
from surrogates.inputs.batches import StatementInterner
from surrogates.inputs.statements import StatementGraph
from surrogates.rlm.calibration import best_sharpness, held_out_rows
from surrogates.rlm.losses import expectation, ranking_loss, soft_label_loss
from surrogates.rlm.model import Context, Memory, RlmNetwork, TrieTensors
from surrogates.rlm.precision import training_autocast
from surrogates.rlm.settings import RlmSettings, Schedule

_WARM_UP = 0.05
_CLIP_NORM = 1.0


@dataclass(frozen=True)
class TrainingRows:
    """Rows ready to train on.

    Attributes:
        graphs: Length n.
        numbers: Statement numbers of each graph, from the interner.
        scaled: Shape ``(n, m)``; labels on the numeral scale, NaN where missing.
        tokens: Shape ``(n, m, length)``; their numerals, anything where missing.
        tries: Length m, the legal numerals of each metric.
    """

    graphs: Sequence[StatementGraph]
    numbers: Sequence[NDArray[np.int64]]
    scaled: NDArray[np.float64]
    tokens: NDArray[np.int64]
    tries: Sequence[TrieTensors]


def train(
    network: RlmNetwork,
    interner: StatementInterner,
    rows: TrainingRows,
    settings: RlmSettings,
    schedule: Schedule,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> list[float]:
    """Train a network in place, in two cycles; it ends in evaluation mode.

    The first cycle leaves some rows out, on which the sharpness of every metric is chosen; the
    second goes on with all rows.

    Args:
        network: Freshly created, or trained before.
        interner: Holds the statements of the rows.
        rows: At least one.
        settings: Rates and losses.
        schedule: Steps and rows of a step.
        rng: Order of rows and choice of contexts.
        progress: Called at every step with the loss.

    Returns:
        The sharpness of each metric, see :mod:`surrogates.rlm.calibration`.
    """
    n_rows = len(rows.graphs)
    n_steps, batch_size = schedule.n_steps, schedule.batch_size
    held = held_out_rows(n_rows, rng)
    sharpness = [1.0] * len(rows.tries)
    first = 0
    if len(held) and n_steps > 1:
        first = n_steps // 2
        kept = np.delete(np.arange(n_rows), held)
        cycle = _Cycle(first, 0, n_steps, batch_size)
        _train_cycle(network, interner, rows, kept, settings, rng, cycle, progress)
        sharpness = _choose_sharpness(network, interner, rows, held)
    cycle = _Cycle(n_steps - first, first, n_steps, batch_size)
    _train_cycle(network, interner, rows, np.arange(n_rows), settings, rng, cycle, progress)
    return sharpness


class _Cycle(NamedTuple):
    """A part of the training with a learning rate that rises and falls to 0."""

    n_steps: int
    done_before: int
    total: int
    batch_size: int


def _train_cycle(
    network: RlmNetwork,
    interner: StatementInterner,
    rows: TrainingRows,
    kept: NDArray[np.int64],
    settings: RlmSettings,
    rng: np.random.Generator,
    cycle: _Cycle,
    progress: Progress | None,
) -> None:
    """Train on some of the rows for one cycle."""
    optimizer = torch.optim.AdamW(
        network.parameters(),
        settings.learning_rate,
        (0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    streams = _RowStreams(rows.scaled, kept, cycle.batch_size, rng)
    network.train()
    for step in range(cycle.n_steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(step / cycle.n_steps)
        index = streams.draw()
        batch = interner.collate([rows.graphs[i] for i in index], [rows.numbers[i] for i in index])
        with training_autocast():
            loss = _batch_loss(network, network.encode(batch), rows, index, settings, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        optimizer.step()
        if progress is not None:
            progress(cycle.done_before + step + 1, cycle.total, {"loss": float(loss.detach())})
    network.eval()


@torch.inference_mode()
def _choose_sharpness(
    network: RlmNetwork,
    interner: StatementInterner,
    rows: TrainingRows,
    held: NDArray[np.int64],
) -> list[float]:
    """Sharpness of each metric on rows that were left out."""
    batch = interner.collate([rows.graphs[i] for i in held], [rows.numbers[i] for i in held])
    memory = network.encode(batch)
    chosen = []
    for metric, trie in enumerate(rows.tries):
        labelled = np.flatnonzero(~np.isnan(rows.scaled[held, metric]))
        if not len(labelled):
            chosen.append(1.0)
            continue
        scaled = torch.from_numpy(rows.scaled[held[labelled], metric])
        leaves = (trie.leaf_values - scaled[:, None]).abs().argmin(dim=1)
        logits = network.next_token_logits(memory.rows(torch.from_numpy(labelled)), metric, trie)
        chosen.append(
            best_sharpness(logits, trie.legal, trie.leaf_nodes, trie.leaf_tokens, leaves)
        )
    return chosen


def _schedule(done: float) -> float:
    """Linear warm-up, then half a cosine down to 0; ``done`` in [0, 1)."""
    return min(1.0, (done + 1e-3) / _WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done))


class _RowStreams:
    """Draws batches in which a rare metric has more than its share of rows."""

    def __init__(
        self,
        scaled: NDArray[np.float64],
        kept: NDArray[np.int64],
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self._rng = rng
        self._labelled = [kept[~np.isnan(column[kept])] for column in scaled.T]
        shares = np.sqrt([len(rows) for rows in self._labelled])
        sizes = np.ceil(batch_size * shares / shares.sum()).astype(int)
        self._sizes = [min(k, len(rows)) for k, rows in zip(sizes, self._labelled, strict=True)]
        self._queues = [np.empty(0, dtype=np.int64) for _ in self._labelled]

    def draw(self) -> NDArray[np.int64]:
        """Return distinct row indices, about ``batch_size`` of them."""
        drawn = []
        for metric, size in enumerate(self._sizes):
            if len(self._queues[metric]) < size:
                self._queues[metric] = self._rng.permutation(self._labelled[metric])
            drawn.append(self._queues[metric][:size])
            self._queues[metric] = self._queues[metric][size:]
        return np.unique(np.concatenate(drawn))


def _batch_loss(
    network: RlmNetwork,
    memory: Memory,
    rows: TrainingRows,
    index: NDArray[np.int64],
    settings: RlmSettings,
    rng: np.random.Generator,
) -> Tensor:
    """Sum over metrics of the soft-label and ranking losses of the labelled rows."""
    scaled = rows.scaled[index]
    total = torch.zeros(())
    for metric, trie in enumerate(rows.tries):
        labelled = np.flatnonzero(~np.isnan(scaled[:, metric]))
        if not len(labelled):
            continue
        target = torch.from_numpy(scaled[labelled, metric]).float()
        context = _draw_context(scaled, rows.tokens[index], labelled, metric, settings, rng)
        chosen = memory if len(labelled) == len(index) else memory.rows(torch.from_numpy(labelled))
        logs = network.leaf_log_probabilities(chosen, metric, trie, context)
        total = total + soft_label_loss(logs, trie.leaf_values, target, settings.label_width)
        if settings.ranking_weight > 0:
            expected = expectation(logs, trie.leaf_values)
            ranking = ranking_loss(expected, target, settings.ranking_temperature)
            total = total + settings.ranking_weight * ranking
    return total


def _draw_context(
    scaled: NDArray[np.float64],
    tokens: NDArray[np.int64],
    labelled: NDArray[np.int64],
    metric: int,
    settings: RlmSettings,
    rng: np.random.Generator,
) -> Context | None:
    """Show each known other metric of a row with probability ``context_rate``."""
    others = np.delete(np.arange(scaled.shape[1]), metric)
    if not len(others) or settings.context_rate == 0.0:
        return None
    known = ~np.isnan(scaled[np.ix_(labelled, others)])
    known &= rng.random(known.shape) < settings.context_rate
    return Context(
        metrics=torch.from_numpy(others),
        tokens=torch.from_numpy(tokens[np.ix_(labelled, others)]),
        known=torch.from_numpy(known),
    )
