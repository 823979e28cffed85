"""Running: same rows for all, nothing twice, no development row, every kind of method."""

import concurrent.futures
import dataclasses
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from nas_rlm.comparison import ComparisonProtocol, Method, run_protocol, runner
from nas_rlm.comparison.details import read_details
from nas_rlm.comparison.prediction import CellPrediction
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import ArrayError, ConfigError, RunFolderBusyError, RunFolderError
from nas_rlm.file_lock import held_alone
from surrogates import PredictiveDistribution
from tests.nas_rlm.comparison.tiny import ACCURACY, LATENCIES, TINY


@pytest.mark.usefixtures("space")
def test_every_cell_is_scored_and_none_twice(protocol: ComparisonProtocol, tmp_path: Path) -> None:
    part = run_protocol(protocol, tmp_path, sizes=[10], seeds=[1])
    assert len(part.cells) == 3
    whole = run_protocol(protocol, tmp_path)
    assert len(whole.cells) == 3 * 2 * 2
    assert len(whole.rows) == 3 * len(whole.cells)
    before = (tmp_path / "results.json").stat().st_mtime_ns
    again = run_protocol(protocol, tmp_path)
    assert again.rows == whole.rows
    assert (tmp_path / "results.json").stat().st_mtime_ns == before


@pytest.mark.usefixtures("space")
def test_finished_cells_survive_a_failure(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = runner.predict_cell, []

    def fails_at_the_third(*arguments: object) -> CellPrediction:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "predict_cell", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_protocol(protocol, tmp_path)
    assert len(json.loads((tmp_path / "results.json").read_text())["rows"]) == 2 * 3
    assert len(run_protocol(protocol, tmp_path).cells) == 12
    assert len(calls) == 3 + 10


@pytest.mark.usefixtures("space")
def test_the_file_has_the_agreed_fields(protocol: ComparisonProtocol, tmp_path: Path) -> None:
    run_protocol(protocol, tmp_path, methods=["params"], sizes=[10], seeds=[0])
    document = json.loads((tmp_path / "results.json").read_text())
    assert set(document) == {"protocol", "rows"}
    assert list(document["rows"][0]) == [
        "method",
        "target",
        "n",
        "seed",
        "metric",
        "value",
        "train_seconds",
        "predict_seconds",
        "commit",
        "machine",
    ]
    metrics = [row["metric"] for row in document["rows"]]
    assert metrics == ["kendall_tau", "kendall_tau_unseen", "spearman"]


@pytest.mark.usefixtures("space")
def test_a_memorizer_scores_nothing_on_unseen_networks(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    rows = run_protocol(protocol, tmp_path).rows
    found = {(r.method, r.n, r.seed, r.metric): r.value for r in rows}
    for n in (10, 20):
        for seed in (0, 1):
            assert found["memorizer", n, seed, "kendall_tau_unseen"] == 0.0
            assert found["constant", n, seed, "kendall_tau"] == 0.0
            assert found["params", n, seed, "kendall_tau"] > 0.3
    assert max(found["memorizer", 20, seed, "kendall_tau"] for seed in (0, 1)) > 0.01


def test_methods_share_rows(
    protocol: ComparisonProtocol,
    space: SpaceRows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, tuple[list[int], list[int]]] = {}

    def spy(_: object, __: object, method: Method, cell: runner.CellRows, *___: object) -> object:
        seen[method.name] = (cell.train.tolist(), cell.test.tolist())
        found = PredictiveDistribution.point(np.arange(len(cell.test), dtype=float))
        return CellPrediction({"c10_val": found}, 0.0, 0.0)

    monkeypatch.setattr(runner, "predict_cell", spy)
    run_protocol(protocol, tmp_path, sizes=[10], seeds=[0])
    assert len({json.dumps(rows) for rows in seen.values()}) == 1
    train, test = seen["params"]
    assert not set(train) & set(test)
    assert not space.is_development[train + test].any()
    assert len(train + test) == (~space.is_development).sum()


@pytest.mark.usefixtures("space")
def test_calibration_scores_every_way_of_reading_a_distribution(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    scores = ("coverage_50", "coverage_95", "crps", "spread_error")
    chosen = dataclasses.replace(protocol, sizes=(20,), scores=scores, tables=scores)
    methods = ["rlm", "rlm_sampled64", "gcn_normal"]
    results = run_protocol(chosen, tmp_path, methods=methods, seeds=[0])
    found = {(r.method, r.metric): r for r in results.rows}
    for method in methods:
        assert found[method, "crps"].value > 0
        assert found[method, "coverage_95"].value >= found[method, "coverage_50"].value
    exact, sampled = found["rlm", "crps"], found["rlm_sampled64", "crps"]
    assert exact.train_seconds == sampled.train_seconds  # one model, read twice
    assert exact.value != sampled.value
    assert exact.value == pytest.approx(sampled.value, rel=0.1)


@pytest.mark.usefixtures("space")
def test_joint_targets_share_a_model_and_separate_ones_do_not(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    alone = {**TINY, "pools_process": False}  # which is not conditioned on anything
    joint = dataclasses.replace(
        protocol,
        targets={"c10_val": ACCURACY, "pixel3": LATENCIES[0]},
        sizes=(20,),
        seeds=(0,),
        is_joint=True,
        methods=("rlm", "rlm_alone", "rlm_separate", "gcn"),
        own_methods={
            "rlm": Method("rlm", surrogate="rlm", settings=alone, decoding="chain"),
            "rlm_alone": Method("rlm_alone", surrogate="rlm", settings=alone),
            "rlm_separate": Method(
                "rlm_separate", surrogate="rlm", settings=TINY, is_separate=True
            ),
            "gcn": Method("gcn", surrogate="gcn", settings=TINY, is_separate=True),
        },
    )
    results = run_protocol(joint, tmp_path)
    assert results.cells == {(m, t, 20, 0) for m in joint.methods for t in joint.targets}
    value = {(r.method, r.target): r for r in results.rows if r.metric == "spearman"}
    # The first of a chain has nothing before it; the second is conditioned on it.
    assert value["rlm", "c10_val"].value == value["rlm_alone", "c10_val"].value
    assert value["rlm", "pixel3"].value != value["rlm_alone", "pixel3"].value
    assert value["rlm", "pixel3"].train_seconds == value["rlm_alone", "c10_val"].train_seconds
    assert value["rlm_separate", "c10_val"].train_seconds > 0
    with pytest.raises(ConfigError, match="trained together, but only pixel3"):
        run_protocol(joint, tmp_path, targets=["pixel3"])


@pytest.mark.usefixtures("space")
def test_a_new_device_is_predicted_without_source_labels_of_test_rows(
    protocol: ComparisonProtocol, rows: SpaceRows, tmp_path: Path
) -> None:
    longer = {**TINY, "n_steps": 60}
    device = dataclasses.replace(
        protocol,
        targets={"fpga": LATENCIES[1]},
        sources={"pixel3": LATENCIES[0], "gold_6226": LATENCIES[2]},
        n_source=30,
        sizes=(20,),
        seeds=(0,),
        methods=("gcn", "gcn_head", "gcn_ridge", "lookup", "macs", "constant", "memorizer"),
        own_methods={
            "gcn": Method("gcn", surrogate="gcn", settings=longer),
            "gcn_head": Method("gcn_head", surrogate="gcn", settings=longer, transfer="head"),
            "gcn_ridge": Method("gcn_ridge", surrogate="gcn", settings=longer, transfer="ridge"),
            "constant": Method("constant", surrogate="constant", transfer="none"),
            "memorizer": Method("memorizer", surrogate="memorizer", transfer="none"),
            "lookup": Method("lookup", is_lookup=True),
        },
    )
    results = run_protocol(device, tmp_path / "first")
    found = {r.method: r.value for r in results.rows if r.metric == "spearman"}
    assert found["lookup"] > 0.7
    transferred = [found[name] for name in ("gcn", "gcn_head", "gcn_ridge")]
    assert min(transferred) > 0.5
    assert len(set(transferred)) == 3
    assert found["constant"] == 0.0
    unseen = {r.method: r.value for r in results.rows if r.metric == "kendall_tau_unseen"}
    assert unseen["memorizer"] == 0.0
    # Spoil every source label outside the source rows: nothing may change.
    cell = runner.cell_rows(device, rows, 20, 0)
    for name, own in cell.sources.items():
        outside = np.setdiff1d(np.arange(len(rows)), own)
        rows.columns[name][outside] = 1e6
    again = run_protocol(device, tmp_path / "second")
    assert [r.value for r in again.rows] == [r.value for r in results.rows]


@pytest.mark.usefixtures("space")
def test_a_second_run_in_the_folder_is_refused(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    with (
        held_alone(tmp_path, "runs the comparison"),
        pytest.raises(RunFolderBusyError, match="Another process"),
    ):
        run_protocol(protocol, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.usefixtures("space")
def test_processes_give_the_same_figures(protocol: ComparisonProtocol, tmp_path: Path) -> None:
    alone = run_protocol(protocol, tmp_path / "one")
    together = run_protocol(protocol, tmp_path / "two", processes=2)
    assert {(r.cell, r.metric, r.value) for r in alone.rows} == {
        (r.cell, r.metric, r.value) for r in together.rows
    }
    assert all("at once" in row.machine for row in together.rows)
    assert not any("at once" in row.machine for row in alone.rows)
    more = run_protocol(protocol, tmp_path / "two", methods=["macs"])
    assert sum("at once" in row.machine for row in more.rows) == len(together.rows)


class _InlinePool:
    """Runs what is submitted at once, in this process."""

    def __init__(self, *_: object, **__: object) -> None:
        """Take what a pool of processes takes."""

    def submit(self, function: Callable[..., object], *arguments: object) -> Future[object]:
        future: Future[object] = Future()
        try:
            future.set_result(function(*arguments))
        except ConfigError as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None:
        """Nothing is left to do."""


def test_what_other_processes_finished_comes_before_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(batch: Any) -> Any:
        if 0 in batch:
            raise ConfigError("The first batch cannot be run.")
        return batch

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", _InlinePool)
    monkeypatch.setattr(runner, "_worker_run", run)
    batches: Any = [[number] for number in range(20)]
    found: list[Any] = []
    with pytest.raises(ConfigError, match="first batch"):
        found.extend(runner._run_in_processes(cast("Any", run), batches, 2))
    assert sorted(found) == list(range(1, 20))


def test_after_an_error_work_goes_on_to_its_end_and_none_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work: Future[object] = Future()
    at_work.set_running_or_notify_cancel()
    waiting: Future[object] = Future()
    failed: Future[object] = Future()
    failed.set_exception(ConfigError("This batch cannot be run."))
    futures = iter([failed, at_work, waiting])

    class Pool(_InlinePool):
        def submit(self, *_: object) -> Future[object]:
            return next(futures)

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Pool)
    finishing = threading.Timer(0.2, at_work.set_result, [["finished later"]])
    finishing.start()
    found: list[Any] = []
    with pytest.raises(ConfigError, match="This batch"):
        found.extend(runner._run_in_processes(cast("Any", None), cast("Any", [[]] * 3), 2))
    assert found == ["finished later"]
    assert waiting.cancelled()


@pytest.mark.usefixtures("space")
def test_a_score_that_cannot_be_computed_names_its_target(
    protocol: ComparisonProtocol, rows: SpaceRows, tmp_path: Path
) -> None:
    rows.columns[ACCURACY][:] = 50.0
    rule = r"kendall_tau of 'c10_val' after 10 training rows: All 110 true values are 50\.0"
    with pytest.raises(ArrayError, match=rule):
        run_protocol(protocol, tmp_path)


@pytest.mark.usefixtures("space")
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_run(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(runner, "predict_cell", None)
    with pytest.raises(RunFolderError, match="cannot be made"):
        run_protocol(protocol, tmp_path / "file" / "tiny")


@pytest.mark.usefixtures("space")
def test_details_keep_blocks_and_one_scatter_each(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    run_protocol(protocol, tmp_path)
    details = read_details(tmp_path, "tiny")
    assert len(details.blocks) == 12 * len(protocol.tables)
    assert {s.key for s in details.scatters} == {
        (m, "c10_val", n) for m in ("constant", "memorizer") for n in (10, 20)
    }
    assert {s.seed for s in details.scatters} == {0}


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"methods": ["rml"]}, "Unknown method 'rml'. Did you mean 'rlm'"),
        ({"sizes": [11]}, "Unknown size 11"),
        ({"targets": ["c11"]}, "Unknown target 'c11'"),
        ({"processes": 0}, "`processes` must be at least 1, but got 0"),
    ],
)
def test_what_a_protocol_lacks_is_refused(
    protocol: ComparisonProtocol,
    tmp_path: Path,
    arguments: dict[str, Sequence[object]],
    rule: str,
) -> None:
    with pytest.raises(ConfigError, match=rule):
        run_protocol(protocol, tmp_path, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
