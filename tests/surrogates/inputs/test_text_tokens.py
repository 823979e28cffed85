"""The learned tokenizer: nothing unknown, fields kept apart, the same after a round trip."""

import pytest

from surrogates.errors import CheckpointError
from surrogates.inputs.text_tokens import StatementTokenizer

PADDING_ID = 0  # where embeddings are zero
STATEMENTS = [
    "Conv kernel_shape=3,3 pads=1,1,1,1 w0.0=16 w0.1=16 out1=16",
    "Conv kernel_shape=1,1 w0.0=16 w0.1=16 out1=16",
    "Relu out1=16",
    "Add out1=16",
] * 5


@pytest.fixture(scope="module")
def tokenizer() -> StatementTokenizer:
    return StatementTokenizer.train(STATEMENTS)


def ids(tokenizer: StatementTokenizer, statement: str) -> list[int]:
    return [token.id for token in tokenizer.encode([statement])[0]]


def test_a_frequent_field_is_one_token(tokenizer: StatementTokenizer) -> None:
    assert len(ids(tokenizer, "Relu out1=16")) == 2


def test_a_token_never_crosses_two_fields(tokenizer: StatementTokenizer) -> None:
    statement = "Add out1=16 out1=16"
    fields = [ids(tokenizer, field) for field in statement.split()]
    assert ids(tokenizer, statement) == [token for field in fields for token in field]


def test_places_restart_at_every_field(tokenizer: StatementTokenizer) -> None:
    tokens = tokenizer.encode(["Relu qqq zz"])[0]
    assert [token.place for token in tokens] == [0, 0, 1, 2, 0, 1]


def test_equal_fields_side_by_side_are_two_fields(tokenizer: StatementTokenizer) -> None:
    assert [token.place for token in tokenizer.encode(["zz zz"])[0]] == [0, 1, 0, 1]


@pytest.mark.parametrize("statement", ["Ünseen=7", "日本", "\x00", "NewOp w9.9=777"])
def test_nothing_is_unknown(tokenizer: StatementTokenizer, statement: str) -> None:
    tokens = ids(tokenizer, statement)
    assert len(tokens) >= len(statement.split())
    assert PADDING_ID not in tokens
    assert max(tokens) < tokenizer.vocabulary_size


def test_unseen_numbers_stay_distinct(tokenizer: StatementTokenizer) -> None:
    encoded = {tuple(ids(tokenizer, f"axis={number}")) for number in range(500)}
    assert len(encoded) == 500


def test_a_size_is_its_name_and_how_large_it_is(tokenizer: StatementTokenizer) -> None:
    (_, few), (_, many) = tokenizer.encode(["Relu out1=3", "Relu out1=4095"])
    assert few.id == many.id
    assert (few.size, many.size) == (0.5, 3.0)


def test_other_numbers_are_choices(tokenizer: StatementTokenizer) -> None:
    (window,) = tokenizer.encode(["kernel_shape=3,3"])[0]
    assert window.size == 1.0
    assert ids(tokenizer, "kernel_shape=3,3") != ids(tokenizer, "kernel_shape=1,1")


@pytest.mark.parametrize("field", ["out1=", "out1=1e9", "out1=-3", "xout1=3", "w0=3", "pads=1,1"])
def test_what_only_looks_like_a_size_is_text(tokenizer: StatementTokenizer, field: str) -> None:
    assert all(token.size == 1.0 for token in tokenizer.encode([field])[0])


def test_no_token_is_the_padding(tokenizer: StatementTokenizer) -> None:
    assert all(PADDING_ID not in ids(tokenizer, statement) for statement in STATEMENTS)
    assert PADDING_ID not in ids(tokenizer, "<pad>x")


def test_two_round_trips_change_nothing(tokenizer: StatementTokenizer) -> None:
    once = StatementTokenizer.from_json(tokenizer.to_json())
    twice = StatementTokenizer.from_json(once.to_json())
    assert twice.to_json() == tokenizer.to_json()
    assert twice.encode(STATEMENTS) == tokenizer.encode(STATEMENTS)
    assert twice.vocabulary_size == tokenizer.vocabulary_size


def test_training_is_deterministic(tokenizer: StatementTokenizer) -> None:
    assert StatementTokenizer.train(STATEMENTS).to_json() == tokenizer.to_json()


def test_the_vocabulary_has_a_limit() -> None:
    assert StatementTokenizer.train(STATEMENTS, vocabulary_size=260).vocabulary_size == 260


def test_tokens_have_a_limit() -> None:
    long_field = "a" * 30
    tokenizer = StatementTokenizer.train([long_field] * 5, max_token_length=8)
    assert len(ids(tokenizer, long_field)) >= 4


@pytest.mark.parametrize("text", ["", "{}", "not json"])
def test_a_damaged_tokenizer_is_a_clear_error(text: str) -> None:
    with pytest.raises(CheckpointError, match="tokenizer cannot be read"):
        StatementTokenizer.from_json(text)


def test_no_statements_give_no_rows(tokenizer: StatementTokenizer) -> None:
    assert tokenizer.encode([]) == []
