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

from surrogates.inputs.edge_batches import EdgeBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS, EdgeRound, EdgeSums
from surrogates.networks.graph_convolution import GraphConvolution

_SUM_SCALE = 0.1
"""Brings the sum over statements to the size of their mean."""


class EdgeConvolution(GraphConvolution):
    """A round of messages along edges, from statement vectors ``(n, d)`` to ``(r, d)``."""

    def kept(self, states: Tensor, edges: EdgeRound) -> Tensor:
        """Return what each listener had before; see the base class."""
        return states if edges.own is None else functional.embedding(edges.own, states)

    def hear(self, said: Tensor, edges: EdgeRound) -> Tensor:
        """Sum messages, in 32 bits; see the base class."""
        heard: Tensor = _Hear.apply(said, edges)  # type: ignore[no-untyped-call]
        return heard


class _Hear(Function):
    """Sums messages, shape ``(n, 4 d)``, by listener: shape ``(r, d)``, 32-bit.

    The gradient is the sum over the same edges the other way, which takes a tenth of the time of the
    gradient that torch has.
    """

    @staticmethod
    def forward(ctx: Any, said: Tensor, edges: EdgeRound) -> Tensor:
        """Sum what every statement hears."""
        ctx.edges, ctx.shape, ctx.dtype = edges, said.shape, said.dtype
        return _summed(said.view(len(said) * N_EDGE_KINDS, -1), edges.heard)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the messages."""
        return _summed(gradient, ctx.edges.told).view(ctx.shape).to(ctx.dtype), None


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

    def forward(self, vectors: Tensor, batch: EdgeBatch) -> Tensor:
        """Return the memory that the decoder attends to.

        Args:
            vectors: Shape ``(u, d)``, of the distinct statements.
            batch: Of these statements, n texts.

        Returns:
            Shape ``(n, k, d)``, summaries of all statements.
        """
        states, rows = self.exchange(vectors, batch)
        states = self.norm(states).float()
        total, peak = (
            functional.embedding_bag(rows, states, batch.starts, mode=mode)
            for mode in ("sum", "max")
        )
        pooled = torch.cat([total / batch.lengths[:, None], peak, _SUM_SCALE * total], dim=1)
        summaries: Tensor = self.summary(pooled)
        return summaries

    def exchange(self, vectors: Tensor, batch: EdgeBatch) -> tuple[Tensor, Tensor]:
        """Run all layers, on the statements that differ; in training on all.

        A training batch has few texts, so that there is nothing to gain, and dropout is drawn for
        every statement.

        Args:
            vectors: As for :meth:`forward`.
            batch: Likewise.

        Returns:
            Vectors of statements, shape ``(r, d)``, and the row of each statement, shape ``(T,)``.
        """
        if self.training:
            return self.apart(functional.embedding(batch.statements, vectors), batch)
        rounds, rows = batch.alike.rounds(len(self.layers))
        for layer, edges in zip(self.layers, rounds, strict=True):
            vectors = layer(vectors, edges)
        return vectors, rows

    def apart(self, states: Tensor, batch: EdgeBatch) -> tuple[Tensor, Tensor]:
        """Run all layers on every statement; as :meth:`exchange`, but from shape ``(T, d)``."""
        for layer in self.layers:
            states = layer(states, batch.edges)
        return states, torch.arange(len(states))
