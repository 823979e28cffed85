"""The exact distribution against brute force, against sampling, and as a chain."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogates.inputs.edge_batches import collate_edges
from surrogates.rlm import prediction
from surrogates.rlm.calibration import UNCALIBRATED, MetricCalibration
from surrogates.rlm.digit_trie import digit_trie, full_branches
from surrogates.rlm.encoders.dataflow_reader import DataflowBatch, DataflowNetwork
from surrogates.rlm.model import CachedMemory, Context, RlmNetwork, TrieTensors
from surrogates.rlm.number_tokens import NumeralGrammar
from surrogates.rlm.prediction import (
    Opinion,
    chain_distributions,
    exact_distribution,
    sample_numerals,
)
from surrogates.rlm.settings import RlmSettings
from tests.surrogates.inputs.test_edge_batches import graph

GRAMMAR = NumeralGrammar(n_digits=2, min_exponent=-1, max_exponent=0)
BRANCHES = full_branches(GRAMMAR)
POSITIVE = ((0, 3),)
N = 3


def line_logits(
    network: RlmNetwork,
    memory: CachedMemory,
    metric: int,
    prefix: list[int],
    context: Context | None,
) -> torch.Tensor:
    """Next-token logits after one prefix, computed as a plain causal line: no tree, no cache."""
    tokens = torch.tensor([[-1, *prefix]])
    t = tokens.shape[1]
    owner = torch.zeros(t, dtype=torch.long)
    embed = network.decoder.embed
    line = embed(torch.tensor([metric]), tokens, torch.arange(t), owner).expand(N, -1, -1)
    causal = torch.ones(t, t, dtype=torch.bool).tril()
    if context is None:
        return network.decoder(line, causal, memory.cached, memory.padding)[:, -1]
    length, c = GRAMMAR.length, len(context.metrics)
    before = embed(
        context.metrics,
        context.tokens.reshape(N, -1),
        torch.arange(1, length + 1).repeat(c),
        torch.arange(c).repeat_interleave(length),
    )
    mask = torch.zeros(c * length + t, c * length + t, dtype=torch.bool)
    mask[:, : c * length] = True
    mask[c * length :, c * length :] = causal
    states = torch.cat([before, line], dim=1)
    return network.decoder(states, mask, memory.cached, memory.padding)[:, -1]


@pytest.fixture
def network() -> RlmNetwork:
    torch.manual_seed(0)
    settings = RlmSettings(width=16, n_layers=1, n_decoder_layers=2)
    made = RlmNetwork(DataflowNetwork(300, 0, settings), settings, GRAMMAR, n_metrics=3)
    with torch.no_grad():
        made.decoder.head.weight *= 8.0  # far from uniform, so that a wrong path shows
    return made.eval()


@pytest.fixture
def memory(network: RlmNetwork) -> CachedMemory:
    generator = torch.Generator().manual_seed(1)
    defines = [(i, j) for j in range(4) for i in range(j)]
    table = (
        torch.randint(1, 300, (5, 6), generator=generator),
        torch.randint(0, 3, (5, 6), generator=generator),
        torch.rand(5, 6, generator=generator),
    )
    statements = torch.randint(0, 5, (10,), generator=generator)
    graphs = [graph(("Relu",) * n, [pair for pair in defines if pair[1] < n]) for n in (4, 4, 2)]
    batch = collate_edges(graphs, table, statements)
    with torch.inference_mode():
        return network.encode(DataflowBatch(batch, torch.zeros(N, 0)), range(3))


@pytest.fixture
def context() -> Context:
    numerals = [GRAMMAR.encode(v) for v in (3.7, -0.25, 0.0)]
    return Context(torch.tensor([2]), torch.tensor(numerals)[:, None], torch.ones(N, 1).bool())


@pytest.mark.parametrize("is_given", [False, True])
@torch.inference_mode()
def test_trie_equals_brute_force_enumeration(
    network: RlmNetwork, memory: CachedMemory, context: Context, is_given: bool
) -> None:
    trie = digit_trie(GRAMMAR, BRANCHES)
    given = {2: context.tokens[:, 0]} if is_given else None
    exact = exact_distribution(network, memory, 1, TrieTensors.of(trie), given).numpy()
    brute = {}
    for numeral in itertools.product(range(len(GRAMMAR.vocabulary)), repeat=GRAMMAR.length):
        prefixes = [numeral[:k] for k in range(GRAMMAR.length)]
        pairs = list(zip(prefixes, numeral, strict=True))
        if any(token not in GRAMMAR.next_tokens(prefix) for prefix, token in pairs):
            continue
        total = torch.ones(N)
        for prefix, token in pairs:
            if (prefix, None) not in brute:
                logits = line_logits(
                    network, memory, 1, list(prefix), context if is_given else None
                )
                legal = torch.full_like(logits, -torch.inf)
                allowed = list(GRAMMAR.next_tokens(prefix))
                legal[:, allowed] = logits[:, allowed]
                brute[prefix, None] = legal.softmax(dim=1)
            total = total * brute[prefix, None][:, token]
        brute[numeral] = total
    leaves = np.stack([brute[tuple(leaf)].numpy() for leaf in trie.leaf_tokens.tolist()], axis=1)
    assert len(trie.leaf_tokens) == 361  # 2 signs x 2 exponents x 90 numerals, and zero
    assert np.abs(exact - leaves).max() < 1e-5
    assert exact.sum(axis=1) == pytest.approx(np.ones(N), abs=1e-5)
    assert exact.max() > 0.02  # not the uniform distribution


@torch.inference_mode()
def test_mean_of_20000_samples_is_the_exact_mean(
    network: RlmNetwork, memory: CachedMemory
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, BRANCHES))
    exact = exact_distribution(network, memory, 0, trie).double()
    leaves = trie.leaf_values.double()
    mean = exact @ leaves
    deviation = (exact @ leaves.square() - mean.square()).sqrt()
    n_samples = 20_000
    origin = torch.arange(N).repeat(n_samples)
    generator = torch.Generator().manual_seed(5)
    tokens = sample_numerals(network, memory, 0, trie, generator, origin=origin)
    drawn = np.array([GRAMMAR.decode(row) for row in tokens.tolist()]).reshape(n_samples, N)
    error = np.abs(drawn.mean(axis=0) - mean.numpy())
    assert (error <= 3 * deviation.numpy() / np.sqrt(n_samples)).all()
    assert deviation.min() > 0.1


@torch.inference_mode()
def test_sharpness_is_an_inverse_temperature(network: RlmNetwork, memory: CachedMemory) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, BRANCHES))
    half = MetricCalibration(sharpness=0.5)
    exact = exact_distribution(network, memory, 0, trie, calibration=half).double()
    mean = (exact @ trie.leaf_values.double()).numpy()
    origin = torch.arange(N).repeat(20_000)
    generator = torch.Generator().manual_seed(3)
    draw = partial(sample_numerals, network, memory, 0, trie, generator, origin=origin)
    warm = np.array([GRAMMAR.decode(row) for row in draw(temperature=2.0).tolist()])
    warm = warm.reshape(20_000, N)
    assert (np.abs(warm.mean(axis=0) - mean) < 4 * warm.std(axis=0) / np.sqrt(20_000)).all()
    plain = exact_distribution(network, memory, 0, trie)
    assert (exact - plain).abs().sum(dim=1).min() > 0.1


@torch.inference_mode()
def test_calibrated_samples_follow_the_calibrated_distribution(
    network: RlmNetwork, memory: CachedMemory
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, POSITIVE))
    calibration = MetricCalibration(sharpness=0.7, offset=2.0, slope=0.5, width=0.8)
    exact = exact_distribution(network, memory, 0, trie, calibration=calibration).double()
    origin = torch.arange(N).repeat(20_000)
    generator = torch.Generator().manual_seed(4)
    tokens = sample_numerals(
        network, memory, 0, trie, generator, origin=origin, calibration=calibration
    )
    drawn = np.array([GRAMMAR.decode(row) for row in tokens.tolist()]).reshape(20_000, N)
    leaves = trie.leaf_values.double()
    mean = (exact @ leaves).numpy()
    deviation = (exact @ leaves.square() - (exact @ leaves).square()).sqrt().numpy()
    assert exact.sum(dim=1).numpy() == pytest.approx(np.ones(N), abs=1e-5)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * deviation / np.sqrt(20_000)).all()
    assert drawn.std(axis=0) == pytest.approx(deviation, rel=0.05)
    plain = exact_distribution(network, memory, 0, trie)
    assert (exact - plain).abs().sum(dim=1).min() > 0.1


@torch.inference_mode()
def test_chain_is_the_sum_over_all_earlier_numerals(
    network: RlmNetwork, memory: CachedMemory
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, POSITIVE))
    first, second = chain_distributions(
        network, memory, [0, 2], [trie, trie], [UNCALIBRATED] * 2, max_sequences=None
    )
    total = torch.zeros_like(second)
    for leaf, tokens in enumerate(trie.leaf_tokens):
        given = {0: tokens.expand(N, -1)}
        total += first[:, leaf, None] * exact_distribution(network, memory, 2, trie, given)
    assert torch.allclose(second, total, atol=1e-6)
    assert not torch.allclose(second, exact_distribution(network, memory, 2, trie), atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize(("max_sequences", "error"), [(16, 0.1), (128, 0.02)])
def test_chain_of_few_sequences_stays_close(
    network: RlmNetwork, memory: CachedMemory, max_sequences: int, error: float
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, POSITIVE))
    decode = partial(
        chain_distributions, network, memory, [0, 2, 1], [trie] * 3, [UNCALIBRATED] * 3
    )
    exact, few = decode(max_sequences=None), decode(max_sequences=max_sequences)
    assert torch.equal(exact[0], few[0])
    assert not torch.equal(exact[2], few[2])
    for whole, part in zip(exact[1:], few[1:], strict=True):
        assert (whole - part).abs().sum(dim=1).max() < error
        assert part.sum(dim=1).numpy() == pytest.approx(np.ones(N), abs=1e-5)


@torch.inference_mode()
def test_top_p_keeps_only_the_likeliest_token(network: RlmNetwork, memory: CachedMemory) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, BRANCHES))
    generator = torch.Generator().manual_seed(0)
    origin = torch.zeros(50, dtype=torch.long)
    draw = partial(sample_numerals, network, memory, 0, trie, generator, origin=origin)
    greedy, free = draw(top_p=1e-6), draw()
    assert len({tuple(row) for row in greedy.tolist()}) == 1
    assert len({tuple(row) for row in free.tolist()}) > 1
    cold = draw(temperature=1e-3)
    assert cold.tolist() == greedy.tolist()


@torch.inference_mode()
def test_samples_follow_what_is_given(
    network: RlmNetwork, memory: CachedMemory, context: Context
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, POSITIVE))
    given = {2: context.tokens[:, 0]}
    exact = exact_distribution(network, memory, 1, trie, given).double()
    origin = torch.arange(N).repeat(4000)
    tokens = sample_numerals(
        network,
        memory,
        1,
        trie,
        torch.Generator().manual_seed(2),
        origin=origin,
        given={2: given[2][origin]},
    )
    drawn = np.array([GRAMMAR.decode(row) for row in tokens.tolist()]).reshape(4000, N)
    mean = (exact @ trie.leaf_values.double()).numpy()
    assert np.abs(drawn.mean(axis=0) - mean).max() < 4 * drawn.std(axis=0).max() / np.sqrt(4000)
    alone = exact_distribution(network, memory, 1, trie).double() @ trie.leaf_values.double()
    assert np.abs(alone.numpy() - mean).max() > 0.2  # a context that is ignored would show


@torch.inference_mode()
@pytest.mark.parametrize("is_said", [False, True])
@pytest.mark.parametrize("is_given", [False, True])
def test_draws_are_the_same_however_many_are_read_at_once(
    network: RlmNetwork,
    memory: CachedMemory,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    is_given: bool,
    is_said: bool,
) -> None:
    trie = TrieTensors.of(digit_trie(GRAMMAR, POSITIVE))
    origin = torch.arange(N).repeat(40)
    given = {2: context.tokens[origin, 0]} if is_given else {}
    density = -0.5 * (trie.leaf_values - torch.tensor([[1.0], [4.0], [30.0]])).square()
    said = Opinion(density, 1.0, 1.0) if is_said else None
    asked: list[int] = []
    real = CachedMemory.rows
    monkeypatch.setattr(
        CachedMemory, "rows", lambda s, own: asked.append(len(own)) or real(s, own)
    )

    def drawn() -> Tensor:
        generator = torch.Generator().manual_seed(6)
        return sample_numerals(
            network, memory, 1, trie, generator, origin=origin, given=given, said=said
        )

    together = drawn()
    assert asked == ([len(origin)] if is_given else [])  # else each text is read once
    asked.clear()
    monkeypatch.setattr(prediction, "_AT_ONCE", 50)
    assert torch.equal(drawn(), together)
    assert asked == ([50, 50, 20] if is_given else [])
