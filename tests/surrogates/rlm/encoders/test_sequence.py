"""The sequence encoder: positions count, padding and neighbours in a batch do not."""

import pytest
import torch

from surrogates.rlm.encoders.sequence import SequenceNetwork, SequenceReader, rotated
from surrogates.rlm.encoders.token_texts import TokenBatch
from surrogates.rlm.settings import RlmSettings

POSITIONS = ("learned", "rotary")


def settings(positions: str = "rotary") -> RlmSettings:
    return RlmSettings(
        encoder="sequence", width=16, n_layers=2, positions=positions, context_length=64
    )


def network(positions: str) -> SequenceNetwork:
    torch.manual_seed(0)
    return SequenceNetwork(20, settings(positions)).eval()


def batch(*rows: list[int]) -> TokenBatch:
    width = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return TokenBatch(tokens, tokens == 0)


@pytest.mark.parametrize("positions", POSITIONS)
@torch.inference_mode()
def test_a_text_reads_the_same_alone_and_padded_in_a_batch(positions: str) -> None:
    encoder = network(positions)
    alone = encoder(batch([3, 4, 5]))
    both = encoder(batch([3, 4, 5], [6, 7, 8, 9, 10]))
    assert alone.vectors.shape == (1, 4, 16)
    assert both.padding.tolist() == [[False] * 4 + [True] * 2, [False] * 6]
    assert torch.allclose(both.vectors[:1, :4], alone.vectors, atol=1e-5)


@pytest.mark.parametrize("positions", POSITIONS)
@torch.inference_mode()
def test_the_order_of_tokens_matters(positions: str) -> None:
    encoder = network(positions)
    plain, moved = encoder(batch([3, 4, 5])), encoder(batch([4, 3, 5]))
    assert not torch.allclose(plain.vectors[:, 0], moved.vectors[:, 0], atol=1e-3)


def test_rotated_products_depend_on_the_distance_only() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 8, generator=generator)
    turned_query = rotated(query.expand(1, 1, 12, 8))[0, 0]
    turned_key = rotated(key.expand(1, 1, 12, 8))[0, 0]
    products = turned_query @ turned_key.T
    for distance in range(-11, 12):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4)
    assert products[0, 0] == pytest.approx(float(query @ key), abs=1e-5)
    assert not torch.allclose(products[0, 0], products[0, 5], atol=1e-3)


@pytest.mark.parametrize("positions", POSITIONS)
def test_every_weight_learns(positions: str) -> None:
    encoder = network(positions)
    encoder(batch([3, 4, 5], [6, 7])).vectors.square().sum().backward()
    silent = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_the_reader_survives_json(small_texts: list[str]) -> None:
    reader = SequenceReader.learn(small_texts, settings())
    again = SequenceReader.from_json(reader.to_json(), settings())
    first, second = (r.prepare(small_texts).collate([0, 5]) for r in (reader, again))
    assert torch.equal(first.tokens, second.tokens)
    torch.manual_seed(1)
    names = reader.new_network().state_dict().keys()
    assert again.new_network().state_dict().keys() == names
