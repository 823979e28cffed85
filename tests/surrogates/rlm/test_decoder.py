"""The decoder: a tree in one pass is every prefix run as a line."""

import pytest
import torch
from torch import Tensor

from surrogates.rlm.decoder import NumeralDecoder
from surrogates.rlm.digit_trie import DigitTrie, digit_trie, full_branches
from surrogates.rlm.number_tokens import NumeralGrammar

WIDTH = 16
GRAMMAR = NumeralGrammar(n_digits=2, min_exponent=0, max_exponent=1)
TRIE = digit_trie(GRAMMAR, full_branches(GRAMMAR))


@pytest.fixture
def decoder() -> NumeralDecoder:
    torch.manual_seed(0)
    return NumeralDecoder(
        n_metrics=3,
        n_tokens=len(GRAMMAR.vocabulary),
        width=WIDTH,
        n_layers=2,
        max_depth=GRAMMAR.length,
        dropout=0.3,
    ).eval()


@pytest.fixture
def memory() -> Tensor:
    return torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(1))


PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


def tree_logits(decoder: NumeralDecoder, memory: Tensor, metric: int = 0) -> Tensor:
    """All prefixes of the trie at once, shape (n, t, v)."""
    states = decoder.embed(
        torch.tensor([metric]),
        torch.from_numpy(TRIE.tokens)[None],
        torch.from_numpy(TRIE.depths),
        torch.zeros(len(TRIE.tokens), dtype=torch.long),
    ).expand(len(memory), -1, -1)
    ancestors = torch.from_numpy(TRIE.ancestors)
    return decoder(states, ancestors, decoder.cache(memory), PADDING[: len(memory)])


def line_logits(
    decoder: NumeralDecoder, memory: Tensor, tokens: list[int], metric: int = 0
) -> Tensor:
    """One prefix, token after token with a causal mask, shape (n, len + 1, v)."""
    line = torch.tensor([[-1, *tokens]])
    length = line.shape[1]
    states = decoder.embed(
        torch.tensor([metric]),
        line,
        torch.arange(length),
        torch.zeros(length, dtype=torch.long),
    ).expand(len(memory), -1, -1)
    causal = torch.ones(length, length).tril().bool()
    return decoder(states, causal, decoder.cache(memory), PADDING[: len(memory)])


def path(trie: DigitTrie, node: int) -> list[int]:
    nodes = []
    while node >= 0:
        nodes.insert(0, node)
        node = int(trie.parents[node])
    return nodes


def test_tree_attention_equals_each_prefix_as_a_line(
    decoder: NumeralDecoder, memory: Tensor
) -> None:
    tree = tree_logits(decoder, memory)
    deepest = [n for n, depth in enumerate(TRIE.depths) if depth == GRAMMAR.length - 1]
    assert len(deepest) == 2 * 2 * 9 + 1
    for node in deepest:
        nodes = path(TRIE, node)
        line = line_logits(decoder, memory, [int(TRIE.tokens[n]) for n in nodes[1:]])
        assert torch.allclose(tree[:, nodes], line, atol=1e-5)


def test_a_prefix_does_not_see_its_cousins(decoder: NumeralDecoder, memory: Tensor) -> None:
    """With everything visible the answers differ: the mask is what keeps them apart."""
    tree = tree_logits(decoder, memory)
    states = decoder.embed(
        torch.tensor([0]),
        torch.from_numpy(TRIE.tokens)[None],
        torch.from_numpy(TRIE.depths),
        torch.zeros(len(TRIE.tokens), dtype=torch.long),
    ).expand(2, -1, -1)
    open_mask = torch.ones(len(TRIE.tokens), len(TRIE.tokens), dtype=torch.bool)
    mixed = decoder(states, open_mask, decoder.cache(memory), PADDING)
    assert not torch.allclose(mixed, tree, atol=1e-3)


def test_padded_memory_is_not_read(decoder: NumeralDecoder, memory: Tensor) -> None:
    changed = memory.clone()
    changed[1, 3:] += 50.0
    assert torch.allclose(tree_logits(decoder, changed), tree_logits(decoder, memory), atol=1e-5)
    changed[1, 2] += 50.0
    moved = tree_logits(decoder, changed)
    assert not torch.allclose(moved[1], tree_logits(decoder, memory)[1], atol=1e-3)


def test_a_mask_of_its_own_for_each_row(decoder: NumeralDecoder, memory: Tensor) -> None:
    line = torch.tensor([[-1, 0, 2]])
    states = decoder.embed(
        torch.tensor([0]), line, torch.arange(3), torch.zeros(3, dtype=torch.long)
    )
    causal = torch.ones(3, 3).tril().bool()
    cached = decoder.cache(memory)
    shared = decoder(states.expand(2, -1, -1), causal, cached, PADDING)
    each = decoder(states.expand(2, -1, -1), causal.expand(2, 1, 3, 3), cached, PADDING)
    assert torch.allclose(shared, each, atol=1e-6)


@pytest.mark.parametrize("n_memory", [1, 5])
def test_positions_that_are_seen_alone_change_nothing_but_the_work(
    decoder: NumeralDecoder, memory: Tensor, n_memory: int
) -> None:
    states = torch.randn(2, 6, WIDTH, generator=torch.Generator().manual_seed(2))
    causal = torch.ones(6, 6).tril().bool()
    rest = causal, decoder.cache(memory[:, :n_memory]), PADDING[:, :n_memory]
    every, last = decoder(states, *rest), decoder(states, *rest, first=4)
    assert last.shape == (2, 2, len(GRAMMAR.vocabulary))
    assert torch.allclose(last, every[:, 4:], atol=1e-6)
    states[:, 0] *= -1.0
    assert not torch.allclose(decoder(states, *rest, first=4), last, atol=1e-3)


def test_metrics_read_the_same_memory_differently(decoder: NumeralDecoder, memory: Tensor) -> None:
    first, second = tree_logits(decoder, memory, 0), tree_logits(decoder, memory, 1)
    assert not torch.allclose(first, second, atol=1e-3)


def test_a_position_embeds_its_owner_token_and_depth(decoder: NumeralDecoder) -> None:
    metric = torch.tensor([2, 1])
    found = decoder.embed(
        metric, torch.tensor([[-1, 4]]), torch.tensor([0, 3]), torch.tensor([0, 1])
    )
    first = decoder.metrics.weight[2] + decoder.depths.weight[0]
    second = decoder.metrics.weight[1] + decoder.depths.weight[3] + decoder.numbers.weight[4]
    assert torch.allclose(found[0], torch.stack([first, second]), atol=1e-6)


def test_every_weight_learns(decoder: NumeralDecoder, memory: Tensor) -> None:
    tree_logits(decoder, memory).square().sum().backward()
    silent = [name for name, p in decoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_states_shared_by_all_texts_are_worked_on_once(
    decoder: NumeralDecoder, memory: Tensor
) -> None:
    shared = torch.randn(1, 4, WIDTH)
    tree = torch.ones(4, 4).tril().bool()
    cached = decoder.cache(memory)
    apart = decoder(shared.expand(2, -1, -1), tree, cached, PADDING)
    assert torch.allclose(decoder(shared, tree, cached, PADDING), apart, atol=1e-6)


def test_one_vector_is_heard_as_if_it_were_attended_to(
    decoder: NumeralDecoder, memory: Tensor
) -> None:
    states, tree = torch.randn(2, 4, WIDTH), torch.ones(4, 4).tril().bool()
    single = decoder(states, tree, decoder.cache(memory[:, :1]), PADDING[:, :1])
    hidden = torch.tensor([[False, True]] * 2)
    padded = decoder(states, tree, decoder.cache(memory[:, :2]), hidden)
    assert torch.allclose(single, padded, atol=1e-6)
