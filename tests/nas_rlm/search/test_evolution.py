import itertools

import numpy as np
import pytest

import search_spaces
from nas_rlm.budget import Budget
from nas_rlm.errors import ArrayError
from nas_rlm.metrics import parse_metric
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.evolution import Evolution, Variation, breed
from search_spaces.nasbench201 import NasBench201

LATENCY = parse_metric("latency_ms/local")
MACS = parse_metric("macs")
ACCURACY = parse_metric("accuracy_percent/cifar10")


class Narrow(NasBench201):
    """Two of five operations on three free edges: 8 genomes."""

    size = 8
    genome_choices = (2, 2, 1, 2, 1, 1)


def values_of(candidates: list[Candidate]) -> dict[str, np.ndarray]:
    """Distances of the genome from two targets."""
    genomes = np.array([item.genome for item in candidates])
    first, second = (np.abs(genomes - target).sum(axis=1).astype(float) for target in (3, 1))
    return {LATENCY.name: first, MACS.name: second}


def run(seed: int, n: int = 60) -> Evolution:
    reader = CandidateReader(search_spaces.get_space("nasbench201"))
    evolution = Evolution(reader, [LATENCY, MACS], population_size=10, seed=seed)
    for _ in range(n // 10):
        candidates = evolution.ask(10)
        evolution.tell(candidates, values_of(candidates))
    return evolution


def test_every_network_is_proposed_once_and_the_seed_decides_which() -> None:
    first, again, other = run(1), run(1), run(2)
    assert len(set(first.archive.digests)) == len(first.archive) == 60
    assert first.archive.digests == again.archive.digests != other.archive.digests


def test_it_finds_better_networks_than_chance() -> None:
    """A single objective: the mean of the last generation beats the first, which is random."""
    reader = CandidateReader(search_spaces.get_space("nasbench201"))
    evolution = Evolution(reader, [LATENCY], population_size=10, seed=0)
    means = []
    for _ in range(6):
        candidates = evolution.ask(20)
        values = values_of(candidates)
        evolution.tell(candidates, values)
        means.append(values[LATENCY.name].mean())
    assert means[-1] < means[0] - 2.0


def test_a_budget_keeps_the_search_on_its_side() -> None:
    """The more convolutions the better, but each costs: without a budget, most cost too much."""
    reader = CandidateReader(search_spaces.get_space("nasbench201"))
    cost_of_gene = np.array([0.0, 0.0, 1.0, 3.0, 1.0])
    shares = []
    for budgets in ((), (Budget.parse("latency_ms/local<=8"),)):
        evolution = Evolution(reader, [ACCURACY], budgets, population_size=10, seed=0)
        costs = []
        for _ in range(8):
            candidates = evolution.ask(10)
            cost = np.array([cost_of_gene[list(item.genome)].sum() for item in candidates])
            evolution.tell(candidates, {ACCURACY.name: cost, LATENCY.name: cost})
            costs.append(cost)
        shares.append((np.concatenate(costs[4:]) <= 8).mean())
    assert shares[1] > shares[0] + 0.2


def test_a_small_space_is_exhausted_and_then_nothing_comes() -> None:
    space = Narrow("nasbench201", 32, 10)
    reader = CandidateReader(space)
    digests = {
        reader.digest(genome) for genome in itertools.product(*map(range, Narrow.genome_choices))
    }
    evolution = Evolution(reader, [LATENCY], seed=0)
    found = evolution.ask(100)
    evolution.tell(found, values_of(found))
    assert {item.digest for item in found} == digests
    assert evolution.ask(5) == []


def test_excluded_networks_are_never_proposed() -> None:
    reader = CandidateReader(Narrow("nasbench201", 32, 10))
    everything = Evolution(reader, [LATENCY], seed=0).ask(100)
    evolution = Evolution(reader, [LATENCY], seed=0, seen=[everything[0].digest])
    evolution.exclude([everything[1].digest])
    assert {item.digest for item in evolution.ask(100)} == {item.digest for item in everything[2:]}


def test_children_differ_from_both_parents_copies_in_at_least_one_gene(
    rng: np.random.Generator,
) -> None:
    parent = np.array([[1, 0, 2, 3, 4]])
    children = breed(parent, (5, 1, 5, 5, 5), 500, rng)
    assert (children != parent).any(axis=1).all()
    assert (children[:, 1] == 0).all()
    assert children.min() >= 0
    assert children.max() <= 4


def test_children_mix_their_parents(rng: np.random.Generator) -> None:
    parents = np.array([[0] * 20, [1] * 20])
    how = Variation(crossover_probability=1.0, mutated_genes=0.0)
    children = breed(parents, (2,) * 20, 400, rng, how)
    shares = children.mean(axis=1)
    assert ((shares > 0.2) & (shares < 0.8)).mean() > 0.3
    copies = breed(parents, (2,) * 20, 400, rng, Variation(0.0, 0.0, 0.0))
    assert set(copies.sum(axis=1).tolist()) == {1, 19}


def test_better_parents_have_more_children(rng: np.random.Generator) -> None:
    parents = np.arange(10)[:, None].repeat(6, axis=1)
    children = breed(parents, (10,) * 6, 3000, rng, Variation(0.0, 0.0, 0.0))
    origin = np.median(children, axis=1)
    assert (origin == 0).mean() == pytest.approx(0.19, abs=0.03)
    assert (origin == 9).mean() == pytest.approx(0.01, abs=0.01)


def test_nothing_can_change_where_no_gene_has_a_choice(rng: np.random.Generator) -> None:
    parents = np.zeros((1, 3), dtype=np.int64)
    assert (breed(parents, (1, 1, 1), 4, rng) == 0).all()


def test_children_need_a_parent(rng: np.random.Generator) -> None:
    with pytest.raises(ArrayError, match="at least one parent"):
        breed(np.zeros((0, 3), dtype=np.int64), (2, 2, 2), 1, rng)
