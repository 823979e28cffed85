"""The dataflow encoder with one part more or less, for the comparison that shows what each is worth.

Every variant has the reader, the size and the training of :mod:`surrogates.rlm.encoders.dataflow`
and differs in what it says. None of them is meant for use.

Three have attention among statements after each sum: eight heads, which may follow the graph (each
sees one relation only) or see everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from surrogates.inputs.edge_batches import EdgeBatch
from surrogates.inputs.edge_rounds import N_EDGE_KINDS
from surrogates.rlm.attention import attend, visibility_bias
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.dataflow_reader import DataflowNetwork, DataflowReader
from surrogates.rlm.settings import RlmSettings

_MAX_PLACES = 128
"""Places in a text that have a vector of their own; later ones share the last."""

RELATIONS = (
    "producers",
    "consumers",
    "producers_2",
    "consumers_2",
    "siblings",
    "calls",
    "all",
    "all",
)
"""Relation that each attention head sees; every head also sees the statement itself."""


class Padded(NamedTuple):
    """Graphs of a batch, padded to the longest one.

    Attributes:
        there: Shape ``(n, s)``; true where there is a statement.
        producers: Shape ``(n, s, s)``; 1 where row i reads what column j defines.
        calls: Shape ``(n, s, s)``; 1 where row i calls the body that column j belongs to.
    """

    there: Tensor
    producers: Tensor
    calls: Tensor

    @classmethod
    def of(cls, batch: EdgeBatch) -> Padded:
        """Read the relations off the edges."""
        n, s = len(batch.lengths), int(batch.lengths.max())
        there = torch.arange(s) < batch.lengths[:, None]
        graphs = torch.repeat_interleave(torch.arange(n), batch.lengths)
        places = torch.arange(len(graphs)) - batch.starts[graphs]
        listeners, messages = map(torch.from_numpy, (batch.edges.listeners, batch.edges.messages))
        speakers, kinds = messages // N_EDGE_KINDS, messages % N_EDGE_KINDS
        relations = torch.zeros(N_EDGE_KINDS, n, s, s)
        relations[kinds, graphs[listeners], places[listeners], places[speakers]] = 1.0
        return cls(there, relations[0], relations[2])

    def bias(self) -> Tensor:
        """What each head may see, as :func:`surrogates.rlm.attention.visibility_bias` says it.

        Returns:
            Shape ``(n, heads, s, s)``; 0 where row i may see column j, else very negative.
        """
        producers, consumers = self.producers, self.producers.transpose(1, 2)
        relations = {
            "producers": producers,
            "consumers": consumers,
            "producers_2": producers @ producers,
            "consumers_2": consumers @ consumers,
            "siblings": producers @ consumers + consumers @ producers,
            "calls": self.calls + self.calls.transpose(1, 2),
            "all": torch.ones_like(producers),
        }
        paths = torch.stack([relations[name] for name in RELATIONS], dim=1)
        paths *= self.there[:, None, None, :]
        paths.diagonal(dim1=2, dim2=3).fill_(1.0)
        return visibility_bias(paths > 0)


class _Heads(nn.Module):
    """Attention among statements: pre-norm, residual, at first the identity."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.update = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.update.weight)
        nn.init.zeros_(self.update.bias)

    def forward(self, states: Tensor, there: Tensor, bias: Tensor) -> Tensor:
        """Update statement vectors, shape ``(T, d)``, of graphs padded to ``(n, s)``."""
        n, s = there.shape
        split = self.query_key_value(self.norm(states))
        padded = split.new_zeros(n, s, split.shape[1])
        padded[there] = split
        heads = padded.view(n, s, 3, len(RELATIONS), -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind()
        seen = attend(query, key, value, bias).transpose(1, 2)[there].flatten(1)
        updated: Tensor = states + self.dropout(self.update(seen))
        return updated


class _ApartEncoder(DataflowEncoder):
    """Every statement has a vector of its own from the start, shape ``(T, d)``."""

    def exchange(self, vectors: Tensor, batch: EdgeBatch) -> tuple[Tensor, Tensor]:
        """Run all layers; see the base class."""
        return self.apart(vectors, batch)


class _AttendingEncoder(_ApartEncoder):
    """Sums, then attention heads of which each sees one relation."""

    def __init__(self, width: int, n_layers: int, dropout: float, n_summaries: int = 1) -> None:
        super().__init__(width, n_layers, dropout, n_summaries)
        self.heads = nn.ModuleList(_Heads(width, dropout) for _ in range(n_layers))

    def apart(self, states: Tensor, batch: EdgeBatch) -> tuple[Tensor, Tensor]:
        """Run all layers; see the base class."""
        padded = Padded.of(batch)
        bias = self.visibility(padded)
        for layer, heads in zip(self.layers, self.heads, strict=True):
            states = heads(layer(states, batch.edges), padded.there, bias)
        return states, torch.arange(len(states))

    def visibility(self, padded: Padded) -> Tensor:
        """Return what is added to the scores of each head, shape ``(n, heads, s, s)``."""
        return padded.bias()


class _UnmaskedEncoder(_AttendingEncoder):
    """Sums, then attention heads that see every statement."""

    def visibility(self, padded: Padded) -> Tensor:
        """Return the mask of the last head, which sees everything, for all heads."""
        return super().visibility(padded)[:, -1:]


class _BagEncoder(DataflowEncoder):
    """No sums: statements say nothing, what is left of a layer is its own part."""

    def __init__(self, width: int, n_layers: int, dropout: float, n_summaries: int = 1) -> None:
        super().__init__(width, n_layers, dropout, n_summaries)
        for name, weight in self.named_parameters():
            if name.endswith(".messages.weight"):
                nn.init.zeros_(weight)
                weight.requires_grad = False


class _UnsummedEncoder(_BagEncoder, _AttendingEncoder):
    """Attention heads along relations, and no sums."""


class _ApartNetwork(DataflowNetwork):
    """Every statement has a vector of its own."""

    def statement_vectors(self, batch: EdgeBatch) -> Tensor:
        """Return the vectors of all statements, shape ``(T, d)``."""
        return functional.embedding(batch.statements, super().statement_vectors(batch))


class _OrderedNetwork(_ApartNetwork):
    """Adds a learned vector for the place of a statement in the text."""

    def __init__(
        self,
        vocabulary_size: int,
        n_counts: int,
        settings: RlmSettings,
        encoder_class: type[DataflowEncoder] = DataflowEncoder,
        summaries: Sequence[int] = (),
    ) -> None:
        super().__init__(vocabulary_size, n_counts, settings, encoder_class, summaries)
        self.order = nn.Embedding(_MAX_PLACES, settings.width)
        nn.init.normal_(self.order.weight, std=0.5)

    def statement_vectors(self, batch: EdgeBatch) -> Tensor:
        """Return the vectors of all statements, shape ``(T, d)``."""
        states = super().statement_vectors(batch)
        places = torch.arange(len(states)) - torch.repeat_interleave(batch.starts, batch.lengths)
        ordered: Tensor = states + self.order(places.clamp(max=_MAX_PLACES - 1))
        return ordered


class AttendingReader(DataflowReader):
    """Attention heads along relations too."""

    name: ClassVar[str] = "dataflow_attending"
    network_class = _ApartNetwork
    encoder_class = _AttendingEncoder


class UnmaskedReader(DataflowReader):
    """Attention heads without relations too."""

    name: ClassVar[str] = "dataflow_unmasked"
    network_class = _ApartNetwork
    encoder_class = _UnmaskedEncoder


class UnsummedReader(DataflowReader):
    """Attention heads along relations instead of sums."""

    name: ClassVar[str] = "dataflow_unsummed"
    network_class = _ApartNetwork
    encoder_class = _UnsummedEncoder


class BagReader(DataflowReader):
    """No graph."""

    name: ClassVar[str] = "dataflow_bag"
    encoder_class = _BagEncoder


class OrderedReader(DataflowReader):
    """Statements know their place in the text."""

    name: ClassVar[str] = "dataflow_ordered"
    network_class = _OrderedNetwork
    encoder_class = _ApartEncoder
