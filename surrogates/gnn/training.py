"""Training of a network: squared error and a pairwise ranking loss, weights averaged.

Labels are first scaled (see :mod:`surrogates.metric_scale`) and standardised, metric by
metric; a label that a row lacks takes no part in either loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from surrogates.gnn.batch_parts import training_outputs
from surrogates.gnn.settings import NetworkSettings
from surrogates.memory import keep_freed_memory
from surrogates.networks.ranking_loss import ranking_loss

_WARM_UP_SHARE = 0.05
_CLIP = 1.0
_BETAS = (0.9, 0.98)
_LEAST_AGREEMENT = 0.01
_LEAST_SPREAD = 1e-9


def training_loss(predicted: Tensor, targets: Tensor, settings: NetworkSettings) -> Tensor:
    """Return squared error plus ranking loss, averaged over the metrics that have labels.

    Args:
        predicted: Shape ``(n, m)``.
        targets: Shape ``(n, m)``, standardised; NaN where a row lacks the metric.
        settings: Weight and temperature of the ranking loss.
    """
    square, ranking = settings.squared_error_weight, settings.ranking_weight
    losses = []
    for column in range(targets.shape[1]):
        known = ~targets[:, column].isnan()
        if not known.any():
            continue
        guess, truth = predicted[known, column], targets[known, column]
        rank = ranking_loss(guess, truth, settings.ranking_temperature)
        losses.append(square * functional.mse_loss(guess, truth) + ranking * rank)
    return torch.stack(losses).mean()


def train(
    network: nn.Module,
    collate: Callable[[NDArray[np.int64]], Any],
    lengths: Sequence[int],
    targets: Tensor,
    settings: NetworkSettings,
    rng: np.random.Generator,
    report: Callable[[int, float], None],
) -> None:
    """Train a network in place; it ends with its averaged weights, in evaluation mode.

    Args:
        network: Freshly initialised, or fitted before.
        collate: Row numbers to the argument of the network.
        lengths: Statements of each graph; see :func:`surrogates.gnn.batch_parts.training_outputs`.
        targets: Shape ``(n, m)``, see :func:`training_loss`.
        settings: Of the training.
        rng: Orders the rows.
        report: Called with (steps done, loss) after each step.
    """
    keep_freed_memory()
    n = len(targets)
    n_steps = settings.steps_for(n)
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters,
        lr=settings.learning_rate,
        betas=_BETAS,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    average = [parameter.detach().clone() for parameter in parameters]
    network.train()
    batches = batches_of_rows(~np.isnan(targets.numpy()), settings.batch_size, rng)
    for step in range(n_steps):
        rate = settings.learning_rate * schedule(step, n_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = next(batches)
        outputs = training_outputs(network, collate, rows, lengths)
        loss = training_loss(outputs, targets[torch.from_numpy(rows)], settings)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, _CLIP)
        optimizer.step()
        decay = min(settings.average_decay, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            for mean, parameter in zip(average, parameters, strict=True):
                mean.lerp_(parameter, 1.0 - decay)
        report(step + 1, float(loss.detach()))
    with torch.no_grad():
        for mean, parameter in zip(average, parameters, strict=True):
            parameter.copy_(mean)
    network.eval()


def batches_of_rows(
    known: NDArray[np.bool_], batch_size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield batches of rows without end, shuffled anew for each pass; no row comes twice in one.

    Where every row has every label, batches are of one size, and the rows that are left over at
    the end of a pass, fewer than a batch, are dropped from it.

    Where rows lack labels, a batch holds rows of one metric, drawn anew for each row among those
    that it has: rows of different search spaces then share no batch, so all pairs of a batch can
    be ranked and graphs of different sizes are not padded to one length. Every row comes once in
    a pass.

    Args:
        known: Shape ``(n, m)``: which labels a row has, at least one.
        batch_size: Rows of a batch; fewer if there are no more, or, where rows lack labels, no
            more of a metric are left in the pass.
        rng: Orders the rows.
    """
    n = len(known)
    if known.all():
        waiting = np.empty(0, dtype=np.int64)
        while True:
            if len(waiting) < min(batch_size, n):
                waiting = rng.permutation(n)
            yield waiting[:batch_size]
            waiting = waiting[batch_size:]
    while True:
        metric = np.where(known, rng.random(known.shape), -1.0).argmax(axis=1)
        parts = []
        for own in np.unique(metric):
            rows = rng.permutation(np.flatnonzero(metric == own))
            parts += [rows[k : k + batch_size] for k in range(0, len(rows), batch_size)]
        for place in rng.permutation(len(parts)):
            yield parts[place]


def fit_heads(network: nn.Module, outputs: NDArray[np.float64], targets: Tensor) -> None:
    """Turn scores into standardised labels: fold a straight line for each metric into its head.

    The line is that of least squares; its slope is kept positive, so the order of scores stays.

    Args:
        network: With a linear layer ``heads`` as its last; changed in place.
        outputs: Scores of the training rows, shape ``(n, m)``.
        targets: Shape ``(n, m)``, standardised; NaN where a row lacks the metric.
    """
    heads = network.heads
    assert isinstance(heads, nn.Linear)  # noqa: S101 - what every network here ends with
    labels = targets.double().numpy()
    with torch.no_grad():
        for column in range(outputs.shape[1]):
            known = ~np.isnan(labels[:, column])
            score, label = outputs[known, column], labels[known, column]
            spread = score.std()
            slope = 1.0
            if spread > _LEAST_SPREAD and label.std() > 0:
                agreement = np.corrcoef(score, label)[0, 1]
                slope = float(max(agreement, _LEAST_AGREEMENT) * label.std() / spread)
            heads.weight[column] *= slope
            heads.bias[column] += float(label.mean() - slope * score.mean()) - (
                heads.bias[column] * (1.0 - slope)
            )


def with_heads(
    network: nn.Module, origins: Sequence[Sequence[int]], *, are_trained_alone: bool = False
) -> nn.Module:
    """Give a network heads that are averages of the ones it has; changes and returns it.

    Args:
        network: With a linear layer ``heads`` as its last.
        origins: For each new head, the old ones that it is the average of, at least one.
        are_trained_alone: Whether all other weights stay as they are.
    """
    network.requires_grad_(not are_trained_alone)
    heads = network.heads
    assert isinstance(heads, nn.Linear)  # noqa: S101 - what every network here ends with
    renewed = nn.Linear(heads.in_features, len(origins))
    with torch.no_grad():
        for row, chosen in enumerate(origins):
            renewed.weight[row] = heads.weight[list(chosen)].mean(dim=0)
            renewed.bias[row] = heads.bias[list(chosen)].mean()
    network.heads = renewed
    return network


def schedule(step: int, n_steps: int) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine."""
    warm_up = min(1.0, (step + 1) / (_WARM_UP_SHARE * n_steps + 1.0))
    return warm_up * 0.5 * (1.0 + math.cos(math.pi * step / n_steps))
