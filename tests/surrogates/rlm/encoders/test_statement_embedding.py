"""Statement vectors: what must and what must not change them."""

import pytest
import torch

from surrogates.rlm.encoders.statement_embedding import MAX_PLACES, StatementEmbedding

WIDTH = 16


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_the_order_of_fields_is_free_and_the_place_inside_is_not() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    places = torch.tensor([[0, 1, 0]])
    plain = embedding(torch.tensor([[3, 4, 5]]), places)
    moved = embedding(torch.tensor([[5, 3, 4]]), torch.tensor([[0, 0, 1]]))
    other = embedding(torch.tensor([[4, 3, 5]]), places)
    assert torch.allclose(plain, moved, atol=1e-6)
    assert not torch.allclose(plain, other, atol=1e-3)


def test_padding_tokens_add_nothing() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    plain = embedding(torch.tensor([[3, 4]]), torch.tensor([[0, 1]]))
    padded = embedding(torch.tensor([[3, 4, 0, 0]]), torch.tensor([[0, 1, 0, 0]]))
    assert torch.allclose(plain, padded, atol=1e-6)


def test_late_places_share_a_vector() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    last = embedding(torch.tensor([[3]]), torch.tensor([[MAX_PLACES - 1]]))
    later = embedding(torch.tensor([[3]]), torch.tensor([[MAX_PLACES + 70]]))
    before = embedding(torch.tensor([[3]]), torch.tensor([[MAX_PLACES - 2]]))
    assert torch.equal(last, later)
    assert not torch.allclose(last, before, atol=1e-3)
