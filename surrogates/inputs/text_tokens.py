"""Statements to token ids: a byte-level BPE that is learned from the training statements.

A statement is a list of fields separated by one space, such as ``out1=16``. The tokenizer merges
inside a field and never across two, so a frequent field is one token and an unseen number falls
back to shorter pieces; nothing is ever unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from surrogates.errors import CheckpointError

PADDING_ID = 0
_PADDING = "<pad>"


class StatementTokenizer:
    """A learned tokenizer for statements; deterministic, saved as JSON text."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        """Wrap a trained tokenizer; use :meth:`train` or :meth:`from_json`."""
        tokenizer.encode_special_tokens = True  # a text that spells the padding is still text
        self._tokenizer = tokenizer

    @classmethod
    def train(
        cls, statements: Iterable[str], *, vocabulary_size: int = 2048, max_token_length: int = 32
    ) -> StatementTokenizer:
        """Learn the merges.

        Args:
            statements: Training statements; repeats raise a pair's weight.
            vocabulary_size: Upper limit, at least 257 (the bytes and the padding).
            max_token_length: Longest token in bytes.
        """
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.WhitespaceSplit(),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            min_frequency=2,
            show_progress=False,
            special_tokens=[_PADDING],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            max_token_length=max_token_length,
        )
        tokenizer.train_from_iterator(statements, trainer)
        return cls(tokenizer)

    @classmethod
    def from_json(cls, text: str) -> StatementTokenizer:
        """Restore a tokenizer from :meth:`to_json`.

        Raises:
            CheckpointError: If the text is not a tokenizer.
        """
        try:
            return cls(tokenizers.Tokenizer.from_str(text))
        except Exception as error:  # the library raises bare Exception
            raise CheckpointError(f"The tokenizer cannot be read: {error}.") from error

    def to_json(self) -> str:
        """Return the whole tokenizer as JSON text."""
        return str(self._tokenizer.to_str())

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, padding included."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, statements: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Return, per statement, (token id, place of the token inside its field) pairs."""
        encodings = self._tokenizer.encode_batch(list(statements))
        rows = []
        for encoding in encodings:
            pairs: list[tuple[int, int]] = []
            last_word, place = None, 0
            for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
                place = place + 1 if word == last_word else 0
                last_word = word
                pairs.append((token, place))
            rows.append(pairs)
        return rows
