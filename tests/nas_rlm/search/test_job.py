"""The job as a whole: what it writes, and that a kill anywhere changes nothing."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import search_spaces
import surrogates
from nas_rlm.config import SearchConfig, SurrogateConfig
from nas_rlm.errors import BudgetError, ConfigError, DatasetError, RunFolderError, TruthError
from nas_rlm.pareto.dominance import non_dominated_mask
from nas_rlm.search.job import run_search
from nas_rlm.search.outcome import SearchOutcome
from nas_rlm.search.services import services_of
from search_spaces.nasbench201 import Cell, NasBench201
from tests.nas_rlm.search.fakes import CountingSurrogate, fake_latency_ms
from tests.nas_rlm.search.interrupted_run import CONFIG, tiny_services

SCRIPT = Path(__file__).with_name("interrupted_run.py")
ROOT = SCRIPT.parents[3]
SAME_FILES = (
    "architectures.jsonl",
    "rounds_training.jsonl",
    "measurements_training.jsonl",
    "walk.jsonl",
    "chosen.json",
    "measurements_check.jsonl",
    "checked.jsonl",
    "pairs.json",
    "front.csv",
    "front.json",
)


def ignore(event: str) -> None:
    """Take an event and do nothing."""


def spawn(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script to its end, or to its death."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def lines_of(path: Path) -> list[str]:
    """Lines of a file."""
    return path.read_text().splitlines()


def without_seconds(outcome: dict[str, Any]) -> dict[str, Any]:
    """What must be equal in two runs."""
    return {name: value for name, value in outcome.items() if name != "seconds"}


def trials_of(folder: Path) -> list[tuple[Any, ...]]:
    """What the journal says of each trial, times left out."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    study = optuna.load_study(study_name="walk", storage=storage)
    return [
        (trial.number, trial.state.name, trial.params, trial.values, trial.user_attrs)
        for trial in study.get_trials()
    ]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    run_search(CONFIG, folder, services=tiny_services(ignore))
    return folder


@pytest.mark.parametrize(
    ("what", "count"),
    [("round", 5), ("fit", 1), ("asked", 1), ("told", 17), ("phase", 4), ("round", 20)],
    ids=str,
)
def test_a_killed_run_resumes_to_the_result_of_an_unbroken_one(
    unbroken: Path, tmp_path: Path, what: str, count: int
) -> None:
    folder = tmp_path / "run"
    killed = spawn(folder, "--die-at", what, str(count))
    assert killed.returncode == -9, killed.stderr
    assert not (folder / "outcome.json").exists()
    resumed = run_search(CONFIG, folder, resume=True, services=tiny_services(ignore))
    expected = json.loads((unbroken / "outcome.json").read_text())
    assert without_seconds(json.loads(json.dumps(resumed.to_mapping()))) == without_seconds(
        expected
    )
    for name in SAME_FILES:
        assert (folder / name).read_bytes() == (unbroken / name).read_bytes(), name
    assert trials_of(folder) == trials_of(unbroken)
    assert not list(folder.rglob(".partial-*"))


def test_a_journal_torn_anywhere_is_made_good(unbroken: Path, tmp_path: Path) -> None:
    whole = (unbroken / "journal.log").read_bytes()
    rng = np.random.default_rng(0)
    cuts = [0, 1, len(whole) - 1, *rng.integers(0, len(whole), size=2).tolist()]
    for number, cut in enumerate(cuts):
        folder = tmp_path / str(number)
        shutil.copytree(unbroken, folder)
        recorded = json.loads((folder / "phases.json").read_text())
        kept = {name: recorded[name] for name in ("architectures", "measure", "train")}
        (folder / "phases.json").write_text(json.dumps(kept))
        (folder / "journal.log").write_bytes(whole[:cut])
        (folder / "journal.log.lock").symlink_to("nowhere")
        lines = (folder / "walk.jsonl").read_bytes()
        (folder / "walk.jsonl").write_bytes(lines[: len(lines) * number // len(cuts)])
        run_search(CONFIG, folder, resume=True, services=tiny_services(ignore))
        assert trials_of(folder) == trials_of(unbroken), cut
        assert (folder / "walk.jsonl").read_bytes() == (unbroken / "walk.jsonl").read_bytes()


def test_measurements_are_read_back_and_not_taken_again(unbroken: Path, tmp_path: Path) -> None:
    """Changed logs change the result: so they are what counts, not the clock."""
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder)
    (folder / "phases.json").write_text(json.dumps({"architectures": {"seconds": 0.0}}))
    rounds = [json.loads(line) for line in lines_of(folder / "rounds_training.jsonl")]
    for item in rounds:
        item["samples_ms"] = [0.5 * sample for sample in item["samples_ms"]]
    (folder / "rounds_training.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rounds))
    for name in ("walk.jsonl", "journal.log", "chosen.json", "rounds_check.jsonl"):
        (folder / name).unlink()

    def refuse(event: str) -> None:
        assert event != "round" or (folder / "chosen.json").exists(), "training was measured again"

    run_search(CONFIG, folder, resume=True, services=tiny_services(refuse))
    before = np.array([line["latency_ms"] for line in records(unbroken, "training")])
    after = np.array([line["latency_ms"] for line in records(folder, "training")])
    np.testing.assert_allclose(after, 0.5 * before)


def records(folder: Path, stage: str) -> list[dict[str, Any]]:
    """Measurements of a stage."""
    path = folder / f"measurements_{stage}.jsonl"
    return [json.loads(line) for line in lines_of(path)]


def test_a_finished_run_gives_its_outcome_again(unbroken: Path) -> None:
    def refuse(event: str) -> None:
        pytest.fail(f"{event} in a finished run")

    again = run_search(CONFIG, unbroken, resume=True, services=tiny_services(refuse))
    stored = SearchOutcome.from_mapping(json.loads((unbroken / "outcome.json").read_text()))
    assert again == stored
    assert list(again.seconds) == ["architectures", "measure", "train", "walk", "check", "results"]


def test_no_network_is_proposed_twice_and_all_trials_are_told(unbroken: Path) -> None:
    trials = trials_of(unbroken)
    assert len(trials) == CONFIG.trials
    assert {state for _, state, *_ in trials} == {"COMPLETE"}
    assert len({attributes["digest"] for *_, attributes in trials}) == CONFIG.trials


def test_front_is_what_the_predictions_say(unbroken: Path) -> None:
    lines = [json.loads(line) for line in lines_of(unbroken / "walk.jsonl")]
    latency = np.concatenate([line["predictions"]["latency_ms/local"]["mean"] for line in lines])
    macs = np.concatenate([line["predictions"]["macs"]["mean"] for line in lines])
    digests = np.concatenate([line["digests"] for line in lines])
    within = latency <= 7
    mask = non_dominated_mask(np.stack([latency, macs], axis=1)[within])
    front = json.loads((unbroken / "front.json").read_text())
    assert 0 < len(front) <= CONFIG.check_architectures
    assert {row["digest"] for row in front} <= set(digests[within][mask].tolist())


def test_front_carries_measured_and_counted_truth(unbroken: Path) -> None:
    space = search_spaces.get_space(CONFIG.space)
    fresh = {line["digest"]: line["latency_ms"] for line in records(unbroken, "check")}
    for row in json.loads((unbroken / "front.json").read_text()):
        architecture = space.parse(row["architecture"])
        assert search_spaces.digest(space.to_text(architecture)) == row["digest"]
        assert row["values"]["latency_ms/local"]["true"] == fresh[row["digest"]]
        macs = row["values"]["macs"]
        assert macs["predicted"] == macs["true"] == space.published_counts(architecture).mult_adds
        model = onnx.load(unbroken / row["file"])
        onnx.checker.check_model(model, full_check=True)
        text = (unbroken / row["file"]).with_suffix(".txt").read_text()
        assert search_spaces.to_text(model) == text == space.to_text(architecture)


def test_an_unmet_budget_is_one_sentence_with_the_nearest_value(tmp_path: Path) -> None:
    config = CONFIG.replace(budgets=("latency_ms/local<=0.001",))
    with pytest.raises(BudgetError, match=r"smallest value predicted for 40 candidates is [\d.]+"):
        run_search(config, tmp_path / "run", services=tiny_services(ignore))
    with pytest.raises(BudgetError, match="met by no candidate"):
        run_search(config, tmp_path / "run", resume=True, services=tiny_services(ignore))


def test_a_used_folder_and_a_changed_configuration_are_refused(unbroken: Path) -> None:
    with pytest.raises(RunFolderError, match="--resume"):
        run_search(CONFIG, unbroken, services=tiny_services(ignore))
    with pytest.raises(RunFolderError, match="seed"):
        run_search(CONFIG.replace(seed=4), unbroken, resume=True, services=tiny_services(ignore))


def test_an_interrupted_phase_keeps_its_seconds(tmp_path: Path) -> None:
    def interrupt(event: str) -> None:
        if event == "fit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(CONFIG, tmp_path / "run", services=tiny_services(interrupt))
    spent = json.loads((tmp_path / "run/seconds.json").read_text())["train"]
    (tmp_path / "run/seconds.json").write_text(json.dumps({"train": spent + 1000.0}))
    outcome = run_search(CONFIG, tmp_path / "run", resume=True, services=tiny_services(ignore))
    assert 1000.0 < outcome.seconds["train"] < 1100.0


def test_a_changed_walk_is_refused(unbroken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder)
    recorded = json.loads((folder / "phases.json").read_text())
    (folder / "phases.json").write_text(
        json.dumps({name: recorded[name] for name in ("architectures", "measure", "train")})
    )
    lines = (folder / "walk.jsonl").read_text().splitlines(keepends=True)
    (folder / "walk.jsonl").write_text("".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(RunFolderError, match="other candidates"):
        run_search(CONFIG, folder, resume=True, services=tiny_services(ignore))
    (folder / "walk.jsonl").write_text("".join(lines))
    journal = (folder / "journal.log").read_text()
    changed = journal.replace('"param_value_internal":1', '"param_value_internal":2', 1)
    assert changed != journal
    (folder / "journal.log").write_text(changed)
    with pytest.raises(RunFolderError, match="another architecture"):
        run_search(CONFIG, folder, resume=True, services=tiny_services(ignore))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"space": "fbnet"}, TruthError, r"'fbnet' has no true values of 'accuracy_percent"),
        ({"space": "fbnets"}, search_spaces.SearchSpaceError, "fbnets"),
        ({"maximize": (), "minimize": ("params", "macs")}, ConfigError, "need a prediction"),
        ({"measure_architectures": 0}, ConfigError, "`measure_architectures` must be at least 2"),
        (
            {"train_architectures": 20_000},
            ConfigError,
            "has 15625 architectures whose true values",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_a_folder_is_made(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    config = SearchConfig(
        space="nasbench201",
        maximize=("accuracy_percent/cifar10",),
        minimize=("latency_ms/local",),
    )
    with pytest.raises(error, match=match):
        run_search(config.replace(**options), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_from_a_fitted_surrogate_resumes_and_says_what_it_started_from(
    tmp_path: Path,
) -> None:
    config = CONFIG.replace(surrogate=SurrogateConfig(start="pretrained"))
    space = search_spaces.get_space(CONFIG.space)
    rng = np.random.default_rng(0)
    texts = [space.to_text(space.sample(rng)) for _ in range(30)]
    latencies = [fake_latency_ms(text) for text in texts]
    known = [{"latency_ms/near": value, "latency_ms/far": -value} for value in latencies]
    tuned: list[Any] = []

    class Tunable(CountingSurrogate):
        """Fitted on latencies of two devices; stops when it is first trained further."""

        can_finetune = True

        def finetune(self, texts: Any, labels: Any, *, like: Any, **others: Any) -> Any:
            tuned.append(like)
            if len(tuned) == 1:
                raise KeyboardInterrupt
            return CountingSurrogate().fit(texts, labels, **others)

    services = dataclasses.replace(
        tiny_services(ignore), load_start=lambda: Tunable().fit(texts, known)
    )
    with pytest.raises(KeyboardInterrupt):
        run_search(config, tmp_path / "run", services=services)
    outcome = run_search(config, tmp_path / "run", resume=True, services=services)
    whole = run_search(config, tmp_path / "whole", services=services)
    assert without_seconds(outcome.to_mapping()) == without_seconds(whole.to_mapping())
    assert tuned == [{"latency_ms/local": "latency_ms/near"}] * 3
    stored = json.loads((tmp_path / "run" / "start.json").read_text())["latency_ms/local"]
    assert stored["metric"] == "latency_ms/near"
    assert 0.8 < stored["kendall_tau"] <= 1.0
    assert outcome.surrogate == "rlm, from the shipped checkpoint"
    assert any("may have learned published labels" in note for note in outcome.notes)


def test_the_shipped_checkpoint_is_the_start_that_a_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas_rlm.pretrained.FOLDER", tmp_path)
    surrogates.get_surrogate("constant").fit(["a"], [{"params": 1.0}]).save(tmp_path / "model")
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"")
    config = CONFIG.replace(surrogate=SurrogateConfig("constant", start="pretrained"))
    services = services_of(config)
    assert services.load_start is not None
    assert services.load_start().metrics == ("params",)
    content = (tmp_path / "model" / "manifest.json").read_bytes()
    assert services.environment["start"] == hashlib.sha256(content).hexdigest()[:16]
    assert services_of(CONFIG).load_start is None
    with pytest.raises(ConfigError, match="must have `name` 'constant', but has 'rlm'"):
        services_of(CONFIG.replace(surrogate=SurrogateConfig(start="pretrained")))


def test_too_many_training_architectures_are_refused(tmp_path: Path) -> None:
    config = CONFIG.replace(train_architectures=20_000)

    class FewGenomes(NasBench201):
        """Only the last gene is free."""

        def sample(self, rng: np.random.Generator) -> Cell:
            return self.from_genome([1, 1, 1, 1, 1, int(rng.integers(5))])

    services = dataclasses.replace(tiny_services(ignore), space=FewGenomes("nasbench201", 32, 10))
    with pytest.raises(DatasetError, match="gave only 5 different networks"):
        run_search(config, tmp_path / "run", services=services)


def test_real_services_measure_and_predict(tmp_path: Path) -> None:
    """The pieces fit: a real table, a real clock, a surrogate without training."""
    config = SearchConfig(
        space="nasbench201",
        maximize=("accuracy_percent/cifar10",),
        minimize=("latency_ms/local",),
        trials=6,
        train_architectures=6,
        measure_architectures=2,
        check_architectures=1,
        population_size=3,
        measure=type(CONFIG.measure)(rounds=1, warmup_runs=0, min_runs=3, max_runs=3),
    ).replace(surrogate=type(CONFIG.surrogate)(name="constant"))
    services = services_of(config)
    outcome = run_search(config, tmp_path / "run", services=services)
    row = outcome.front[0]
    genomes = np.array([services.space.to_genome(services.space.parse(row.architecture))])
    table = services.truth.values("accuracy_percent/cifar10", genomes)[0]
    assert row.values["accuracy_percent/cifar10"].true == table
    latency = row.values["latency_ms/local"].true
    assert latency is not None
    assert 0.01 < latency < 1000.0
    assert outcome.quality[0].metrics == ("accuracy_percent/cifar10", "params")
