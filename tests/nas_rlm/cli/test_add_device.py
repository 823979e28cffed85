"""`nas-rlm add-device`."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import surrogates
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.measure import interleaved
from tests.nas_rlm.cli.conftest import TinyCheckpoint


def table(files: tuple[Path, ...], column: str = "latency_ms") -> Path:
    """Write measurements of files in this folder."""
    lines = [f"file,{column}", *(f"{file},{3 + row % 5}" for row, file in enumerate(files))]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return Path("rows.csv")


def test_a_device_is_learned_from_the_nearest_ones(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("add-device", "my_phone", table(shipped.files), "--out", "tuned", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    texts = [file.read_text(encoding="utf-8") for file in shipped.files]
    old, new = (surrogates.load_surrogate(f) for f in (shipped.folder, Path("tuned")))
    prediction = old.predict(texts)
    taus = {
        name: kendall_tau(prediction[name].mean, [3, 4, 5, 6, 7, 3])
        for name in shipped.metrics
        if name.startswith("latency_ms/")
    }
    nearest = report["nearest"]
    assert nearest["candidates"] == len(taus) == 3
    assert nearest["kendall_tau"] == max(taus.values()) == taus[nearest["metric"]]
    assert report["folder"] == "tuned"
    assert report["latencies"] == {
        "metric": "latency_ms/my_phone",
        "rows": 6,
        "mean": pytest.approx(14 / 3),
        "minimum": 3.0,
        "maximum": 7.0,
    }
    assert -1.0 <= report["left_out_kendall_tau"] <= 1.0
    assert report["left_out_error_percent"] > 0.0
    assert new.metrics == (*old.metrics, "latency_ms/my_phone")
    known = nearest["metric"]
    assert new.predict(texts, [known])[known].mean.tolist() == prediction[known].mean.tolist()


def test_files_are_measured_and_the_latencies_kept(
    command: Callable[..., Result], shipped: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(100.0)
    monkeypatch.setattr(interleaved, "time_round", lambda *_: (next(clock),) * 3)
    done = command("add-device", "local", "--measure", *shipped.files)
    assert done.exit_code == 0
    lines = Path("model-local.csv").read_text().splitlines()
    assert lines[0] == "file,latency_ms/local"
    assert len(lines) == 7
    said = " ".join(done.stderr.split())
    assert "Measured on" in said
    assert "latency_ms/local is nearest to latency_ms/" in said
    assert "Each network predicted by all others: off by" in said
    assert "knows latency_ms/local and all that the old one knows: model-local" in said
    assert surrogates.load_surrogate(Path("model-local")).metrics[-1] == "latency_ms/local"


def test_a_second_device_is_added_to_the_first(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    command("add-device", "first", table(shipped.files))
    done = command("add-device", "second", "rows.csv", "--model", "model-first")
    assert done.exit_code == 0
    metrics = surrogates.load_surrogate(Path("model-second")).metrics
    assert metrics == (*shipped.metrics, "latency_ms/first", "latency_ms/second")
    both = ("--by", "latency_ms/second", "--metric", "latency_ms/first")
    ranked = command("rank", *shipped.files, "--model", "model-second", *both, "--json")
    assert ranked.exit_code == 0
    assert "latency_ms/second" in ranked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("my_phone",), "needs one file of measurements, but got 0"),
        (("my_phone", "--measure"), "Nothing to measure"),
        (("My Phone", "rows.csv"), "must be lower-case letters"),
        (("pixel3", "rows.csv"), "knows 'latency_ms/pixel3' already"),
        (("my_phone", "few.csv"), "at least 5 different latencies"),
        (("my_phone", "other.csv"), "the rows have 0 of 'latency_ms/my_phone'"),
        (("foo/bar", "rows.csv"), "must be lower-case letters"),
        (("old", "--measure", "a.onnx"), "'model-old.csv' exists already"),
        (("old", "--measure", "a.onnx"), "`nas-rlm add-device old model-old.csv`"),
        (("my_phone", "--measure", *"abcde", "--out", "."), "`--out` must name a new folder"),
        (
            ("my_phone", "--measure", *"abcdd"),
            "5 different latencies, better some tens, but got 4",
        ),
    ],
)
def test_bad_input_is_refused(
    command: Callable[..., Result],
    shipped: TinyCheckpoint,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    table(shipped.files[:4]).rename("few.csv")
    table(shipped.files, "latency_ms/other").rename("other.csv")
    table(shipped.files)
    Path("model-old.csv").write_text("")
    done = command("add-device", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("nas-rlm add-device: ") == 1
    assert not list(Path().glob("model-*/"))


def test_without_a_known_latency_it_follows_from_all(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    text = shipped.files[0].read_text(encoding="utf-8")
    start = surrogates.get_surrogate("gcn", n_steps=1, width=8, n_layers=1, finetune_steps=1)
    start.fit([text, text], [{"params": 1.0}, {"params": 2.0}]).save(Path("counts"))
    done = command("add-device", "my_phone", table(shipped.files), "--model", "counts")
    assert done.exit_code == 0
    assert "follows from other known metrics, since none is a latency" in done.stderr
