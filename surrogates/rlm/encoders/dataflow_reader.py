"""The reader of the dataflow encoder: texts to statement graphs, statements to learned tokens.

What can be counted is counted and not learned: operations, paths, degrees, parameters, mult-adds
of the whole text (see :mod:`surrogates.inputs.graph_features`) go to the summary beside what the
layers say of the statements. On few rows of a space with long texts that is worth a lot; where
training texts do not differ in a number it is left out.

Counts are standardised by the training texts of each group of metrics, which are those of a search
space: what is much in one space is little in another, and what matters is which of two networks of a
space has more.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surrogates.inputs.batches import StatementInterner
from surrogates.inputs.edge_batches import EdgeBatch, in_batches
from surrogates.inputs.feature_table import CountScale, FeatureTable
from surrogates.inputs.read_ahead import read_ahead
from surrogates.inputs.statements import StatementGraph, read_all
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.memory import paused_collection
from surrogates.networks.statement_embedding import StatementEmbedding
from surrogates.rlm.encoders.base import Encoded, EncoderNetwork, PreparedTexts, TextReader
from surrogates.rlm.encoders.dataflow import DataflowEncoder, Summaries
from surrogates.rlm.settings import RlmSettings


class Counts(NamedTuple):
    """What is counted in some texts.

    Attributes:
        logarithms: Shape ``(n, c)``.
        groups: Shape ``(n,)``, the group of metrics that each text is read for.
        scales: Of every group.
    """

    logarithms: NDArray[np.float64]
    groups: NDArray[np.int64]
    scales: Sequence[CountScale]

    def of_group(self, group: int) -> Counts:
        """Return the counts of the same texts, read for one group."""
        return self._replace(groups=np.full(len(self.groups), group))

    def scaled(self) -> NDArray[np.float32]:
        """Return the counts in standard deviations, shape ``(n, c)``."""
        found = np.zeros(self.logarithms.shape, dtype=np.float32)
        for group in np.unique(self.groups).tolist():
            own = self.groups == group
            found[own] = self.scales[group].standardised(self.logarithms[own])
        return found


class DataflowBatch(NamedTuple):
    """What the network reads of some texts.

    Attributes:
        graphs: Their statements.
        counts: Shape ``(n, c)``, in standard deviations; c may be 0.
    """

    graphs: EdgeBatch
    counts: Tensor


class PreparedGraphs(PreparedTexts):
    """Statement graphs whose distinct statements were tokenized once."""

    def __init__(
        self,
        graphs: Sequence[StatementGraph],
        interner: StatementInterner,
        counts: Counts,
    ) -> None:
        """Number the statements of the graphs."""
        self._raw_counts = counts
        self._counts = torch.from_numpy(counts.scaled())
        self._graphs = graphs
        self._interner = interner
        self._numbers = interner.intern(graphs)

    def __len__(self) -> int:
        """Return the number of graphs."""
        return len(self._graphs)

    def collate(self, rows: Sequence[int] | NDArray[np.int64]) -> DataflowBatch:
        """Put some texts together; see the base class."""
        graphs, numbers = [self._graphs[i] for i in rows], [self._numbers[i] for i in rows]
        batch = self._interner.collate_edges(graphs, numbers)
        return DataflowBatch(batch, self._counts[np.asarray(rows)])

    def batches(self) -> list[NDArray[np.int64]]:
        """Split into batches of bounded memory; see the base class."""
        return in_batches([len(graph) for graph in self._graphs])

    def of_group(self, group: int) -> Self:
        """Return the same graphs with other counts; see the base class."""
        if (self._raw_counts.groups == group).all():
            return self
        other = copy.copy(self)
        other._counts = torch.from_numpy(self._raw_counts.of_group(group).scaled())
        return other


class DataflowNetwork(EncoderNetwork):
    """Statement embedding, dataflow encoder, and two layers that read the counts.

    A network that is told the counts learns them by heart and hears the graph less; one that is not
    errs on other texts. So members take turns, the first is not told. Kendall's tau of three members
    of which all are told, every second one is, and none is, with the process on counts beside them,
    on development rows of 4 draws: NAS-Bench-201 with 78 rows .819, .829 and .826, NAS-Bench-101
    with 72 rows .689, .698 and .697, NAS-Bench-Macro with 50 rows .886, .887 and .887.
    """

    has_large_products: ClassVar[bool] = False
    """They are narrow: 200 steps on 156 rows took 3.9 s of CPU in bfloat16, 2.9 s without."""

    def __init__(
        self,
        vocabulary_size: int,
        n_counts: int,
        settings: RlmSettings,
        encoder_class: type[DataflowEncoder] = DataflowEncoder,
        summaries: Sequence[int] = (),
    ) -> None:
        """Create the network with random weights.

        Args:
            vocabulary_size: Text token ids.
            n_counts: Counts of a text, 0 for none.
            settings: Its shape.
            encoder_class: Of its layers.
            summaries: See the base class.
        """
        super().__init__()
        self.summaries = tuple(summaries)
        n_summaries = 1 + max(summaries, default=0)
        self.embedding = StatementEmbedding(vocabulary_size, settings.width)
        width = settings.width
        self.layers = encoder_class(width, settings.n_layers, settings.dropout, n_summaries)
        self.counts = (
            nn.Sequential(
                nn.Linear(n_counts, 2 * width),
                nn.GELU(),
                Summaries(2 * width, width, n_summaries),
            )
            if n_counts
            else None
        )

    @property
    def of_summaries(self) -> tuple[str, ...]:
        """Weights with one row a summary; see the base class."""
        return tuple(
            f"{place}.{name}"
            for place, module in self.named_modules()
            if isinstance(module, Summaries)
            for name, _ in module.named_parameters()
        )

    @property
    def knows_counts(self) -> bool:
        """Whether it reads counts; see the base class."""
        return self.counts is not None

    def forward(self, batch: DataflowBatch) -> Encoded:
        """Encode a batch of texts."""
        graphs = batch.graphs
        memory = self.layers(self.statement_vectors(graphs), graphs)
        if self.counts is not None:
            memory = memory + self.counts(batch.counts)
        return Encoded(memory, torch.zeros(memory.shape[:2], dtype=torch.bool))

    def statement_vectors(self, batch: EdgeBatch) -> Tensor:
        """Return what each distinct statement says by itself, shape ``(u, d)``."""
        vectors: Tensor = self.embedding(batch.tokens, batch.places, batch.sizes)
        return vectors


class DataflowReader(TextReader):
    """Reads texts as statement graphs and learns the tokens of statements."""

    name: ClassVar[str] = "dataflow"
    network_class: ClassVar[type[DataflowNetwork]] = DataflowNetwork
    encoder_class: ClassVar[type[DataflowEncoder]] = DataflowEncoder

    def __init__(
        self,
        tokenizer: StatementTokenizer,
        counts: FeatureTable | None,
        scales: Sequence[CountScale],
        settings: RlmSettings,
    ) -> None:
        """Keep what was learned; use :meth:`learn` or :meth:`from_json`."""
        self._tokenizer = tokenizer
        self._counts = counts
        self._scales = tuple(scales)
        self._settings = settings

    @classmethod
    def learn(cls, texts: Sequence[str], settings: RlmSettings) -> Self:
        """Learn the tokens of statements and the scales of counts; see the base class."""
        with paused_collection():
            read_ahead(texts)
            graphs = read_all(texts)
            tokenizer = StatementTokenizer.train(
                chain.from_iterable(graph.statements for graph in graphs),
                vocabulary_size=settings.vocabulary_size,
            )
            counts = FeatureTable.fit(texts, has_pairs=False) if settings.has_counts else None
        return cls(tokenizer, counts, _first_scale(counts), settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the reader; see the base class."""
        tokenizer = StatementTokenizer.from_json(state["tokenizer"])
        counts = FeatureTable.from_state(state["counts"]) if settings.has_counts else None
        scales = _first_scale(counts)
        if "scales" in state:  # older ones had one
            scales = [
                CountScale(*(np.array(part, float) for part in pair)) for pair in state["scales"]
            ]
        reader = cls(tokenizer, counts, scales, settings)
        shape = (reader.n_counts,)
        if not scales or any(not _is_of(scale, shape) for scale in scales):
            raise ValueError("columns and scales of counts differ in number, or are no numbers")
        return reader

    def to_json(self) -> dict[str, Any]:
        """Return tokenizer and scales; see the base class."""
        counts = self._counts.to_state() if self._counts else None
        scales = [[scale.means.tolist(), scale.stds.tolist()] for scale in self._scales]
        return {"tokenizer": self._tokenizer.to_json(), "counts": counts, "scales": scales}

    def prepare(
        self, texts: Sequence[str], groups: NDArray[np.int64] | None = None
    ) -> PreparedGraphs:
        """Read texts into statement graphs and counts; see the base class."""
        with paused_collection():
            read_ahead(texts)
            graphs = read_all(texts)
            logarithms = self._logarithms(texts)
            interner = StatementInterner(self._tokenizer)
            own = np.zeros(len(texts), dtype=np.int64) if groups is None else groups
            counts = Counts(logarithms, own, self._scales)
            return PreparedGraphs(graphs, interner, counts)

    @property
    def n_groups(self) -> int:
        """How many scales of counts there are; see the base class."""
        return len(self._scales)

    def rescaled(self, of_groups: Sequence[int | Sequence[str]]) -> Self:
        """Measure counts by other texts; see the base class."""
        scales = [
            self._scales[origin]
            if isinstance(origin, int)
            else CountScale.of(self._logarithms(origin))
            for origin in of_groups
        ]
        return type(self)(self._tokenizer, self._counts, scales, self._settings)

    def new_network(
        self, *, knows_counts: bool = True, summaries: Sequence[int] = ()
    ) -> DataflowNetwork:
        """Create the network; see the base class."""
        n_counts = self.n_counts if knows_counts else 0
        return self.network_class(
            self._tokenizer.vocabulary_size,
            n_counts,
            self._settings,
            self.encoder_class,
            summaries,
        )

    @property
    def n_counts(self) -> int:
        """How many numbers are counted in a text."""
        return len(self._counts.names) if self._counts else 0

    def _logarithms(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of what is counted in texts, shape ``(n, n_counts)``."""
        if self._counts is None or not texts:
            return np.zeros((len(texts), self.n_counts))
        return self._counts.logarithms(texts)


def _is_of(scale: CountScale, shape: tuple[int, ...]) -> bool:
    """Whether means and deviations have a shape, and all are finite."""
    return all(part.shape == shape and np.isfinite(part).all() for part in scale)


def _first_scale(counts: FeatureTable | None) -> list[CountScale]:
    """The scale of a single group, that of the table; without counts an empty one."""
    if counts is None:
        return [CountScale(np.zeros(0), np.zeros(0))]
    return [CountScale(np.array(counts.means), np.array(counts.stds))]
