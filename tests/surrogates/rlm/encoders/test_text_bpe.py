"""The learned tokens of whole texts."""

import pytest

from surrogates.errors import CheckpointError
from surrogates.rlm.encoders.text_bpe import TextTokenizer

LINES = "v0 = Conv <kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]> (x, w0, w1)\n"


def pieces(tokenizer: TextTokenizer, text: str) -> list[str]:
    """The bytes of each token, as the library spells them."""
    import tokenizers

    inner = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    return [inner.id_to_token(token) for token in tokenizer.encode([text])[0]]


def test_a_frequent_phrase_becomes_few_tokens() -> None:
    tokenizer = TextTokenizer.train([LINES] * 9, vocabulary_size=400)
    assert len(tokenizer.encode([LINES])[0]) < len(LINES) / 10


def test_no_token_is_longer_than_32_bytes_or_holds_a_newline_and_more() -> None:
    tokenizer = TextTokenizer.train([LINES * 3] * 9, vocabulary_size=2048)
    found = pieces(tokenizer, LINES * 3)
    newline = "Ċ"  # how a byte-level alphabet spells it
    assert max(map(len, found)) <= 32
    assert found.count(newline) == 3
    assert all(piece == newline or newline not in piece for piece in found)


def test_nothing_is_unknown_and_nothing_is_lost() -> None:
    import tokenizers
    from tokenizers import decoders

    tokenizer = TextTokenizer.train([LINES], vocabulary_size=300)
    strange = "Ünknown\tzeichen → <pad>\n\n"
    inner = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    inner.decoder = decoders.ByteLevel()
    ids = tokenizer.encode([strange])[0]
    assert inner.decode(ids, skip_special_tokens=False) == strange
    assert tokenizer.padding_id not in ids  # a text that spells the padding is still text


def test_the_vocabulary_has_a_limit() -> None:
    assert TextTokenizer.train([LINES] * 9, vocabulary_size=280).vocabulary_size == 280


def test_json_and_back_twice_gives_the_same_tokens() -> None:
    first = TextTokenizer.train([LINES] * 3, vocabulary_size=300)
    second = TextTokenizer.from_json(TextTokenizer.from_json(first.to_json()).to_json())
    assert second.encode([LINES]) == first.encode([LINES])
    assert second.vocabulary_size == first.vocabulary_size


def test_damaged_json_is_refused() -> None:
    with pytest.raises(CheckpointError, match="tokenizer cannot be read"):
        TextTokenizer.from_json("{}")
