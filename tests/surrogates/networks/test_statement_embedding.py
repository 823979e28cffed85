"""Statement vectors: what must and what must not change them."""

import pytest
import torch

from surrogates.networks.statement_embedding import MAX_PLACES, StatementEmbedding

WIDTH = 16


def embedded(embedding: StatementEmbedding, tokens: list[int], places: list[int]) -> torch.Tensor:
    """Vectors of one statement without sizes."""
    return embedding(torch.tensor([tokens]), torch.tensor([places]), torch.ones(1, len(tokens)))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_the_order_of_fields_is_free_and_the_place_inside_is_not() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    plain = embedded(embedding, [3, 4, 5], [0, 1, 0])
    moved = embedded(embedding, [5, 3, 4], [0, 0, 1])
    other = embedded(embedding, [4, 3, 5], [0, 1, 0])
    assert torch.allclose(plain, moved, atol=1e-6)
    assert not torch.allclose(plain, other, atol=1e-3)


def test_padding_tokens_add_nothing() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    plain = embedded(embedding, [3, 4], [0, 1])
    padded = embedded(embedding, [3, 4, 0, 0], [0, 1, 0, 0])
    assert torch.allclose(plain, padded, atol=1e-6)


def test_late_places_share_a_vector() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    last = embedded(embedding, [3], [MAX_PLACES - 1])
    later = embedded(embedding, [3], [MAX_PLACES + 70])
    before = embedded(embedding, [3], [MAX_PLACES - 2])
    assert torch.equal(last, later)
    assert not torch.allclose(last, before, atol=1e-3)


def test_a_size_moves_a_vector_little_by_little() -> None:
    embedding = StatementEmbedding(vocabulary_size=10, width=WIDTH)
    tokens, places = torch.tensor([[3, 4]]), torch.tensor([[0, 0]])
    small, near, large = (
        embedding(tokens, places, torch.tensor([[1.0, size]])) for size in (1.36, 1.37, 2.5)
    )
    assert 0.0 < (near - small).norm() < 0.05 * (large - small).norm()
