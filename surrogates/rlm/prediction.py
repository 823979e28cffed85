"""Exact distributions of one or many metrics, alone, given known numbers, or as a chain.

*Alone*: the decoder sees no other number, which it learned to do; one trie pass a metric.
*Given*: known numbers of other metrics stand before the numeral.
*Chain*: metrics are decoded one after the other and each is conditioned on the earlier ones; the
distribution of a later metric sums over sequences of earlier numerals that stand for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from surrogates.rlm.calibration import UNCALIBRATED, MetricCalibration, channel
from surrogates.rlm.model import Context, DigitsNetwork, Memory, TrieTensors

_LEAST = 1e-30
_AT_ONCE = 4096
"""Rows of a text and known numbers that the decoder reads at once."""


class Opinion(NamedTuple):
    """What another expert says of a metric of n texts.

    Attributes:
        log_density: Shape ``(n, l)``, of every numeral.
        weight: Exponent of this density in the normalised product with what a network means.
        network_weight: Exponent of the latter. Weights that sum to 1 give a mean; more is sharper.
    """

    log_density: Tensor
    weight: float
    network_weight: float

    def of(self, rows: Tensor | NDArray[Any]) -> Opinion:
        """Return that of some of the texts, of a text as often as it is named."""
        return self._replace(log_density=self.log_density[rows])

    def with_network(self, meant: Tensor) -> Tensor:
        """Return the product with what a network means, shape ``(n, l)``."""
        network = self.network_weight * meant.clamp(min=_LEAST).log()
        return torch.softmax(network + self.weight * self.log_density, dim=1)


def exact_distribution(
    network: DigitsNetwork,
    memory: Memory,
    metric: int,
    trie: TrieTensors,
    given: Mapping[int, Tensor] | None = None,
    calibration: MetricCalibration = UNCALIBRATED,
    said: Opinion | None = None,
) -> Tensor:
    """Return the probability that every numeral is meant, shape ``(n, l)``.

    Args:
        network: In evaluation mode.
        memory: Encoded texts.
        metric: Metric id.
        trie: Its legal numerals.
        given: Metric id to known numerals, shape ``(n, length)`` each.
        calibration: Of the metric.
        said: By another expert: the answer is the product of both.
    """
    context = _all_known(given) if given else None
    sharpness = calibration.sharpness
    written = network.leaf_log_probabilities(memory, metric, trie, context, sharpness).exp()
    if calibration.width:
        written = written @ channel(trie.leaf_values, calibration)
    return written if said is None else said.with_network(written)


def _all_known(given: Mapping[int, Tensor]) -> Context:
    """A context in which every row knows every given metric."""
    tokens = torch.stack(list(given.values()), dim=1)
    known = torch.ones(tokens.shape[:2], dtype=torch.bool)
    return Context(torch.tensor(list(given)), tokens, known)


def chain_distributions(
    network: DigitsNetwork,
    memory: Memory,
    metrics: Sequence[int],
    tries: Sequence[TrieTensors],
    calibrations: Sequence[MetricCalibration],
    *,
    max_sequences: int | None,
    said: Sequence[Opinion] | None = None,
) -> list[Tensor]:
    """Decode metrics in order, each conditioned on the earlier ones.

    Args:
        network: In evaluation mode.
        memory: Encoded texts, n of them.
        metrics: Metric ids in decoding order.
        tries: Legal numerals of each of them.
        calibrations: Of each of them.
        max_sequences: Sequences of earlier numerals that go on for each text: half of them the
            likeliest, half the midpoints of equal shares of all others, standing for their share.
            None: all sequences, which is exact and multiplies with every metric.
        said: Of each metric, see :func:`exact_distribution`.

    Returns:
        One marginal distribution a metric, shape ``(n, l)``.
    """
    n = len(memory)
    origin, weight = torch.arange(n), torch.ones(n)
    given: dict[int, Tensor] = {}
    marginals = []
    for place, (metric, trie, calibration) in enumerate(
        zip(metrics, tries, calibrations, strict=True)
    ):
        rows = memory.rows(origin)
        of_rows = None if said is None else said[place].of(origin)
        probabilities = exact_distribution(
            network, rows, metric, trie, given, calibration, of_rows
        )
        joint = weight[:, None] * probabilities
        marginal = torch.zeros(n, probabilities.shape[1]).index_add_(0, origin, joint)
        marginals.append(marginal / marginal.sum(dim=1, keepdim=True))
        if place + 1 == len(metrics):
            break
        prefix, leaf, weight = _kept(joint.view(n, -1), joint.shape[1], max_sequences)
        given = {k: tokens[prefix] for k, tokens in given.items()}
        given[metric] = trie.leaf_tokens[leaf]
        origin = origin[prefix]
    return marginals


def _kept(
    joint: Tensor, n_leaves: int, max_sequences: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the sequences that go on.

    Args:
        joint: Shape ``(n, r l)``; probability of r sequences of each text followed by l numerals.
        n_leaves: l.
        max_sequences: Most of them for each text, or None.

    Returns:
        Row of the sequence, its numeral and its weight, shape ``(n k,)`` each; texts in order.
    """
    n, size = joint.shape
    if max_sequences is None or size <= max_sequences:
        chosen, weight = torch.arange(size).expand(n, size), joint
    else:
        n_shares = max_sequences // 2
        top, likeliest = joint.topk(max_sequences - n_shares, dim=1)
        below = joint.scatter(1, likeliest, 0.0).double().cumsum(dim=1)
        shares = (torch.arange(n_shares) + 0.5) / n_shares
        others = torch.searchsorted(below, shares.double() * below[:, -1:]).clamp(max=size - 1)
        of_others = (below[:, -1:].float() / n_shares).expand(n, n_shares)
        chosen = torch.cat([likeliest, others], dim=1)
        weight = torch.cat([top, of_others], dim=1)
    first = torch.arange(n)[:, None] * (size // n_leaves)
    prefix = first + torch.div(chosen, n_leaves, rounding_mode="floor")
    return prefix.flatten(), (chosen % n_leaves).flatten(), weight.flatten()


def sample_numerals(
    network: DigitsNetwork,
    memory: Memory,
    metric: int,
    trie: TrieTensors,
    generator: torch.Generator,
    *,
    origin: Tensor,
    given: Mapping[int, Tensor] | None = None,
    calibration: MetricCalibration = UNCALIBRATED,
    temperature: float = 1.0,
    top_p: float = 1.0,
    said: Opinion | None = None,
) -> Tensor:
    """Draw numerals token by token under the grammar, then what each of them means.

    Args:
        network: In evaluation mode.
        memory: Encoded texts.
        metric: Metric id.
        trie: Its legal numerals.
        generator: Source of randomness.
        origin: Shape ``(n,)``, the text of each draw.
        given: Metric id to known numerals, shape ``(n, length)`` each.
        calibration: Of the metric.
        temperature: Divides the logits, above 0; 1 samples the exact distribution. The error of
            the calibration stays what it is.
        top_p: Keeps the likeliest tokens that reach this mass, in (0, 1].
        said: See :func:`exact_distribution`, of the texts. A product has no tokens, so whole
            numerals are drawn then, and temperature and `top_p` are about numerals.

    Returns:
        Token ids, shape ``(n, length)``.
    """
    n = len(origin)
    if said is not None:
        if given:
            meant = torch.cat(
                [
                    exact_distribution(
                        network, rows, metric, trie, known, calibration, said.of(own)
                    )
                    for own, rows, known in _read_at_once(memory, origin, given)
                ]
            )
        else:
            meant = exact_distribution(network, memory, metric, trie, None, calibration, said)
            meant = meant[origin]
        meant = torch.softmax(meant.clamp(min=_LEAST).log() / temperature, dim=1)
        if top_p < 1.0:
            meant = _nucleus(meant, top_p)
        return trie.leaf_tokens[torch.multinomial(meant, 1, generator=generator)[:, 0]]
    numeral = torch.empty(n, 0, dtype=torch.long)
    if given:
        logits = torch.cat(
            [
                network.next_token_logits(rows, metric, trie, _all_known(known))
                for _, rows, known in _read_at_once(memory, origin, given)
            ]
        )
        origin = torch.arange(n)
    else:
        logits = network.next_token_logits(memory, metric, trie)
    children = _children(trie)
    node = torch.zeros(n, dtype=torch.long)
    for depth in range(trie.leaf_tokens.shape[1]):
        row = logits[origin, node].masked_fill(~trie.legal[node], -torch.inf)
        probabilities = torch.softmax(row * (calibration.sharpness / temperature), dim=1)
        if top_p < 1.0:
            probabilities = _nucleus(probabilities, top_p)
        token = torch.multinomial(probabilities, 1, generator=generator)
        numeral = torch.cat([numeral, token], dim=1)
        if depth + 1 < trie.leaf_tokens.shape[1]:
            node = children[node, token[:, 0]]
    if not calibration.width:
        return numeral
    written = (trie.leaf_tokens == numeral[:, None]).all(dim=2).int().argmax(dim=1)
    meant = channel(trie.leaf_values, calibration)[written]
    return trie.leaf_tokens[torch.multinomial(meant, 1, generator=generator)[:, 0]]


def _read_at_once(
    memory: Memory, origin: Tensor, given: Mapping[int, Tensor]
) -> Iterator[tuple[Tensor, Memory, dict[int, Tensor]]]:
    """Some draws at a time: the text of each, its memory, and the numbers known to it."""
    for own in torch.split(torch.arange(len(origin)), _AT_ONCE):
        known = {metric: tokens[own] for metric, tokens in given.items()}
        yield origin[own], memory.rows(origin[own]), known


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero all but the likeliest tokens that together reach ``top_p``."""
    ordered, order = probabilities.sort(dim=1, descending=True)
    before = ordered.cumsum(dim=1) - ordered
    ordered = ordered.masked_fill(before >= top_p, 0.0)
    return torch.zeros_like(probabilities).scatter_(1, order, ordered)


def _children(trie: TrieTensors) -> Tensor:
    """Inner node after each (inner node, token), shape ``(t, v)``; -1 where there is none."""
    children = torch.full(trie.legal.shape, -1, dtype=torch.long)
    for position in range(1, trie.leaf_nodes.shape[1]):
        parent, token = trie.leaf_nodes[:, position - 1], trie.leaf_tokens[:, position - 1]
        children[parent, token] = trie.leaf_nodes[:, position]
    return children
