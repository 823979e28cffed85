"""Texts as token sequences: nothing is cut silently, and batches are bounded."""

import warnings

import numpy as np
import pytest
import torch

from surrogates.errors import TextError, TextTooLongError
from surrogates.rlm.encoders import token_texts
from surrogates.rlm.encoders.text_bpe import TextTokenizer
from surrogates.rlm.encoders.token_texts import PreparedTokens, TextsCutWarning, within_context
from surrogates.rlm.settings import RlmSettings


@pytest.fixture
def tokenizer(small_texts: list[str]) -> TextTokenizer:
    return TextTokenizer.train(small_texts, vocabulary_size=300)


def test_a_long_text_is_refused() -> None:
    rule = r"at most 3 tokens \(`context_length`\), but text 1 of 2 has 4"
    with pytest.raises(TextTooLongError, match=rule):
        within_context([[1, 2, 3], [1, 2, 3, 4]], RlmSettings(context_length=3))


def test_a_long_text_is_cut_when_asked_and_counted() -> None:
    settings = RlmSettings(context_length=3, truncate=True)
    with pytest.warns(TextsCutWarning, match="2 of 3 texts were cut to their first 3 .* from 5"):
        found = within_context([[1, 2, 3], [1, 2, 3, 4], [5, 4, 3, 2, 1]], settings)
    assert found == [[1, 2, 3], [1, 2, 3], [5, 4, 3]]


def test_nothing_is_said_where_nothing_is_cut() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = RlmSettings(context_length=3, truncate=True)
        assert within_context([[1, 2, 3]], settings) == [[1, 2, 3]]


def test_a_batch_is_padded_to_its_longest(
    small_texts: list[str], tokenizer: TextTokenizer
) -> None:
    ids = tokenizer.encode(small_texts)
    batch = PreparedTokens(small_texts, tokenizer, RlmSettings()).collate([3, 0])
    assert batch.tokens.shape == (2, max(len(ids[3]), len(ids[0])))
    for row, text in enumerate((3, 0)):
        kept = ~batch.padding[row]
        assert batch.tokens[row][kept].tolist() == ids[text]
        assert (batch.tokens[row][~kept] == tokenizer.padding_id).all()
    assert torch.equal(batch.padding[:, 0], torch.zeros(2, dtype=torch.bool))


def test_batches_hold_every_text_once_and_stay_small(
    small_texts: list[str], tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(map(len, tokenizer.encode(small_texts)))
    monkeypatch.setattr(token_texts, "_MAX_BATCH_TOKENS", 2 * longest)
    prepared = PreparedTokens(small_texts, tokenizer, RlmSettings())
    batches = prepared.batches()
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(small_texts)))
    assert len(batches) > 1
    assert all(prepared.collate(rows).tokens.numel() <= 2 * longest for rows in batches)


def test_what_is_no_onnx_text_is_refused(tokenizer: TextTokenizer) -> None:
    with pytest.raises(TextError, match="must be ONNX text"):
        PreparedTokens(["conv conv"], tokenizer, RlmSettings())
