"""Rows of a space: labels joined by architecture, texts when needed, development rows fixed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison import space_rows
from nas_rlm.comparison.space_rows import SpaceRows, read_space_rows
from nas_rlm.data_files import MetricTable
from nas_rlm.errors import DataFolderError, DatasetError
from search_spaces import get_space
from search_spaces.counts import count_graph
from surrogates.inputs.signal_flow import log_flow
from tests.nas_rlm.comparison.tiny import ACCURACY, LATENCIES


def test_texts_digests_and_counts_belong_to_their_rows(rows: SpaceRows) -> None:
    space = get_space("nasbench201")
    asked = np.array([5, 2, 5])
    architectures = [space.from_genome(rows.genomes[k].tolist()) for k in asked]
    assert rows.texts(asked) == [space.to_text(a) for a in architectures]
    assert rows.count("macs", asked).tolist() == [
        space.published_counts(a).mult_adds for a in architectures
    ]
    assert rows.count("log_flow", asked).tolist() == [log_flow(text) for text in rows.texts(asked)]
    digests = rows.digests(asked)
    assert digests[0] == digests[2] != digests[1]


def test_rows_that_are_not_pruned_tell_architectures_of_one_network_apart(rows: SpaceRows) -> None:
    digests = rows.digests(np.arange(len(rows)))
    same = next(
        np.flatnonzero(digests == name)
        for name in digests
        if len({tuple(rows.genomes[k]) for k in np.flatnonzero(digests == name)}) > 1
    )
    genomes = {tuple(genome) for genome in rows.genomes[same].tolist()}
    assert len(set(rows.texts(same))) == 1
    whole = dataclasses.replace(rows, is_pruned=False)
    assert len(set(whole.texts(same))) == len(genomes) > 1
    assert whole.texts(same) == whole.texts(same)
    assert whole.digests(same).tolist() == rows.digests(same).tolist()


def test_all_descriptions_of_a_network_are_for_development_or_none(rows: SpaceRows) -> None:
    by_digest = dataclasses.replace(rows, development=None)
    digests = rows.digests(np.arange(len(rows)))
    assert len(set(digests)) < len(digests)
    held = set(digests[by_digest.is_development])
    assert held
    assert not held & set(digests[by_digest.usable([ACCURACY])])


def test_operators_count_every_call_and_shape(rows: SpaceRows) -> None:
    space = get_space("nasbench201")
    (tally,) = rows.operators(np.array([3]))
    genome = rows.genomes[3].tolist()
    graph = space.build(space.from_genome(genome))
    total = sum(tally.values())
    assert total == sum(1 for _ in count_graph(graph).per_op)
    assert any(key.startswith("Conv") for key in tally)
    unpruned = dataclasses.replace(rows, is_pruned=False, _operators={})
    (whole,) = unpruned.operators(np.array([3]))
    assert sum(whole.values()) > total


def test_a_label_that_is_not_known_is_absent(rows: SpaceRows) -> None:
    rows.columns[LATENCIES[0]][4] = np.nan
    first, second = rows.labels(np.array([4, 6]), [ACCURACY, LATENCIES[0]])
    assert list(first) == [ACCURACY]
    assert list(second) == [ACCURACY, LATENCIES[0]]
    assert 4 not in rows.usable([LATENCIES[0]])


def test_no_folder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_RLM_DATA", raising=False)
    with pytest.raises(DataFolderError, match="NAS_RLM_DATA is not set"):
        read_space_rows("nasbench101", ["accuracy_percent/cifar10_108epochs"])


def test_tables_of_different_architectures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    genomes = np.zeros((1, 6), dtype=np.int64)
    table = MetricTable("nasbench201", genomes, {LATENCIES[0]: np.ones(1)})
    monkeypatch.setattr(space_rows, "read_metric_table", lambda *_: table)
    with pytest.raises(DatasetError, match="must hold the 15625 architectures"):
        read_space_rows("nasbench201", [ACCURACY, LATENCIES[0]])


@pytest.mark.data
@pytest.mark.parametrize(
    ("space", "metric"),
    [
        ("ofa_mbv3", "accuracy_percent/imagenet"),
        ("nasbench_macro", "accuracy_percent/cifar10"),
        ("fbnet", "latency_ms/fpga"),
    ],
)
def test_a_fifth_of_every_table_is_for_development(
    data_folder: Path, space: str, metric: str
) -> None:
    del data_folder
    rows = read_space_rows(space, [metric])
    assert rows.is_development.mean() == pytest.approx(0.2, abs=0.03)
    some = np.arange(0, len(rows), 50)
    alone = dataclasses.replace(rows, genomes=rows.genomes[some], columns={}, development=None)
    alone._texts, alone._digests, alone._counts = {}, {}, {}
    np.testing.assert_array_equal(alone.is_development, rows.is_development[some])


@pytest.mark.data
def test_accuracy_and_latency_are_joined_by_architecture(data_folder: Path) -> None:
    rows = read_space_rows("nasbench201", [ACCURACY, "latency_ms/fpga"])
    file = space_rows.read_metric_table("nasbench201", [ACCURACY, "latency_ms/fpga"])
    del data_folder
    found = dict(
        zip(map(tuple, rows.genomes.tolist()), rows.columns["latency_ms/fpga"], strict=True)
    )
    for genome, value in zip(
        file.genomes[::500].tolist(), file.metrics["latency_ms/fpga"][::500], strict=True
    ):
        assert found[tuple(genome)] == value
