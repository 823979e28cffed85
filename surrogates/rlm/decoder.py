"""The decoder: metric token, sign, exponent, digits; the next token under the grammar.

A sequence is ``metric numeral metric numeral ...``: later numbers are conditioned on earlier
ones. The last numeral is not a line but a tree: all prefixes of the trie at once, each seeing the
metric tokens and numerals before it, and its own ancestors. One pass gives every next-token
distribution, hence the exact distribution over numerals.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from surrogates.rlm.attention import attend, visibility_bias


class _Layer(nn.Module):
    """Tree-masked self-attention, attention to the statements, feed-forward; all pre-norm."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.self_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.self_out = nn.Linear(width, width)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_query = nn.Linear(width, width, bias=False)
        self.cross_key_value = nn.Linear(width, 2 * width, bias=False)
        self.cross_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def _heads(self, x: Tensor) -> Tensor:
        """(n, t, d) to (n, h, t, d / h)."""
        return x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2)

    def memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the statements, shape (n, h, s, d / h): computed once, used often."""
        key, value = self.cross_key_value(memory).chunk(2, dim=-1)
        return self._heads(key), self._heads(value)

    def forward(
        self,
        states: Tensor,
        tree: Tensor,
        cached: tuple[Tensor, Tensor],
        seen: Tensor,
        first: int,
    ) -> Tensor:
        """Update states; where all texts still share them, they are worked on once.

        Args:
            states: Shape ``(n, t, d)``, or ``(1, t, d)`` if they are those of every text.
            tree: Broadcastable to ``(n, h, t, t)``, a bias.
            cached: Keys and values from :meth:`memory`.
            seen: Shape ``(n, 1, 1, s)``, a bias.
            first: Position from which on states are wanted.

        Returns:
            Shape ``(n, t - first, d)``.
        """
        n, t, d = len(seen), *states.shape[1:]
        if self.training and self.dropout.p > 0.0:
            states = states.expand(n, t, d)  # each text draws its own dropout
        query, key, value = self.query_key_value(self.self_norm(states)).chunk(3, dim=-1)
        states, query, tree = states[:, first:], query[:, first:], tree[..., first:, :]
        attended = attend(self._heads(query), self._heads(key), self._heads(value), tree)
        states = states + self.dropout(self.self_out(attended.transpose(1, 2).flatten(2)))
        if seen.shape[3] == 1:  # one vector to attend to: the weight is 1 whatever the query
            attended = cached[1]
        else:
            attended = attend(
                self._heads(self.cross_query(self.cross_norm(states))), *cached, seen
            )
        heard = self.cross_out(attended.transpose(1, 2).flatten(2))
        states = states + self.dropout(heard.expand(n, t - first, d))
        updated: Tensor = states + self.dropout(self.feed_forward(states))
        return updated


class NumeralDecoder(nn.Module):
    """Predicts the next number token at every position of a sequence that ends in a tree."""

    def __init__(
        self,
        n_metrics: int,
        n_tokens: int,
        width: int,
        n_layers: int,
        max_depth: int,
        dropout: float,
    ) -> None:
        """Create the tables and layers.

        Args:
            n_metrics: Metric tokens.
            n_tokens: Number tokens, the grammar's vocabulary.
            width: Length d of a vector, that of the encoder.
            n_layers: Decoder layers.
            max_depth: Tokens of a numeral.
            dropout: On each sublayer while training.
        """
        super().__init__()
        self.metrics = nn.Embedding(n_metrics, width)
        self.numbers = nn.Embedding(n_tokens, width)
        self.depths = nn.Embedding(max_depth + 1, width)
        self.layers = nn.ModuleList(_Layer(width, 4, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_tokens)
        for table in (self.metrics, self.numbers, self.depths):
            nn.init.normal_(table.weight, std=0.5)

    def cache(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return keys and values of the statements for every layer; memory (n, s, d)."""
        return [layer.memory(memory) for layer in self._layers()]

    def _layers(self) -> Iterator[_Layer]:
        """The layers with their type."""
        return (layer for layer in self.layers if isinstance(layer, _Layer))

    def embed(self, metric: Tensor, tokens: Tensor, depths: Tensor, owner: Tensor) -> Tensor:
        """Embed positions: the metric each belongs to, its own token and its depth.

        Args:
            metric: Shape ``(m,)``, metric ids of the sequence.
            tokens: Shape ``(n, t)`` or ``(1, t)``; number token ids, -1 at metric tokens.
            depths: Shape ``(t,)``; 0 at metric tokens.
            owner: Shape ``(t,)``; index into ``metric``.

        Returns:
            Shape ``(n, t, d)``.
        """
        is_number = (tokens >= 0)[:, :, None]
        numbers = self.numbers(tokens.clamp(min=0)) * is_number
        embedded: Tensor = numbers + self.metrics(metric)[owner] + self.depths(depths)
        return embedded

    def forward(
        self,
        states: Tensor,
        tree: Tensor,
        cached: list[tuple[Tensor, Tensor]],
        padding: Tensor,
        first: int = 0,
    ) -> Tensor:
        """Return next-token logits.

        Args:
            states: Shape ``(n, t, d)``, or ``(1, t, d)`` for all texts, from :meth:`embed`.
            tree: Shape ``(t, t)`` or ``(n, 1, t, t)``, true where a position sees another.
            cached: From :meth:`cache`.
            padding: Shape ``(n, s)``, true where the memory holds nothing.
            first: Position from which on logits are wanted; those before it are seen alone.

        Returns:
            Shape ``(n, t - first, v)``.
        """
        seen = visibility_bias(~padding[:, None, None, :])
        bias = visibility_bias(tree)
        last = len(self.layers) - 1
        for number, (layer, memory) in enumerate(zip(self._layers(), cached, strict=True)):
            states = layer(states, bias, memory, seen, first if number == last else 0)
        logits: Tensor = self.head(self.norm(states))
        return logits
