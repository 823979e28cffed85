"""Rows of published benchmarks."""

from pathlib import Path

import pytest

import search_spaces
from nas_rlm.benchmark.nasbench201 import Nasbench201Table
from nas_rlm.benchmark_rows import benchmark_rows
from nas_rlm.errors import DataFolderError, DatasetError, UnknownMetricError
from nas_rlm.seeding import generator
from search_spaces.errors import UnknownSpaceError

ACCURACY = "accuracy_percent/cifar10"


def test_accuracies_are_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    genomes = [(4, 2, 1, 2, 1, 1), (3, 3, 3, 3, 3, 3), (0, 1, 2, 3, 4, 0)]
    monkeypatch.setattr("nas_rlm.benchmark_rows._genomes", lambda *_: iter(genomes))
    rows = benchmark_rows("nasbench201", [ACCURACY], n_rows=3)
    space = search_spaces.get_space("nasbench201")
    table = Nasbench201Table("cifar10")
    assert rows.texts == tuple(space.to_text(space.from_genome(genome)) for genome in genomes)
    assert rows.column(ACCURACY).tolist() == [table.accuracy_percent(g) for g in genomes]


def test_networks_are_different_and_from_all_over_the_space() -> None:
    rows = benchmark_rows("nasbench201", [ACCURACY], n_rows=60)
    assert len(set(rows.digests)) == 60
    assert rows.column(ACCURACY).std() > 1.0


def test_counts_are_those_of_the_publication_and_need_no_table() -> None:
    rows = benchmark_rows("nasbench201", ["params", "macs"], n_rows=5, seed=1)
    space = search_spaces.get_space("nasbench201")
    every = list(space.enumerate())
    of_text: dict[str, dict[str, float]] = {}
    for place in generator(1, "benchmark_rows", "nasbench201").permutation(len(every))[:20]:
        counts = space.published_counts(every[place])
        found = {"params": counts.parameters, "macs": counts.mult_adds}
        of_text.setdefault(space.to_text(every[place]), found)
    assert list(rows.labels) == [of_text[text] for text in rows.texts]


def test_rows_repeat_with_the_seed_and_report_progress() -> None:
    steps: list[int] = []
    first = benchmark_rows("nasbench201", [ACCURACY], n_rows=5, seed=1)
    again = benchmark_rows(
        "nasbench201", [ACCURACY], n_rows=5, seed=1, progress=lambda step, *_: steps.append(step)
    )
    assert first == again
    assert benchmark_rows("nasbench201", [ACCURACY], n_rows=5, seed=2) != first
    assert steps == [1, 2, 3, 4, 5]


def test_a_metric_is_needed() -> None:
    with pytest.raises(DatasetError, match="At least one metric"):
        benchmark_rows("nasbench201", [], n_rows=5)


def test_a_metric_that_no_table_has_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"no metric 'accuracy_percent/imagenet'"):
        benchmark_rows("nasbench201_cifar100", ["accuracy_percent/imagenet"], n_rows=5)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownMetricError, match="acuracy"):
        benchmark_rows("nasbench201", ["acuracy"], n_rows=5)
    with pytest.raises(UnknownSpaceError, match="nasbench21"):
        benchmark_rows("nasbench21", [ACCURACY], n_rows=5)


def test_more_rows_than_networks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_rlm.benchmark_rows._genomes", lambda *_: iter([(0,) * 6]))
    with pytest.raises(DatasetError, match="only 1 different networks"):
        benchmark_rows("nasbench201", [ACCURACY], n_rows=2)


@pytest.mark.data
@pytest.mark.usefixtures("data_folder")
def test_latencies_come_from_the_data_folder() -> None:
    rows = benchmark_rows("nasbench201", ["latency_ms/pixel3", ACCURACY], n_rows=20, seed=1)
    assert all(set(labels) == {"latency_ms/pixel3", ACCURACY} for labels in rows.labels)
    assert all(0 < labels["latency_ms/pixel3"] < 1000 for labels in rows.labels)
    pruned = benchmark_rows("nasbench201", [ACCURACY], n_rows=20, seed=1)
    assert len(set(rows.texts)) == 20
    assert sum(text.count("Mul") for text in rows.texts) > 0
    assert sum(text.count("Mul") for text in pruned.texts) == 0


def test_a_missing_data_folder_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAS_RLM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataFolderError, match="nowhere"):
        benchmark_rows("nasbench201", ["latency_ms/pixel3"], n_rows=5)
