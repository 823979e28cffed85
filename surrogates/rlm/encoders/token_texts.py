"""Texts as sequences of tokens: the length rule, and batches of bounded memory.

A text that is longer than ``context_length`` is refused. With ``truncate`` it is cut instead, and a
warning says how many were: nothing is cut silently.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.errors import TextTooLongError
from surrogates.inputs.statements import read_all
from surrogates.rlm.encoders.base import PreparedTexts
from surrogates.rlm.encoders.text_bpe import TextTokenizer
from surrogates.rlm.settings import RlmSettings

_MAX_BATCH_ROWS = 256
_MAX_BATCH_TOKENS = 65_536
_MAX_BATCH_PAIRS = 16_000_000


class TextsCutWarning(UserWarning):
    """Texts were longer than the context and were cut, as the setting ``truncate`` allows."""


class TokenBatch(NamedTuple):
    """Token sequences padded to one length.

    Attributes:
        tokens: Shape ``(n, s)``; ids, the padding's where there is nothing.
        padding: Shape ``(n, s)``; true where there is nothing.
    """

    tokens: Tensor
    padding: Tensor


class PreparedTokens(PreparedTexts):
    """Texts that were tokenized once."""

    def __init__(
        self, texts: Sequence[str], tokenizer: TextTokenizer, settings: RlmSettings
    ) -> None:
        """Tokenize texts.

        Args:
            texts: ONNX texts.
            tokenizer: Learned, or that of a loaded model.
            settings: ``context_length`` and ``truncate`` count.

        Raises:
            TextError: If a text is not ONNX text.
            TextTooLongError: If one is longer than the context and may not be cut.
        """
        read_all(texts)  # an encoder refuses what is no network, whether it looks at tokens or not
        self._padding_id = tokenizer.padding_id
        self._ids = within_context(tokenizer.encode(texts), settings)

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self._ids)

    def collate(self, rows: Sequence[int] | NDArray[np.int64]) -> TokenBatch:
        """Pad some texts to the longest of them; see the base class."""
        ids = [self._ids[row] for row in rows]
        lengths = np.array([len(text) for text in ids])
        padding = np.arange(lengths.max()) >= lengths[:, None]
        tokens = np.full(padding.shape, self._padding_id, dtype=np.int64)
        tokens[~padding] = np.concatenate(ids)
        return TokenBatch(torch.from_numpy(tokens), torch.from_numpy(padding))

    def batches(self) -> list[NDArray[np.int64]]:
        """Split into batches of similar length; see the base class."""
        batches: list[list[int]] = [[]]
        lengths = [len(text) for text in self._ids]
        for row in np.argsort(np.asarray(lengths), kind="stable").tolist():
            grown = len(batches[-1]) + 1
            tokens = grown * lengths[row]
            is_full = grown > _MAX_BATCH_ROWS or tokens > _MAX_BATCH_TOKENS
            if is_full or tokens * lengths[row] > _MAX_BATCH_PAIRS:
                batches.append([])
            batches[-1].append(row)
        return [np.array(batch, dtype=np.int64) for batch in batches if batch]


def within_context(ids: Sequence[list[int]], settings: RlmSettings) -> list[list[int]]:
    """Return token sequences that fit the context.

    Args:
        ids: Token ids of each text.
        settings: ``context_length``, and ``truncate`` if longer texts are cut.

    Raises:
        TextTooLongError: If one is longer than the context and may not be cut.
    """
    limit = settings.context_length
    long = [row for row, text in enumerate(ids) if len(text) > limit]
    if long and not settings.truncate:
        raise TextTooLongError(
            f"A text must have at most {limit} tokens (`context_length`), but text {long[0]} of "
            f"{len(ids)} has {len(ids[long[0]])}. Raise `context_length`, or set `truncate` to "
            "read only its beginning."
        )
    if long:
        warnings.warn(
            f"{len(long)} of {len(ids)} texts were cut to their first {limit} tokens, the longest "
            f"from {max(len(ids[row]) for row in long)}.",
            TextsCutWarning,
            stacklevel=2,
        )
    return [text[:limit] for text in ids]
