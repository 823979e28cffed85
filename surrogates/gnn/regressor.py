"""Graph networks as surrogates: the strong baselines on the statements that the RLM reads.

One class a network; they share reader, training, ensemble and checkpoint, and differ in the
network and in the defaults of their settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from surrogates.gnn.brp_nas import StatementBrpNas
from surrogates.gnn.ensemble import NetworkEnsemble, Reader, ReadRows
from surrogates.gnn.flan import StatementFlan
from surrogates.gnn.gat import StatementGat
from surrogates.gnn.gcn import StatementGcn
from surrogates.gnn.gin import StatementGin
from surrogates.gnn.graph_transformer import StatementTransformer
from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.settings import (
    BrpNasSettings,
    FlanSettings,
    GatSettings,
    GcnSettings,
    GinSettings,
    GraphTransformerSettings,
    TaGatesSettings,
)
from surrogates.gnn.ta_gates import StatementTaGates
from surrogates.inputs.batches import GraphBatch, StatementInterner
from surrogates.inputs.statements import read_all
from surrogates.inputs.text_tokens import StatementTokenizer


class StatementReader(Reader):
    """Texts as padded statement graphs, with a tokenizer trained on the training texts."""

    def __init__(self, tokenizer: StatementTokenizer) -> None:
        """Keep a tokenizer.

        Args:
            tokenizer: Of statements.
        """
        self.tokenizer = tokenizer

    @classmethod
    def fit(cls, texts: Sequence[str], vocabulary_size: int) -> StatementReader:
        """Train a tokenizer on the statements of texts."""
        statements = [statement for graph in read_all(texts) for statement in graph.statements]
        return cls(StatementTokenizer.train(statements, vocabulary_size=vocabulary_size))

    def read(self, texts: Sequence[str]) -> ReadRows:
        """Read texts into statement graphs; see :meth:`surrogates.gnn.ensemble.Reader.read`."""
        graphs = read_all(texts)
        interner = StatementInterner(self.tokenizer)
        numbers = interner.intern(graphs)

        def collate(rows: NDArray[np.int64]) -> GraphBatch:
            return interner.collate([graphs[k] for k in rows], [numbers[k] for k in rows])

        return ReadRows([len(graph) for graph in graphs], collate)

    def to_state(self) -> dict[str, Any]:
        """Return the tokenizer."""
        return {"tokenizer": self.tokenizer.to_json()}


class GnnRegressor(NetworkEnsemble):
    """A graph network over the statement graph, one head a metric."""

    settings_type: ClassVar[type[GcnSettings]] = GcnSettings
    settings: GcnSettings
    network_type: ClassVar[type[StatementNetwork]]

    def fit_reader(self, texts: Sequence[str]) -> Reader:
        """Return a reader with a tokenizer of these texts."""
        return StatementReader.fit(texts, self.settings.vocabulary_size)

    def restore_reader(self, state: dict[str, Any]) -> Reader:
        """Return the reader of a checkpoint."""
        return StatementReader(StatementTokenizer.from_json(state["tokenizer"]))

    def make_network(self, reader: Reader, n_metrics: int) -> nn.Module:
        """Create a network of these settings."""
        assert isinstance(reader, StatementReader)  # noqa: S101 - what fit_reader returns
        return self.network_type(
            vocabulary_size=reader.tokenizer.vocabulary_size,
            n_metrics=n_metrics,
            width=self.settings.width,
            n_layers=self.settings.n_layers,
            dropout=self.settings.dropout,
        )


class GcnRegressor(GnnRegressor):
    """A graph convolutional network, see :mod:`surrogates.gnn.gcn`."""

    name: ClassVar[str] = "gcn"
    network_type = StatementGcn


class GatRegressor(GnnRegressor):
    """A graph attention network, see :mod:`surrogates.gnn.gat`."""

    name: ClassVar[str] = "gat"
    settings_type = GatSettings
    network_type = StatementGat
    max_batch_pairs = 1_000_000


class GinRegressor(GnnRegressor):
    """A graph isomorphism network, see :mod:`surrogates.gnn.gin`."""

    name: ClassVar[str] = "gin"
    settings_type = GinSettings
    network_type = StatementGin


class GraphTransformerRegressor(GnnRegressor):
    """A graph transformer, see :mod:`surrogates.gnn.graph_transformer`."""

    name: ClassVar[str] = "graph_transformer"
    settings_type = GraphTransformerSettings
    network_type = StatementTransformer
    max_batch_pairs = 1_000_000


class FlanRegressor(GnnRegressor):
    """Flow attention both ways, see :mod:`surrogates.gnn.flan`."""

    name: ClassVar[str] = "flan"
    settings_type = FlanSettings
    network_type = StatementFlan
    max_batch_pairs = 1_000_000


class TaGatesRegressor(GnnRegressor):
    """Operations refined by sweeps both ways, see :mod:`surrogates.gnn.ta_gates`."""

    name: ClassVar[str] = "ta_gates"
    settings_type = TaGatesSettings
    network_type = StatementTaGates


class BrpNasRegressor(GnnRegressor):
    """A plain GCN trained on pairs alone, see :mod:`surrogates.gnn.brp_nas`."""

    name: ClassVar[str] = "brp_nas"
    settings_type = BrpNasSettings
    network_type = StatementBrpNas
