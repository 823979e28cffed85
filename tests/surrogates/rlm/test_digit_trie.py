"""The trie against brute force: every legal numeral once, each node under its prefix."""

import itertools

import numpy as np
import pytest

from surrogates.rlm.digit_trie import DigitTrie, digit_trie, full_branches
from surrogates.rlm.number_tokens import NumeralGrammar

GRAMMARS = [
    NumeralGrammar(n_digits=1, min_exponent=0, max_exponent=0),
    NumeralGrammar(n_digits=2, min_exponent=-1, max_exponent=1),
    NumeralGrammar(n_digits=3, min_exponent=0, max_exponent=1),
]


def prefix(trie: DigitTrie, node: int) -> tuple[int, ...]:
    tokens: list[int] = []
    while node > 0:
        tokens.insert(0, int(trie.tokens[node]))
        node = int(trie.parents[node])
    return tuple(tokens)


def legal_numerals(grammar: NumeralGrammar) -> list[tuple[int, ...]]:
    """Every token tuple, filtered by the rule in words: independent of the trie's walk."""
    zero, v = grammar.first_digit_id, len(grammar.vocabulary)
    found = []
    for sign, exponent, *digits in itertools.product(
        range(2), range(2, zero), *[range(zero, v)] * grammar.n_digits
    ):
        is_zero = all(digit == zero for digit in digits)
        if digits[0] != zero or (is_zero and sign == 0 and exponent == 2):
            found.append((sign, exponent, *digits))
    return found


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_leaves_are_every_legal_numeral_once(grammar: NumeralGrammar) -> None:
    trie = digit_trie(grammar, full_branches(grammar))
    leaves = [tuple(leaf) for leaf in trie.leaf_tokens.tolist()]
    assert len(leaves) == len(set(leaves))
    assert sorted(leaves) == sorted(legal_numerals(grammar))


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_leaf_values_ascend_and_are_what_the_numerals_say(grammar: NumeralGrammar) -> None:
    trie = digit_trie(grammar, full_branches(grammar))
    assert (np.diff(trie.leaf_values) > 0).all()
    assert trie.leaf_values.tolist() == [
        grammar.decode(leaf) for leaf in trie.leaf_tokens.tolist()
    ]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_nodes_are_the_proper_prefixes(grammar: NumeralGrammar) -> None:
    trie = digit_trie(grammar, full_branches(grammar))
    prefixes = [prefix(trie, node) for node in range(len(trie.tokens))]
    expected = {leaf[:k] for leaf in legal_numerals(grammar) for k in range(grammar.length)}
    assert len(prefixes) == len(set(prefixes))
    assert set(prefixes) == expected
    assert trie.depths.tolist() == [len(p) for p in prefixes]
    assert (trie.parents[1:] < np.arange(1, len(prefixes))).all()


def test_ancestors_are_the_prefixes_of_a_prefix() -> None:
    trie = digit_trie(GRAMMARS[1], full_branches(GRAMMARS[1]))
    prefixes = [prefix(trie, node) for node in range(len(trie.tokens))]
    for row, column in itertools.product(range(len(prefixes)), repeat=2):
        is_prefix = prefixes[row][: len(prefixes[column])] == prefixes[column]
        assert trie.ancestors[row, column] == is_prefix


def test_leaf_nodes_lie_on_the_path_of_the_leaf() -> None:
    trie = digit_trie(GRAMMARS[2], full_branches(GRAMMARS[2]))
    for leaf, nodes in zip(trie.leaf_tokens.tolist(), trie.leaf_nodes.tolist(), strict=True):
        assert [prefix(trie, node) for node in nodes] == [
            tuple(leaf[:k]) for k in range(len(leaf))
        ]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_legal_tokens_are_those_of_the_grammar(grammar: NumeralGrammar) -> None:
    trie = digit_trie(grammar, full_branches(grammar))
    for node in range(len(trie.tokens)):
        expected = set(grammar.next_tokens(prefix(trie, node)))
        assert set(np.flatnonzero(trie.legal[node]).tolist()) == expected


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_probabilities_of_the_leaves_sum_to_one(
    grammar: NumeralGrammar, rng: np.random.Generator
) -> None:
    trie = digit_trie(grammar, full_branches(grammar))
    weights = np.where(trie.legal, rng.random(trie.legal.shape), 0.0)
    tokens = weights / weights.sum(axis=1, keepdims=True)
    leaves = tokens[trie.leaf_nodes, trie.leaf_tokens].prod(axis=1)
    assert leaves.sum() == pytest.approx(1.0)


def test_a_subtree_keeps_its_branches_only() -> None:
    grammar = GRAMMARS[1]
    branches = ((0, 2), (1, 4))
    trie = digit_trie(grammar, branches)
    kept = {tuple(leaf) for leaf in trie.leaf_tokens.tolist()}
    assert kept == {leaf for leaf in legal_numerals(grammar) if leaf[:2] in branches}
    assert {prefix(trie, node) for node in range(len(trie.tokens))} >= {(), (0,), (1,), (0, 2)}
    assert (0, 3) not in {prefix(trie, node) for node in range(len(trie.tokens))}
    assert trie.legal[0].sum() == 2  # the grammar's tokens, not the branch's


def test_full_branches_are_all_pairs() -> None:
    assert full_branches(GRAMMARS[2]) == ((0, 2), (0, 3), (1, 2), (1, 3))
