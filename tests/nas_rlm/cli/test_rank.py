"""`nas-rlm rank`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import surrogates
from nas_rlm.export import ExportedArchitecture, export_architectures
from tests.nas_rlm.cli.conftest import TinyCheckpoint

METRICS = ("accuracy_percent/cifar10", "latency_ms/pixel9")


@pytest.fixture
def trained(
    command: Callable[..., Result], tmp_path: Path
) -> tuple[Path, tuple[ExportedArchitecture, ...]]:
    """A memorizing checkpoint and the files that it remembers, worst and slowest first."""
    del command  # changes to the folder
    nets = export_architectures("nasbench201", tmp_path / "nets", n_random=3, seed=1)
    texts = [row.file.read_text(encoding="utf-8") for row in nets]
    labels = [dict(zip(METRICS, (80.0 + i, 9.0 - i), strict=True)) for i in range(3)]
    surrogates.get_surrogate("memorizer").fit(texts, labels).save(tmp_path / "model")
    return tmp_path / "model", nets


def test_files_are_sorted_best_first(
    command: Callable[..., Result], trained: tuple[Path, tuple[ExportedArchitecture, ...]]
) -> None:
    model, nets = trained
    done = command("rank", *(row.file for row in nets), "--model", model, "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["by"] == METRICS[0]
    assert [row["file"] for row in document["rows"]] == [str(row.file) for row in nets[::-1]]
    assert [row["digest"] for row in document["rows"]] == [row.digest for row in nets[::-1]]
    best = document["rows"][0]["predictions"]
    assert best[METRICS[0]]["mean"] == pytest.approx(82.0)
    assert best[METRICS[1]]["low"] <= best[METRICS[1]]["mean"] <= best[METRICS[1]]["high"]


def test_nothing_is_loaded_that_only_training_needs(
    trained: tuple[Path, tuple[ExportedArchitecture, ...]],
) -> None:
    probe = (
        "import sys; from pathlib import Path; from nas_rlm.ranking import rank_files; "
        "rank_files([Path(sys.argv[1])]); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", probe, trained[1][0].file],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    ).stdout.split()
    assert "surrogates.rlm.regressor" in loaded
    assert not {"scipy.stats", "scipy.optimize", "optuna", "onnxruntime"} & {*loaded}


def test_another_metric_may_decide(
    command: Callable[..., Result], trained: tuple[Path, tuple[ExportedArchitecture, ...]]
) -> None:
    model, nets = trained
    shuffled = [nets[1].file, nets[2].file, nets[0].file]
    done = command("rank", *shuffled, "--model", model, "--by", METRICS[1])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["file", METRICS[0]]
    assert [line.split()[0] for line in lines[2:]] == [str(row.file) for row in nets[::-1]]


def test_a_metric_that_was_not_trained_is_refused(
    command: Callable[..., Result], trained: tuple[Path, tuple[ExportedArchitecture, ...]]
) -> None:
    model, nets = trained
    done = command("rank", nets[0].file, "--model", model, "--by", "params")
    assert done.exit_code == 2
    assert "does not predict 'params'" in done.stderr


def test_a_folder_without_a_checkpoint_is_refused(
    command: Callable[..., Result], trained: tuple[Path, tuple[ExportedArchitecture, ...]]
) -> None:
    _, nets = trained
    done = command("rank", nets[0].file, "--model", "nets")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_without_a_model_the_shipped_one_ranks_by_its_first_accuracy(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("rank", *shipped.files, "--json")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[0].startswith("Checkpoint: the one that comes with nas-rlm")
    assert done.stderr.count("\n") == 1
    document = json.loads(done.stdout)
    assert document["by"] == "accuracy_percent/cifar10"
    assert [list(row["predictions"]) for row in document["rows"]] == [[document["by"]]] * 6
    best = [row["predictions"][document["by"]]["mean"] for row in document["rows"]]
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1]


def test_metrics_may_be_chosen(command: Callable[..., Result], shipped: TinyCheckpoint) -> None:
    chosen = ("--metric", "macs", "--metric", "latency_ms/pixel2")
    done = command("rank", *shipped.files, *chosen, "--by", "params")
    assert done.exit_code == 0
    header = done.stdout.splitlines()[0].split()
    assert [name for name in header if name in shipped.metrics] == [
        "latency_ms/pixel2", "params", "macs",
    ]  # fmt: skip
    small = command("rank", *shipped.files, *chosen, "--json")
    assert json.loads(small.stdout)["by"] == "macs"  # no accuracy among those named


def test_a_table_says_what_else_can_be_predicted(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("rank", shipped.files[0])
    assert "Sorted by accuracy_percent/cifar10; --metric adds any of 6 others" in done.stderr
    assert "--new-space" in done.stderr


@pytest.mark.parametrize("by", METRICS)
def test_files_of_a_new_space_are_sorted_without_numbers(
    command: Callable[..., Result],
    trained: tuple[Path, tuple[ExportedArchitecture, ...]],
    by: str,
) -> None:
    model, nets = trained
    files = [row.file for row in nets]
    arguments = ("rank", *files, "--model", model, "--new-space", "--by", by)
    document = json.loads(command(*arguments, "--json").stdout)
    assert document["by"] == [by]
    assert [row["file"] for row in document["rows"]] == [str(file) for file in files[::-1]]
    assert document["rows"][0]["digest"] == nets[-1].digest
    assert document["rows"][0]["score"] > document["rows"][1]["score"]
    done = command(*arguments)
    assert done.stdout.splitlines()[0].split() == ["file", "score"]
    assert f"Sorted by what {by} would be" in done.stderr


def test_all_known_accuracies_order_a_new_space(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("rank", *shipped.files, "--new-space")
    assert "Sorted by what 2 metrics of accuracy_percent would be" in done.stderr


@pytest.mark.parametrize(
    ("n_files", "options", "message"),
    [
        (1, (), "at least two files"),
        (2, ("--metric", "params"), "with --new-space, but --metric is given"),
        (2, ("--level", "0"), "with --new-space, but --level is given"),
        (2, ("--by", "accuracy_percent/cifar1"), "does not predict 'accuracy_percent/cifar1'"),
        (0, (), "Nothing to rank"),
    ],
)
def test_an_order_of_a_new_space_that_cannot_be_is_one_sentence(
    command: Callable[..., Result],
    shipped: TinyCheckpoint,
    n_files: int,
    options: tuple[str, ...],
    message: str,
) -> None:
    done = command("rank", *shipped.files[:n_files], "--new-space", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_a_level_is_named_as_it_is(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("rank", shipped.files[0], "--level", "0.975")
    assert "97.5% interval" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Nothing to rank: name at least one ONNX file"),
        (("a.onnx", "--metric", "latency_ms/pixel4"), "Did you mean 'latency_ms/pixel"),
    ],
)
def test_a_ranking_that_cannot_be_is_one_sentence(
    command: Callable[..., Result],
    shipped: TinyCheckpoint,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    del shipped
    done = command("rank", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_installation_without_the_checkpoint_is_one_sentence(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas_rlm.pretrained.FOLDER", tmp_path)
    done = command("rank", "a.onnx")
    assert done.exit_code == 2
    assert "The shipped checkpoint is not part of this installation" in done.stderr
    assert done.stderr.count("\n") == 1
