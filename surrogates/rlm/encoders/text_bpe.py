"""Whole texts to token ids: a byte-level BPE that is learned from the training texts.

A line is a unit: merges happen inside a line, never across two, and a newline is a token of its
own. The alphabet holds all bytes, so nothing is ever unknown, and a token has at most 32 bytes, so
that no whole line of a training text becomes one token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from surrogates.errors import CheckpointError

_PADDING = "<pad>"
_MAX_TOKEN_LENGTH = 32


class TextTokenizer:
    """A tokenizer of whole texts, saved as JSON text; learned here or brought by a model."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, padding_id: int = 0) -> None:
        """Wrap a tokenizer; use :meth:`train` or :meth:`from_json`.

        Args:
            tokenizer: Trained.
            padding_id: Fills up a batch; a text that spells the padding is still text.
        """
        tokenizer.encode_special_tokens = True
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.padding_id = padding_id

    @classmethod
    def train(cls, texts: Iterable[str], *, vocabulary_size: int) -> TextTokenizer:
        """Learn the merges.

        Args:
            texts: Training texts.
            vocabulary_size: Upper limit, at least 257 (the bytes and the padding).
        """
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split("\n", behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            min_frequency=2,
            show_progress=False,
            special_tokens=[_PADDING],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            max_token_length=_MAX_TOKEN_LENGTH,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def from_json(cls, text: str, padding_id: int = 0) -> TextTokenizer:
        """Restore a tokenizer from :meth:`to_json`.

        Raises:
            CheckpointError: If the text is not a tokenizer.
        """
        try:
            return cls(tokenizers.Tokenizer.from_str(text), padding_id)
        except Exception as error:  # the library raises bare Exception
            raise CheckpointError(f"The tokenizer cannot be read: {error}.") from error

    def to_json(self) -> str:
        """Return the whole tokenizer as JSON text."""
        return str(self._tokenizer.to_str())

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, padding included."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
