"""Training of the graph network: squared error and a pairwise ranking loss, weights averaged.

Labels are first scaled (see :mod:`surrogates.rlm.metric_scale`) and standardised, metric by
metric; a label that a row lacks takes no part in either loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from surrogates.errors import SettingsError
from surrogates.gnn.gcn import StatementGcn
from surrogates.inputs.batches import GraphBatch

_WARM_UP_SHARE = 0.05
_CLIP = 1.0
_BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class GcnSettings:
    """Settings of network and training; the defaults were tuned on NAS-Bench-201.

    Attributes:
        width: Length of a statement vector.
        n_layers: Rounds of messages.
        dropout: In [0, 1).
        n_members: Networks trained from different seeds; their mean ranks, their spread warns.
        n_steps: Optimizer steps of each member.
        batch_size: Rows of a step.
        learning_rate: Peak of the cosine schedule of AdamW.
        weight_decay: Of AdamW.
        ranking_weight: Weight of the ranking loss beside the squared error.
        ranking_temperature: Difference, in standard deviations, that the ranking loss asks for.
        rank_share: How far labels are spread by their ranks, in [0, 1).
        average_decay: Of the exponential moving average of the weights, in [0, 1).
        vocabulary_size: Upper limit of the tokenizer's vocabulary.
    """

    width: int = 64
    n_layers: int = 4
    dropout: float = 0.1
    n_members: int = 1
    n_steps: int = 500
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    ranking_weight: float = 1.0
    ranking_temperature: float = 0.3
    rank_share: float = 0.5
    average_decay: float = 0.99
    vocabulary_size: int = 2048

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("width", "n_layers", "n_members", "n_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise SettingsError(f"`{name}` must be at least 1, but got {getattr(self, name)}.")
        for name in ("dropout", "rank_share", "average_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SettingsError(f"`{name}` must lie in [0, 1), but got {getattr(self, name)}.")
        for name in ("learning_rate", "ranking_temperature"):
            if not getattr(self, name) > 0.0:
                raise SettingsError(f"`{name}` must be positive, but got {getattr(self, name)}.")
        for name in ("weight_decay", "ranking_weight"):
            if not getattr(self, name) >= 0.0:
                raise SettingsError(f"`{name}` must be at least 0, but got {getattr(self, name)}.")
        if self.vocabulary_size < 257:
            raise SettingsError(
                f"`vocabulary_size` must be at least 257, but got {self.vocabulary_size}."
            )


def ranking_loss(predicted: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Return the mean logistic loss over all pairs with different labels.

    Args:
        predicted: Shape ``(n,)``.
        targets: Shape ``(n,)``, no NaN.
        temperature: Difference that counts as clear.

    Returns:
        A scalar; 0 where no two labels differ.
    """
    is_above = (targets[:, None] > targets[None, :]).to(predicted.dtype)
    difference = (predicted[:, None] - predicted[None, :]) / temperature
    loss: Tensor = (functional.softplus(-difference) * is_above).sum() / is_above.sum().clamp(
        min=1.0
    )
    return loss


def training_loss(predicted: Tensor, targets: Tensor, settings: GcnSettings) -> Tensor:
    """Return squared error plus ranking loss, averaged over the metrics that have labels.

    Args:
        predicted: Shape ``(n, m)``.
        targets: Shape ``(n, m)``, standardised; NaN where a row lacks the metric.
        settings: Weight and temperature of the ranking loss.
    """
    losses = []
    for column in range(targets.shape[1]):
        known = ~targets[:, column].isnan()
        if not known.any():
            continue
        guess, truth = predicted[known, column], targets[known, column]
        rank = ranking_loss(guess, truth, settings.ranking_temperature)
        losses.append(functional.mse_loss(guess, truth) + settings.ranking_weight * rank)
    return torch.stack(losses).mean()


def train(
    network: StatementGcn,
    collate: Callable[[NDArray[np.int64]], GraphBatch],
    targets: Tensor,
    settings: GcnSettings,
    rng: np.random.Generator,
    report: Callable[[int, float], None],
) -> None:
    """Train a network in place; it ends with its averaged weights, in evaluation mode.

    Args:
        network: Freshly initialised.
        collate: Row numbers to a batch.
        targets: Shape ``(n, m)``, see :func:`training_loss`.
        settings: Of the training.
        rng: Orders the rows.
        report: Called with (steps done, loss) after each step.
    """
    n = len(targets)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        betas=_BETAS,
        weight_decay=settings.weight_decay,
    )
    average = [parameter.detach().clone() for parameter in network.parameters()]
    network.train()
    waiting = np.empty(0, dtype=np.int64)
    for step in range(settings.n_steps):
        rate = settings.learning_rate * schedule(step, settings.n_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if len(waiting) < min(settings.batch_size, n):
            waiting = rng.permutation(n)
        rows, waiting = waiting[: settings.batch_size], waiting[settings.batch_size :]
        loss = training_loss(network(collate(rows)), targets[torch.from_numpy(rows)], settings)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        decay = min(settings.average_decay, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            for mean, parameter in zip(average, network.parameters(), strict=True):
                mean.lerp_(parameter, 1.0 - decay)
        report(step + 1, float(loss.detach()))
    with torch.no_grad():
        for mean, parameter in zip(average, network.parameters(), strict=True):
            parameter.copy_(mean)
    network.eval()


def schedule(step: int, n_steps: int) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine."""
    warm_up = min(1.0, (step + 1) / (_WARM_UP_SHARE * n_steps + 1.0))
    return warm_up * 0.5 * (1.0 + math.cos(math.pi * step / n_steps))
