"""The dataflow encoder without one of its parts, for the comparison that shows what each is worth.

Every variant has the reader, the size and the training of :mod:`surrogates.rlm.encoders.dataflow`
and differs in one thing. None of them is meant for use.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from surrogates.errors import TextTooLongError
from surrogates.inputs.batches import MAX_DENSE_STATEMENTS, GraphBatch
from surrogates.inputs.edge_batches import EdgeBatch
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.dataflow_reader import DataflowNetwork, DataflowReader
from surrogates.rlm.settings import RlmSettings

PREFERENCE = 2.0
"""What a head that only prefers its relation takes off the score of all other statements."""


class _UnmaskedEncoder(DataflowEncoder):
    """Every head sees every statement."""

    def visibility(self, defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
        """Return the mask of the last head, which sees everything, for all heads."""
        bias = super().visibility(defines, calls, padding)
        return bias[:, -1:].expand_as(bias).contiguous()


class _PreferringEncoder(DataflowEncoder):
    """Every head sees every statement and prefers those of its relation by a factor of e^2."""

    def visibility(self, defines: Tensor, calls: Tensor, padding: Tensor) -> Tensor:
        """Return the mask of everything, less `PREFERENCE` where there is no relation."""
        bias = super().visibility(defines, calls, padding)
        return bias[:, -1:] - PREFERENCE * (bias < 0).to(bias.dtype)


class _UnsummedEncoder(DataflowEncoder):
    """Statements say nothing to each other in sums; what is left of a message is its own layer."""

    def __init__(self, width: int, n_layers: int, dropout: float) -> None:
        super().__init__(width, n_layers, dropout)
        for name, weight in self.named_parameters():
            if name.endswith(".messages.weight"):
                nn.init.zeros_(weight)
                weight.requires_grad = False


class _DenseNetwork(DataflowNetwork):
    """The dataflow network for texts whose relations are dense: variants know no other."""

    def _read(self, batch: GraphBatch | EdgeBatch) -> Tensor:
        if isinstance(batch, EdgeBatch):
            raise TextTooLongError(
                f"A variant for the comparison reads at most {MAX_DENSE_STATEMENTS} statements, "
                f"but got {max(batch.lengths)}. Use the encoder 'dataflow'."
            )
        return super()._read(batch)


class _UnmaskedNetwork(_DenseNetwork):
    encoder_class = _UnmaskedEncoder


class _PreferringNetwork(_DenseNetwork):
    encoder_class = _PreferringEncoder


class _UnsummedNetwork(_DenseNetwork):
    encoder_class = _UnsummedEncoder


class _OrderedNetwork(_DenseNetwork):
    """Adds a learned vector for the place of a statement in the text."""

    def __init__(self, vocabulary_size: int, n_counts: int, settings: RlmSettings) -> None:
        super().__init__(vocabulary_size, n_counts, settings)
        self.order = nn.Embedding(MAX_DENSE_STATEMENTS, settings.width)
        nn.init.normal_(self.order.weight, std=0.5)

    def statement_vectors(self, batch: GraphBatch | EdgeBatch) -> Tensor:
        """Return the vectors of all statements, shape ``(n, s, d)``."""
        states = super().statement_vectors(batch)
        return states + self.order.weight[: states.shape[1]]


class UnmaskedReader(DataflowReader):
    """Attention heads without relations."""

    name: ClassVar[str] = "dataflow_unmasked"
    network_class = _UnmaskedNetwork


class PreferringReader(DataflowReader):
    """Attention heads that prefer a relation and see everything."""

    name: ClassVar[str] = "dataflow_preferring"
    network_class = _PreferringNetwork


class UnsummedReader(DataflowReader):
    """No summed messages."""

    name: ClassVar[str] = "dataflow_unsummed"
    network_class = _UnsummedNetwork


class OrderedReader(DataflowReader):
    """Statements know their place in the text."""

    name: ClassVar[str] = "dataflow_ordered"
    network_class = _OrderedNetwork
