"""The sequence encoder: a plain transformer over the learned tokens of the text.

It knows nothing of graphs: what a line means must be learned from names and positions. It is here
for the comparison with :mod:`surrogates.rlm.encoders.dataflow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from surrogates.rlm.encoders.base import Encoded, EncoderNetwork, TextReader
from surrogates.rlm.encoders.summary import Summary
from surrogates.rlm.encoders.text_bpe import TextTokenizer
from surrogates.rlm.encoders.token_texts import PreparedTokens, TokenBatch
from surrogates.rlm.settings import N_HEADS, RlmSettings

_ROTARY_BASE = 10_000.0


class SequenceReader(TextReader):
    """Reads texts as sequences of learned tokens."""

    name: ClassVar[str] = "sequence"

    def __init__(self, tokenizer: TextTokenizer, settings: RlmSettings) -> None:
        """Keep a learned tokenizer; use :meth:`learn` or :meth:`from_json`."""
        self._tokenizer = tokenizer
        self._settings = settings

    @classmethod
    def learn(cls, texts: Sequence[str], settings: RlmSettings) -> Self:
        """Learn the tokens of texts; see the base class."""
        return cls(TextTokenizer.train(texts, vocabulary_size=settings.vocabulary_size), settings)

    @classmethod
    def from_json(cls, state: dict[str, Any], settings: RlmSettings) -> Self:
        """Restore the reader; see the base class."""
        return cls(TextTokenizer.from_json(state["tokenizer"]), settings)

    def to_json(self) -> dict[str, Any]:
        """Return the tokenizer; see the base class."""
        return {"tokenizer": self._tokenizer.to_json()}

    def prepare(
        self,
        texts: Sequence[str],
        groups: NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> PreparedTokens:
        """Tokenize texts; see the base class."""
        return PreparedTokens(texts, self._tokenizer, self._settings)

    def new_network(
        self,
        *,
        knows_counts: bool = True,  # noqa: ARG002
        summaries: Sequence[int] = (),  # noqa: ARG002
    ) -> SequenceNetwork:
        """Create the network; see the base class."""
        return SequenceNetwork(self._tokenizer.vocabulary_size, self._settings)


def rotated(states: Tensor) -> Tensor:
    """Turn pairs of entries by an angle that grows with the position.

    Args:
        states: Shape ``(n, h, s, e)``, e even; queries or keys.

    Returns:
        The same shape; products of rotated queries and keys depend on their distance only.

    Source:
        "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864.
    """
    s, half = states.shape[2], states.shape[3] // 2
    speed = _ROTARY_BASE ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = torch.arange(s, dtype=torch.float32)[:, None] * speed
    cosine, sine = angle.cos().to(states.dtype), angle.sin().to(states.dtype)
    first, second = states[..., :half], states[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


class _Layer(nn.Module):
    """Self-attention over all tokens and a feed-forward part; both pre-norm."""

    def __init__(self, width: int, dropout: float, *, is_rotary: bool) -> None:
        super().__init__()
        self.is_rotary = is_rotary
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """Update token vectors (n, s, d); seen (n, 1, 1, s) is true where there is a token."""
        n, s, d = states.shape
        query, key, value = (
            self.query_key_value(self.norm(states))
            .view(n, s, 3, N_HEADS, d // N_HEADS)
            .permute(2, 0, 3, 1, 4)
        )
        if self.is_rotary:
            query, key = rotated(query), rotated(key)
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        heard = self.attention_out(heard.transpose(1, 2).reshape(n, s, d))
        states = states + self.dropout(heard)
        updated: Tensor = states + self.dropout(self.feed_forward(states))
        return updated


class SequenceNetwork(EncoderNetwork):
    """Token embedding, positions, and transformer layers."""

    def __init__(self, vocabulary_size: int, settings: RlmSettings) -> None:
        """Create the network with random weights.

        Args:
            vocabulary_size: Text token ids.
            settings: Its shape.
        """
        super().__init__()
        width, is_rotary = settings.width, settings.positions == "rotary"
        self.tokens = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.positions = None if is_rotary else nn.Embedding(settings.context_length, width)
        self.layers = nn.ModuleList(
            _Layer(width, settings.dropout, is_rotary=is_rotary) for _ in range(settings.n_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.summary = Summary(width)
        nn.init.normal_(self.tokens.weight, std=0.5)
        with torch.no_grad():
            self.tokens.weight[0].zero_()
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=0.5)

    def forward(self, batch: TokenBatch) -> Encoded:
        """Encode a batch of token sequences."""
        states = self.tokens(batch.tokens)
        if self.positions is not None:
            states = states + self.positions.weight[: states.shape[1]]
        seen = ~batch.padding[:, None, None, :]
        for layer in self.layers:
            states = layer(states, seen)
        vectors = self.summary(self.norm(states), batch.padding)
        return Encoded(vectors, functional.pad(batch.padding, (1, 0), value=False))
