"""The reader of the dataflow encoder: texts to statement graphs, statements to learned tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from surrogates.inputs.batches import (
    MAX_DENSE_STATEMENTS,
    GraphBatch,
    StatementInterner,
    by_length,
)
from surrogates.inputs.edge_batches import EdgeBatch, EdgeLists
from surrogates.inputs.statements import StatementGraph, read_all
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.rlm.encoders.base import Encoded, EncoderNetwork, PreparedTexts, TextReader
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.statement_embedding import StatementEmbedding
from surrogates.rlm.settings import RlmSettings


class DataflowReader(TextReader):
    """Reads texts as statement graphs and learns the tokens of statements."""

    name: ClassVar[str] = "dataflow"

    def __init__(self, tokenizer: StatementTokenizer, settings: RlmSettings) -> None:
        """Keep a learned tokenizer; use :meth:`learn` or :meth:`from_json`."""
        self._tokenizer = tokenizer
        self._settings = settings

    @classmethod
    def learn(cls, texts: Sequence[str], settings: RlmSettings) -> Self:
        """Learn the tokens of statements; see the base class."""
        graphs = read_all(texts)
        tokenizer = StatementTokenizer.train(
            chain.from_iterable(graph.statements for graph in graphs),
            vocabulary_size=settings.vocabulary_size,
        )
        return cls(tokenizer, settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the reader; see the base class."""
        return cls(StatementTokenizer.from_json(state["tokenizer"]), settings)

    def to_json(self) -> dict[str, Any]:
        """Return the tokenizer; see the base class."""
        return {"tokenizer": self._tokenizer.to_json()}

    def prepare(self, texts: Sequence[str]) -> PreparedGraphs:
        """Read texts into statement graphs; see the base class."""
        interner = StatementInterner(self._tokenizer)
        return PreparedGraphs(read_all(texts), interner, self._settings.n_layers)

    def new_network(self) -> DataflowNetwork:
        """Create the network; see the base class."""
        return DataflowNetwork(self._tokenizer.vocabulary_size, self._settings)


class PreparedGraphs(PreparedTexts):
    """Statement graphs whose distinct statements were tokenized once."""

    def __init__(
        self, graphs: Sequence[StatementGraph], interner: StatementInterner, n_layers: int
    ) -> None:
        """Number the statements of the graphs."""
        self._graphs = graphs
        self._interner = interner
        self._numbers = interner.intern(graphs)
        self._n_layers = n_layers
        self._edges: dict[int, EdgeLists] = {}

    def __len__(self) -> int:
        """Return the number of graphs."""
        return len(self._graphs)

    def collate(self, rows: Sequence[int] | NDArray[np.int64]) -> GraphBatch | EdgeBatch:
        """Pad graphs to a batch, or list the edges if one is long; see the base class."""
        numbers = [self._numbers[i] for i in rows]
        if max(map(len, numbers)) > MAX_DENSE_STATEMENTS:
            return self._interner.collate_edges([self._listed(int(i)) for i in rows], numbers)
        return self._interner.collate([self._graphs[i] for i in rows], numbers)

    def _listed(self, row: int) -> EdgeLists:
        """The edges of a graph, listed once."""
        if row not in self._edges:
            graph = self._graphs[row]
            self._edges[row] = EdgeLists.of(graph, self._numbers[row], self._n_layers)
        return self._edges[row]

    def batches(self) -> list[NDArray[np.int64]]:
        """Split into batches of similar length; see the base class."""
        return by_length([len(graph) for graph in self._graphs])


class DataflowNetwork(EncoderNetwork):
    """Statement embedding and dataflow encoder."""

    def __init__(self, vocabulary_size: int, settings: RlmSettings) -> None:
        """Create the network with random weights.

        Args:
            vocabulary_size: Text token ids.
            settings: Its shape.
        """
        super().__init__()
        self.embedding = StatementEmbedding(vocabulary_size, settings.width)
        self.layers = DataflowEncoder(settings.width, settings.n_layers, settings.dropout)

    def forward(self, batch: GraphBatch | EdgeBatch) -> Encoded:
        """Encode a batch of statement graphs."""
        vectors = self.embedding(batch.tokens, batch.places, batch.sizes)
        states = functional.embedding(batch.statements, vectors)
        if isinstance(batch, EdgeBatch):
            memory = self.layers.forward_edges(states, batch)
        else:
            memory = self.layers(states, batch.defines, batch.calls, batch.padding)
        return Encoded(memory, torch.zeros(memory.shape[:2], dtype=torch.bool))
