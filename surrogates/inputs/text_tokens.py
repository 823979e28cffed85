"""Statements to token ids: a byte-level BPE that is learned from the training statements.

A statement is a list of fields separated by one space, such as ``out1=16``. The tokenizer merges
inside a field and never across two, so a frequent field is one token and an unseen number falls
back to shorter pieces; nothing is ever unknown.

A field that says how large something is, such as ``out1=43`` or ``group=192``, is read as the
token of its name and the number itself: 43 channels are then nearly 42, also where no training text
has either. Numbers of other fields (windows, strides, axes) are names of choices and stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from surrogates.errors import CheckpointError

_PADDING = "<pad>"
_SIZE_FIELD = re.compile(r"((?:w\d+\.\d+|out\d+|group|times)=)(\d{1,15})")
_DOUBLINGS = 4.0


class StatementToken(NamedTuple):
    """A token of a statement.

    Attributes:
        id: Of the vocabulary.
        place: Inside its field.
        size: ``log2(1 + number) / 4`` for the name of a size, 1 for any other token.
    """

    id: int
    place: int
    size: float


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
        tokenizer.train_from_iterator(map(_without_sizes, statements), trainer)
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

    def encode(self, statements: Sequence[str]) -> list[list[StatementToken]]:
        """Return the tokens of each statement."""
        encodings = self._tokenizer.encode_batch([_without_sizes(text) for text in statements])
        rows = []
        for statement, encoding in zip(statements, encodings, strict=True):
            sizes = [_size(field) for field in statement.split()]
            row: list[StatementToken] = []
            last_word, place = None, 0
            for token, word in zip(encoding.ids, encoding.word_ids, strict=True):
                place = place + 1 if word == last_word else 0
                last_word = word
                row.append(StatementToken(token, place, sizes[word or 0]))
            rows.append(row)
        return rows


def _without_sizes(statement: str) -> str:
    """Leave the name of each size and drop its number."""
    fields = statement.split()
    return " ".join(
        found[1] if (found := _SIZE_FIELD.fullmatch(field)) else field for field in fields
    )


def _size(field: str) -> float:
    """What a field multiplies its tokens by."""
    found = _SIZE_FIELD.fullmatch(field)
    return math.log2(1.0 + int(found[2])) / _DOUBLINGS if found else 1.0
