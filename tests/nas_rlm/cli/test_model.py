"""`nas-rlm model`."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

import surrogates
from surrogates.extended import ExtendedSurrogate
from surrogates.mixture import Mixture
from surrogates.rlm.regressor import RlmRegressor
from tests.nas_rlm.cli.conftest import TinyCheckpoint


def test_everything_that_is_stored_is_told(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("model", "--json")
    assert done.exit_code == 0
    assert done.stderr.startswith("Checkpoint: the one that comes with nas-rlm")
    facts = json.loads(done.stdout)
    loaded = RlmRegressor.load(shipped.folder)
    assert facts["metrics"] == list(shipped.metrics)
    assert facts["settings"] == loaded.settings.to_json()
    weights = [w for member in loaded._fitted().members for w in member.network.parameters()]
    assert facts["n_parameters"] >= sum(weight.numel() for weight in weights) > 0
    assert facts["n_bytes"] == sum(file.stat().st_size for file in shipped.folder.iterdir())
    assert facts["training"] == {
        "rows": 6,
        "rows_per_metric": dict.fromkeys(shipped.metrics, 6),
        "members": 1,
        "steps": 6,  # two of each of three networks: accuracies, latencies and energies
        "batch_size": 4,
        "seed": 5,
    }


def test_a_table_names_metrics_and_training(
    command: Callable[..., Result], tiny_rlm: TinyCheckpoint
) -> None:
    done = command("model", tiny_rlm.folder)
    assert done.exit_code == 0
    assert done.stderr == ""
    words = [line.split() for line in done.stdout.splitlines()]
    for expected in (["latency_ms/pixel3", "6"], ["width", "8"], ["seed", "5"]):
        assert expected in words


def test_rows_of_a_device_that_was_added_are_told_beside_those_before(
    command: Callable[..., Result], tiny_rlm: TinyCheckpoint
) -> None:
    texts = [file.read_text(encoding="utf-8") for file in tiny_rlm.files[:5]]
    rows = [{"latency_ms/mine": 1.0 + row} for row in range(5)]
    ExtendedSurrogate.of(RlmRegressor.load(tiny_rlm.folder), texts, rows).save(Path("m"))
    done = command("model", "m")
    words = [line.split() for line in done.stdout.splitlines()]
    assert ["latency_ms/pixel3", "6"] in words
    assert ["latency_ms/mine", "5"] in words
    assert ["Training"] not in words
    assert words[-1][0] == "extended"
    assert int(words[-1][1].replace(",", "")) > 1000


def test_a_surrogate_without_settings_or_tensors_has_its_metrics_told(
    command: Callable[..., Result],
) -> None:
    surrogates.get_surrogate("constant").fit(["a"], [{"params": 1.0}]).save(Path("m"))
    done = command("model", "m")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[4].split() == ["params", "-"]
    assert done.stdout.splitlines()[-1].split()[:2] == ["constant", "0"]


def test_tensors_of_a_mixture_are_counted_however_often_it_was_saved(
    command: Callable[..., Result], tiny_rlm: TinyCheckpoint
) -> None:
    part = RlmRegressor.load(tiny_rlm.folder)
    mixture = Mixture.of([part, part])
    counts = []
    for _ in range(2):
        mixture.save(Path("m"))
        counts.append(json.loads(command("model", "m", "--json").stdout)["n_parameters"])
    alone = json.loads(command("model", tiny_rlm.folder, "--json").stdout)["n_parameters"]
    assert counts == [2 * alone, 2 * alone] != [0, 0]


def test_a_folder_without_a_checkpoint_is_refused(command: Callable[..., Result]) -> None:
    done = command("model", "nothing")
    assert done.exit_code == 2
    assert "must hold manifest.json" in done.stderr
    assert done.stderr.count("\n") == 1
