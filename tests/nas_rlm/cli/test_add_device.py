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


def test_a_device_starts_from_the_nearest_one(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    done = command("add-device", "my_phone", table(shipped.files), "--out", "tuned", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    texts = [file.read_text(encoding="utf-8") for file in shipped.files]
    prediction = surrogates.load_surrogate(shipped.folder).predict(texts)
    taus = {
        name: kendall_tau(prediction[name].mean, [3, 4, 5, 6, 7, 3])
        for name in shipped.metrics
        if name.startswith("latency_ms/")
    }
    nearest = report["nearest"]
    assert nearest["candidates"] == len(taus) == 3
    assert nearest["kendall_tau"] == max(taus.values()) == taus[nearest["metric"]]
    assert report["metric"] == "latency_ms/my_phone"
    assert report["starts"] == {report["metric"]: [nearest["metric"]]}
    assert surrogates.load_surrogate(Path("tuned")).metrics == (report["metric"],)


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
    assert "latency_ms/local started from latency_ms/" in said
    assert "knows these metrics and no others: model-local" in said
    assert surrogates.load_surrogate(Path("model-local")).metrics == ("latency_ms/local",)


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


def test_without_a_known_latency_it_starts_from_all(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    text = shipped.files[0].read_text(encoding="utf-8")
    start = surrogates.get_surrogate("gcn", n_steps=1, width=8, n_layers=1, finetune_steps=1)
    start.fit([text, text], [{"params": 1.0}, {"params": 2.0}]).save(Path("counts"))
    done = command("add-device", "my_phone", table(shipped.files), "--model", "counts")
    assert done.exit_code == 0
    assert "started from all known metrics, since none is a latency" in done.stderr
