"""No leak: where labels are shuffled, nothing can be predicted, and nothing is."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison import (
    PROTOCOLS,
    Comparison,
    CrossSpaceProtocol,
    Method,
    Results,
    cross_space,
    find_method,
    find_protocol,
    pretraining,
    run_protocol,
    runner,
)
from nas_rlm.comparison.pretraining import Pretraining
from nas_rlm.comparison.protocol import Source
from nas_rlm.comparison.space_rows import SpaceRows, read_space_rows
from search_spaces import get_space
from surrogates import surrogate_class

QUICK: Mapping[str, object] = {"n_steps": 40, "n_members": 1, "n_layers": 2}
OTHERS: Mapping[str, Mapping[str, object]] = {
    "graph_trees": {"n_trees": 40, "n_members": 1},
    "graph_gp": {},
    "constant": {},
    "memorizer": {},
    "": {},
}
"""Settings of surrogates that are no networks, and of methods that are no surrogates."""
METRIC = "accuracy_percent/cifar10"
SEEDS = (0, 1, 2)


def quick_learners(protocol: Comparison) -> dict[str, Method]:
    """Every method of a protocol that learns from rows, trained for a moment."""
    found = {}
    for name in protocol.methods:
        method = find_method(name, protocol.own_methods)
        if method.is_untrained:
            continue
        if method.is_pretrained and not surrogate_class(method.surrogate).can_finetune:
            continue
        settings = OTHERS.get(method.surrogate, QUICK)
        found[name] = dataclasses.replace(method, settings=settings)
    return found


def made_up_rows(space_name: str, n_rows: int, seed: int) -> SpaceRows:
    """Random architectures whose accuracy follows their parameters."""
    space, rng = get_space(space_name), np.random.default_rng(seed)
    genomes = np.array([space.to_genome(space.sample(rng)) for _ in range(n_rows)])
    counts = [space.published_counts(space.from_genome(g)) for g in genomes.tolist()]
    size = np.log([float(count.parameters) for count in counts])
    labels = {METRIC: 50 + 5 * size + 0.5 * rng.normal(size=n_rows)}
    return SpaceRows(space_name, genomes, labels, np.zeros(n_rows, dtype=bool))


def means_over_seeds(results: Results, target: str, n: int) -> dict[str, float]:
    """Kendall tau of every method, mean over the seeds."""
    values: dict[str, list[float]] = {}
    for r in results.rows:
        if (r.target, r.n) == (target, n) and r.metric in ("kendall_tau", "kendall_tau_unseen"):
            values.setdefault(f"{r.method} {r.metric}", []).append(r.value)
    return {name: float(np.mean(own)) for name, own in values.items()}


def few_shot_scores(
    rows: SpaceRows,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    chosen: Sequence[str] | None = None,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, float]:
    """Scores of learners of the few-shot protocol, of all of them unless some are chosen."""
    other = made_up_rows("nasbench_macro", 80, 1)

    def pretraining_of_another_space(space: str, kept: Path) -> Pretraining:
        sources = (Source("nasbench_macro", METRIC),)
        return cross_space.pretraining_without(space, kept, sources=sources)

    monkeypatch.setattr(runner, "read_space_rows", lambda *_, **__: rows)
    monkeypatch.setattr(runner, "pretraining_without", pretraining_of_another_space)
    monkeypatch.setattr(pretraining, "read_source", lambda _: other)
    whole = find_protocol("fewshot-nasbench201")
    learners = quick_learners(whole)
    protocol = dataclasses.replace(
        whole,
        targets={"c10_val": METRIC},
        methods=tuple(learners),
        own_methods=learners,
        n_test=1000,
        goals={},
    )
    results = run_protocol(protocol, folder / "few-shot", methods=chosen, sizes=[156], seeds=seeds)
    return means_over_seeds(results, "c10_val", 156)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_shuffled_labels_cannot_be_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_space_rows("nasbench201", [METRIC])
    chosen = ("rlm", "gcn", "graph_trees", "genome_trees", "genome_mlp", "memorizer")
    true = few_shot_scores(rows, tmp_path / "true", monkeypatch, chosen=chosen, seeds=[0])
    for name in set(chosen) - {"memorizer"}:
        assert true[f"{name} kendall_tau_unseen"] > 0.2  # the same run predicts what is there
    assert true["memorizer kendall_tau"] > 0.1
    assert true["memorizer kendall_tau_unseen"] == 0.0
    rows.columns[METRIC] = np.random.default_rng(0).permutation(rows.columns[METRIC])
    shuffled = few_shot_scores(rows, tmp_path / "shuffled", monkeypatch)
    # 1,000 rows in random order spread by .021 around 0, the mean of three seeds by .012.
    assert {name: value for name, value in shuffled.items() if abs(value) >= 0.05} == {}
    assert shuffled["memorizer kendall_tau_unseen"] == 0.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_shuffled_labels_of_a_new_space_cannot_be_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {
        "nasbench201": made_up_rows("nasbench201", 1200, 0),
        "nasbench_macro": made_up_rows("nasbench_macro", 80, 1),
    }
    for module in (cross_space, pretraining):
        monkeypatch.setattr(module, "read_source", lambda source: tables[source.space])
    whole = find_protocol("cross-space-16")
    assert isinstance(whole, CrossSpaceProtocol)
    learners = quick_learners(whole)
    protocol = dataclasses.replace(
        whole,
        sources=tuple(Source(name, METRIC) for name in tables),
        targets=dict.fromkeys(tables, METRIC),
        methods=tuple(learners),
        own_methods=learners,
        n_draws=2,
        goals={},
    )

    def scores(folder: Path, seeds: Sequence[int]) -> dict[str, float]:
        run = run_protocol(protocol, folder / "across", seeds=seeds, targets=["nasbench201"])
        by_size = {n: means_over_seeds(run, "nasbench201", n) for n in (0, 16)}
        return {f"{name} {n}": v for n, own in by_size.items() for name, v in own.items()}

    true = scores(tmp_path / "true", [0])
    assert true["gcn kendall_tau 16"] > 0.2
    assert true["graph_mlp kendall_tau 0"] > 0.2
    column = tables["nasbench201"].columns[METRIC]
    column[:] = np.random.default_rng(1).permutation(column)
    shuffled = scores(tmp_path / "shuffled", SEEDS)
    assert set(shuffled) == set(true)
    assert {name: value for name, value in shuffled.items() if abs(value) >= 0.05} == {}


def test_the_learners_of_the_protocols_are_the_ones_checked() -> None:
    """A learner that joins a few-shot protocol joins the slow test above by itself."""
    names = {
        name
        for protocol in PROTOCOLS.values()
        if protocol.name.startswith("fewshot")
        for name in protocol.methods
    }
    assert names == set(find_protocol("fewshot-nasbench201").methods)
