"""The dataflow encoder: statements hear the graph in sums.

Each layer sums what producers, consumers, bodies and callers say, see
:mod:`surrogates.networks.graph_convolution`. There are no positions: two texts of one graph read the
same. What the decoder gets is one summary of all statements; on few rows that ranks better than the
statements themselves. Metrics that share rows have a summary each, which differ in a last layer:
with one for all they hinder each other. Kendall's tau of one network on development rows of
NAS-Bench-201, accuracy and latencies of `pixel3`, `gold_6226`, `titan_rtx_1` and `fpga` learned
together from 1,000 rows (2 draws): .879 .862 .907 .889 .976 with one, .881 .870 .913 .897 .978 with
summaries of their own, .887 .864 .906 .892 .980 by a network for each metric.

Attention among statements, with heads that follow a relation each, takes as long again and adds
little. Kendall's tau of three networks on development rows without and with it: NAS-Bench-201 with 156
rows .849 and .849 (4 draws), NAS-Bench-101 with 364 rows .768 and .769 (3 draws). In tables of five
seeds it was worth .006 on NAS-Bench-101 with 364 and 729 rows, .002 on NAS-Bench-201 with 1,000, and
nothing with fewer. Such variants are in :mod:`surrogates.rlm.encoders.dataflow_ablations`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

from surrogates.inputs.edge_batches import N_EDGE_KINDS, EdgeBatch, EdgeSums
from surrogates.networks.graph_convolution import GraphConvolution

_SUM_SCALE = 0.1
"""Brings the sum over statements to the size of their mean."""


class EdgeConvolution(GraphConvolution):
    """A round of messages of graphs as edges; statement vectors have shape ``(T, d)``."""

    def hear(self, said: Tensor, edges: EdgeBatch) -> Tensor:
        """Sum messages, in 32 bits; see the base class."""
        heard: Tensor = _Hear.apply(said, edges)  # type: ignore[no-untyped-call]
        return heard


class _Hear(Function):
    """Sums messages, shape ``(T, 4 d)``, by listener: shape ``(T, d)``, 32-bit.

    The gradient is the sum over the same edges the other way, which takes a tenth of the time of the
    gradient that torch has.
    """

    @staticmethod
    def forward(ctx: Any, said: Tensor, batch: EdgeBatch) -> Tensor:
        """Sum what every statement hears."""
        ctx.told, ctx.shape, ctx.dtype = batch.told, said.shape, said.dtype
        return _summed(said.view(len(said) * N_EDGE_KINDS, -1), batch.heard)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the messages."""
        return _summed(gradient, ctx.told).view(ctx.shape).to(ctx.dtype), None


def _summed(rows: Tensor, sums: EdgeSums) -> Tensor:
    """Weighted sums of rows in 32 bits."""
    return functional.embedding_bag(
        sums.rows, rows.float(), sums.starts, mode="sum", per_sample_weights=sums.weights
    )


class Summaries(nn.Module):
    """Linear layers side by side: from one hidden vector to k summaries."""

    def __init__(self, n_inputs: int, width: int, n_summaries: int) -> None:
        """Create k layers as torch does."""
        super().__init__()
        layers = [nn.Linear(n_inputs, width) for _ in range(n_summaries)]
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map shape ``(n, n_inputs)`` to ``(n, k, width)``."""
        flat = functional.linear(hidden, self.weight.flatten(0, 1), self.bias.flatten())
        return flat.view(len(hidden), *self.bias.shape)


class DataflowEncoder(nn.Module):
    """Statement vectors in, summaries out."""

    def __init__(self, width: int, n_layers: int, dropout: float, n_summaries: int = 1) -> None:
        """Create the layers.

        Args:
            width: Length d of a statement vector.
            n_layers: Rounds of messages.
            dropout: On each update while training.
            n_summaries: Summaries k of a text.
        """
        super().__init__()
        self.layers = nn.ModuleList(EdgeConvolution(width, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.summary = nn.Sequential(
            nn.Linear(3 * width, 2 * width), nn.GELU(), Summaries(2 * width, width, n_summaries)
        )

    def forward(self, states: Tensor, batch: EdgeBatch) -> Tensor:
        """Return the memory that the decoder attends to.

        Args:
            states: Shape ``(T, d)``, statement vectors.
            batch: Of these statements, n texts.

        Returns:
            Shape ``(n, k, d)``, summaries of all statements.
        """
        states = self.norm(self.exchange(states, batch))
        statements = torch.arange(len(states))
        total, peak = (
            functional.embedding_bag(statements, states.float(), batch.starts, mode=mode)
            for mode in ("sum", "max")
        )
        pooled = torch.cat([total / batch.lengths[:, None], peak, _SUM_SCALE * total], dim=1)
        summaries: Tensor = self.summary(pooled)
        return summaries

    def exchange(self, states: Tensor, batch: EdgeBatch) -> Tensor:
        """Run all layers, from and to shape ``(T, d)``."""
        for layer in self.layers:
            states = layer(states, batch)
        return states
