"""The assembled Regression Language Model: texts in, distributions over numerals out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.rlm.decoder import NumeralDecoder
from surrogates.rlm.digit_trie import DigitTrie
from surrogates.rlm.encoders.base import Batch, EncoderNetwork
from surrogates.rlm.heads.base import HeadNetwork
from surrogates.rlm.number_tokens import NumeralGrammar
from surrogates.rlm.settings import RlmSettings


class Memory(Protocol):
    """What was read of ``n`` texts; the network that encoded them looks inside."""

    def __len__(self) -> int:
        """Return how many texts."""

    def rows(self, index: Tensor) -> Self:
        """Return the memory of some texts, repeats allowed."""


@dataclass(frozen=True)
class CachedMemory:
    """What the decoder knows of ``n`` texts: cached keys and values of every decoder layer.

    Attributes:
        cached: Per layer, keys and values, each of shape ``(n, h, s, d / h)``.
        padding: Shape ``(n, s)``, true where there is nothing.
    """

    cached: list[tuple[Tensor, Tensor]]
    padding: Tensor

    def __len__(self) -> int:
        """Return how many texts."""
        return len(self.padding)

    def rows(self, index: Tensor) -> CachedMemory:
        """Return the memory of some texts, repeats allowed."""
        cached = [(key[index], value[index]) for key, value in self.cached]
        return CachedMemory(cached, self.padding[index])

    def vector(self, place: int) -> CachedMemory:
        """Return the memory of one of the s vectors."""
        own = slice(place, place + 1)
        cached = [(key[:, :, own], value[:, :, own]) for key, value in self.cached]
        return CachedMemory(cached, self.padding[:, own])


@dataclass(frozen=True)
class Context:
    """Known numbers of other metrics that the decoder may read.

    Attributes:
        metrics: Shape ``(c,)``, metric ids.
        tokens: Shape ``(n, c, length)``, their numerals.
        known: Shape ``(n, c)``, false where a number is unknown and hidden.
    """

    metrics: Tensor
    tokens: Tensor
    known: Tensor

    @classmethod
    def drawn(
        cls,
        scaled: NDArray[np.float64],
        tokens: NDArray[np.int64],
        labelled: NDArray[np.int64],
        others: NDArray[np.int64],
        rate: float,
        rng: np.random.Generator,
    ) -> Self | None:
        """Show some rows, chosen with probability ``rate``, a random share of their other metrics.

        All other rows are shown nothing, however many metrics there are: most predictions are made
        so.

        Args:
            scaled: Shape ``(b, m)``, labels of a batch, NaN where a row lacks one.
            tokens: Shape ``(b, m, length)``, their numerals.
            labelled: Shape ``(n,)``, the rows that are learned.
            others: Shape ``(c,)``, the metrics that may be shown.
            rate: In [0, 1].
            rng: Source of randomness.
        """
        if not len(others) or rate == 0.0:
            return None
        known = ~np.isnan(scaled[np.ix_(labelled, others)])
        is_told = rng.random((len(labelled), 1)) < rate
        known &= is_told & (rng.random(known.shape) < rng.random((len(labelled), 1)))
        return cls(
            metrics=torch.from_numpy(others),
            tokens=torch.from_numpy(tokens[np.ix_(labelled, others)]),
            known=torch.from_numpy(known),
        )


class DigitsNetwork(HeadNetwork, ABC):
    """What spells the numerals of all metrics."""

    @abstractmethod
    def encode(self, batch: Batch, metrics: Sequence[int] | NDArray[np.int64]) -> Memory:
        """Read a batch of texts once for some metrics."""

    @abstractmethod
    def next_token_logits(
        self, memory: Any, metric: int, trie: TrieTensors, context: Context | None = None
    ) -> Tensor:
        """Return logits at every prefix of the trie, shape ``(n, t, v)``.

        Args:
            memory: From :meth:`encode`.
            metric: Id of the metric whose numeral the trie spells.
            trie: Prefixes and legal tokens.
            context: Numbers of other metrics, or None.
        """

    def leaf_log_probabilities(
        self,
        memory: Memory,
        metric: int,
        trie: TrieTensors,
        context: Context | None = None,
        sharpness: float = 1.0,
    ) -> Tensor:
        """Return the exact log probability of every numeral of the trie, shape ``(n, l)``.

        ``sharpness`` multiplies the logits of every token and is the inverse of a temperature; all
        else is as for :meth:`next_token_logits`.
        """
        logits = sharpness * self.next_token_logits(memory, metric, trie, context).float()
        return leaf_log_probabilities(logits, trie)


class RlmNetwork(DigitsNetwork):
    """An encoder and the numeral decoder."""

    of_metrics = ("decoder.metrics.weight",)

    def __init__(
        self,
        encoder: EncoderNetwork,
        settings: RlmSettings,
        grammar: NumeralGrammar,
        n_metrics: int,
    ) -> None:
        """Create the decoder with random weights.

        Args:
            encoder: Its vectors are ``settings.width`` long.
            settings: Shape of the decoder.
            grammar: The legal numerals.
            n_metrics: Metric tokens.
        """
        super().__init__()
        self.grammar = grammar
        self.encoder = encoder
        self.decoder = NumeralDecoder(
            n_metrics,
            len(grammar.vocabulary),
            settings.width,
            settings.n_decoder_layers,
            grammar.length,
            settings.dropout,
        )

    def encode(
        self,
        batch: Batch,
        metrics: Sequence[int] | NDArray[np.int64],  # noqa: ARG002 - of any, the same
    ) -> CachedMemory:
        """Read a batch of texts; see the base class."""
        encoded = self.encoder(batch)
        return CachedMemory(self.decoder.cache(encoded.vectors), encoded.padding)

    def next_token_logits(
        self, memory: CachedMemory, metric: int, trie: TrieTensors, context: Context | None = None
    ) -> Tensor:
        """Return logits at every prefix; see the base class."""
        if self.encoder.summaries:
            memory = memory.vector(self.encoder.summaries[metric])
        n, t = len(memory), len(trie.tokens)
        device = trie.tokens.device
        own = torch.tensor([metric], device=device)
        owner = torch.zeros(t, dtype=torch.long, device=device)
        tree = self.decoder.embed(own, trie.tokens[None], trie.depths, owner)
        if context is None or not len(context.metrics):
            alone: Tensor = self.decoder(tree, trie.ancestors, memory.cached, memory.padding)
            return alone
        length, c = self.grammar.length, len(context.metrics)
        depths = torch.arange(1, length + 1, device=device).repeat(c)
        owner = torch.arange(c, device=device).repeat_interleave(length)
        before = self.decoder.embed(context.metrics, context.tokens.reshape(n, -1), depths, owner)
        states = torch.cat([before, tree.expand(n, -1, -1)], dim=1)
        known = context.known.repeat_interleave(length, dim=1)
        mask = torch.zeros(n, c * length + t, c * length + t, dtype=torch.bool, device=device)
        mask[:, :, : c * length] = known[:, None, :]
        mask[:, c * length :, c * length :] = trie.ancestors
        mask |= torch.eye(c * length + t, dtype=torch.bool, device=device)
        logits: Tensor = self.decoder(
            states, mask[:, None], memory.cached, memory.padding, first=c * length
        )
        return logits


@dataclass(frozen=True, eq=False)
class TrieTensors:
    """A :class:`DigitTrie` as tensors; same fields, same shapes, and two derived ones.

    Attributes:
        legal_bias: Shape ``(t, v)``; 0 where legal, else minus infinity.
        leaf_paths: Shape ``(l, length)``; positions of the path of each leaf in a flat ``(t, v)``.
    """

    tokens: Tensor
    depths: Tensor
    ancestors: Tensor
    legal: Tensor
    leaf_nodes: Tensor
    leaf_tokens: Tensor
    leaf_values: Tensor
    legal_bias: Tensor
    leaf_paths: Tensor

    @classmethod
    def of(cls, trie: DigitTrie) -> TrieTensors:
        """Copy a trie to tensors."""
        legal = torch.from_numpy(trie.legal)
        paths = trie.leaf_nodes * trie.legal.shape[1] + trie.leaf_tokens
        return cls(
            tokens=torch.from_numpy(trie.tokens),
            depths=torch.from_numpy(trie.depths),
            ancestors=torch.from_numpy(trie.ancestors),
            legal=legal,
            leaf_nodes=torch.from_numpy(trie.leaf_nodes),
            leaf_tokens=torch.from_numpy(trie.leaf_tokens),
            leaf_values=torch.from_numpy(trie.leaf_values).float(),
            legal_bias=torch.zeros(legal.shape).masked_fill(~legal, -torch.inf),
            leaf_paths=torch.from_numpy(paths),
        )


def leaf_log_probabilities(logits: Tensor, trie: TrieTensors) -> Tensor:
    """Return the log probability of every numeral, shape ``(n, l)``.

    Args:
        logits: Shape ``(n, t, v)``, at every prefix of the trie.
        trie: Prefixes and legal tokens.
    """
    legal = (logits + trie.legal_bias).log_softmax(dim=-1)
    paths = legal.flatten(1).index_select(1, trie.leaf_paths.flatten())
    return paths.view(len(paths), *trie.leaf_paths.shape).sum(dim=-1)
