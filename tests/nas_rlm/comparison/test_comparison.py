"""Comparisons: same rows for all, nothing twice, no development row, tables from files alone."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison import (
    FewShotProtocol,
    Results,
    find_protocol,
    read_results,
    results_table,
    run_protocol,
    runner,
    update_document,
)
from nas_rlm.comparison.results import Row
from nas_rlm.dataset import Dataset
from nas_rlm.errors import ConfigError, DatasetError

ACCURACY = "accuracy_percent/cifar10"
PROTOCOL = FewShotProtocol(
    name="tiny",
    space="nasbench201",
    targets={"c10_val": ACCURACY},
    sizes=(10, 20),
    seeds=(0, 1),
    methods=("params", "constant", "memorizer"),
    goals={("c10_val", 10): 0.5},
    published="nobody .123",
)
N_ROWS = 120


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> runner._Space:
    """A space of 120 rows and 90 networks whose parameters order the accuracies but for noise."""
    rng = np.random.default_rng(0)
    numbers = np.concatenate([np.arange(90), np.arange(30)])
    accuracy = numbers + rng.normal(0, 20, N_ROWS)
    made = runner._Space(
        Dataset.from_columns([f"text {k}" for k in numbers], {ACCURACY: accuracy}),
        {"params": numbers.astype(float), "macs": numbers.astype(float)},
        np.arange(N_ROWS) % 5 == 4,
    )
    monkeypatch.setattr(runner, "_read_space", lambda *_: made)
    return made


def test_every_cell_is_scored_and_none_twice(space: runner._Space, tmp_path: Path) -> None:
    part = run_protocol(PROTOCOL, tmp_path, sizes=[10], seeds=[1])
    assert len(part.cells) == 3
    whole = run_protocol(PROTOCOL, tmp_path)
    assert len(whole.cells) == 3 * 2 * 2
    assert len(whole.rows) == 3 * len(whole.cells)
    before = (tmp_path / "results.json").stat().st_mtime_ns
    again = run_protocol(PROTOCOL, tmp_path)
    assert again.rows == whole.rows
    assert (tmp_path / "results.json").stat().st_mtime_ns == before
    del space


def test_the_file_has_the_agreed_fields(space: runner._Space, tmp_path: Path) -> None:
    run_protocol(PROTOCOL, tmp_path, methods=["params"], sizes=[10], seeds=[0])
    document = json.loads((tmp_path / "results.json").read_text())
    assert set(document) == {"protocol", "commit", "machine", "rows"}
    fields = [
        "method",
        "target",
        "n",
        "seed",
        "metric",
        "value",
        "train_seconds",
        "predict_seconds",
    ]
    assert list(document["rows"][0]) == fields
    metrics = [row["metric"] for row in document["rows"]]
    assert metrics == ["kendall_tau", "kendall_tau_unseen", "spearman"]
    del space


def test_a_memorizer_scores_nothing_on_unseen_networks(
    space: runner._Space, tmp_path: Path
) -> None:
    rows = run_protocol(PROTOCOL, tmp_path).rows
    found = {(r.method, r.n, r.seed, r.metric): r.value for r in rows}
    for n in (10, 20):
        for seed in (0, 1):
            assert found["memorizer", n, seed, "kendall_tau_unseen"] == 0.0
            assert found["constant", n, seed, "kendall_tau"] == 0.0
            assert found["params", n, seed, "kendall_tau"] > 0.3
    assert found["memorizer", 20, 0, "kendall_tau"] > 0.02  # it knows 20 of the 90 networks
    del space


def test_methods_share_rows_and_leave_out_development(
    space: runner._Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, tuple[list[int], list[int]]] = {}

    def spy(
        _: object, method: object, metric: str, train: np.ndarray, test: np.ndarray, seed: int
    ) -> tuple[np.ndarray, float]:
        del metric, seed
        seen[getattr(method, "name", "")] = (train.tolist(), test.tolist())
        return np.arange(len(test), dtype=float), 0.0

    monkeypatch.setattr(runner, "_predict", spy)
    run_protocol(PROTOCOL, tmp_path, sizes=[10], seeds=[0])
    assert len({json.dumps(rows) for rows in seen.values()}) == 1
    train, test = seen["params"]
    assert not set(train) & set(test)
    assert not space.is_development[train + test].any()
    assert len(train + test) == (~space.is_development).sum()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"methods": ["rml"]}, "Unknown method 'rml'"),
        ({"sizes": [11]}, "Unknown size 11"),
        ({"targets": ["c11"]}, "Unknown target 'c11'"),
    ],
)
def test_what_a_protocol_lacks_is_refused(
    tmp_path: Path, arguments: dict[str, Sequence[object]], rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule):
        run_protocol(PROTOCOL, tmp_path, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ConfigError, match="No protocol 'fewshot-nasbench202'"):
        find_protocol("fewshot-nasbench202")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "damaged"),
        ('{"protocol": "tiny", "commit": "", "machine": ""}', "damaged"),
        ('{"protocol": "other", "commit": "", "machine": "", "rows": []}', "'tiny'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, rule: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(DatasetError, match=rule):
        read_results(tmp_path, "tiny")


def row(method: str, seed: int, value: float) -> Row:
    return Row(method, "c10_val", 10, seed, "kendall_tau", value, 3.0, 1.0)


def test_a_table_marks_the_best_and_its_ties() -> None:
    rows = [row("params", 0, 0.50), row("params", 1, 0.60)]
    rows += [row("constant", 0, 0.52), row("constant", 1, 0.54)]
    rows += [row("memorizer", 0, 0.10), row("memorizer", 1, 0.10)]
    table = results_table(PROTOCOL, Results("tiny", "abc", "a machine", rows), "kendall_tau")
    assert "| params | **0.550 ± 0.050** | 3 |" in table
    assert "| constant | **0.530 ± 0.010** | 3 |" in table
    assert "| memorizer | 0.100 ± 0.000 | 3 |" in table
    assert "| *goal* | 0.50 | |" in table
    assert "Seeds 0, 1; a machine; commit abc. Published: nobody .123." in table


def test_a_document_changes_between_its_markers_only(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("head\n<!-- begin x -->\nold\n<!-- end x -->\ntail\n")
    update_document(path, "x", "new")
    assert path.read_text() == "head\n<!-- begin x -->\nnew\n<!-- end x -->\ntail\n"
    with pytest.raises(DatasetError, match="markers"):
        update_document(path, "y", "new")
