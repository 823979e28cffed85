"""The trie of all legal numerals, as arrays: what makes the predictive distribution exact.

Every inner node of the trie is a prefix whose next token the decoder predicts; every leaf is a
numeral. The probability of a leaf is the product of the token probabilities along its path, so
one decoder pass over the inner nodes (each attending to its ancestors only) gives the whole
distribution. The grammar of one metric admits some (sign, exponent) *branches* only: an accuracy
is never negative, and no numeral is legal for it that no training label came near.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from surrogates.rlm.number_tokens import NumeralGrammar


@dataclass(frozen=True, eq=False)
class DigitTrie:
    """Inner nodes and leaves of a trie, parents before children; node 0 is the empty prefix.

    Attributes:
        tokens: Shape ``(t,)``; last token of each prefix; -1 for the empty one.
        parents: Shape ``(t,)``; inner node one token shorter; -1 for the root.
        depths: Shape ``(t,)``; tokens in the prefix.
        ancestors: Shape ``(t, t)``; true where the column is the row or a prefix of it.
        legal: Shape ``(t, v)``; true where the token may follow the prefix inside the branches.
        leaf_nodes: Shape ``(l, length)``; inner nodes along the path of each leaf.
        leaf_tokens: Shape ``(l, length)``; the numeral of each leaf.
        leaf_values: Shape ``(l,)``; its number, ascending.
    """

    tokens: NDArray[np.int64]
    parents: NDArray[np.int64]
    depths: NDArray[np.int64]
    ancestors: NDArray[np.bool_]
    legal: NDArray[np.bool_]
    leaf_nodes: NDArray[np.int64]
    leaf_tokens: NDArray[np.int64]
    leaf_values: NDArray[np.float64]


def full_branches(grammar: NumeralGrammar) -> tuple[tuple[int, int], ...]:
    """Every (sign token, exponent token) pair of the grammar."""
    return tuple((sign, 2 + e) for sign in range(2) for e in range(grammar.n_exponents))


@cache
def digit_trie(grammar: NumeralGrammar, branches: tuple[tuple[int, int], ...]) -> DigitTrie:
    """Build the trie of the numerals whose sign and exponent tokens are among the branches.

    Args:
        grammar: The legal numerals.
        branches: (sign token id, exponent token id) pairs; :func:`full_branches` gives them all.
    """
    prefixes: list[tuple[int, ...]] = [()]
    frontier: list[tuple[int, ...]] = [()]
    for _ in range(grammar.length - 1):
        frontier = [
            (*prefix, token)
            for prefix in frontier
            for token in _kept(grammar.next_tokens(prefix), prefix, branches)
        ]
        prefixes += frontier
    index = {prefix: node for node, prefix in enumerate(prefixes)}
    leaves = [(*prefix, token) for prefix in frontier for token in grammar.next_tokens(prefix)]
    leaves.sort(key=grammar.decode)
    n_nodes = len(prefixes)
    parents = np.array([index[p[:-1]] if p else -1 for p in prefixes])
    ancestors = np.eye(n_nodes, dtype=bool)
    for node in range(1, n_nodes):
        ancestors[node] |= ancestors[parents[node]]
    legal = np.zeros((n_nodes, len(grammar.vocabulary)), dtype=bool)
    for node, prefix in enumerate(prefixes):
        legal[node, _kept(grammar.next_tokens(prefix), prefix, branches)] = True
    return DigitTrie(
        tokens=np.array([p[-1] if p else -1 for p in prefixes]),
        parents=parents,
        depths=np.array([len(p) for p in prefixes]),
        ancestors=ancestors,
        legal=legal,
        leaf_nodes=np.array([[index[leaf[:k]] for k in range(len(leaf))] for leaf in leaves]),
        leaf_tokens=np.array(leaves),
        leaf_values=np.array([grammar.decode(leaf) for leaf in leaves]),
    )


def _kept(
    tokens: Iterable[int], prefix: tuple[int, ...], branches: tuple[tuple[int, int], ...]
) -> list[int]:
    """Tokens that lead into one of the branches."""
    if len(prefix) > 1:
        return list(tokens)
    return [t for t in tokens if any((*prefix, t) == b[: len(prefix) + 1] for b in branches)]
