"""`nas-rlm train`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import surrogates
from nas_rlm.seeding import MAX_SEED

ONE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
TWO = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def test_own_rows_become_a_checkpoint(command: Callable[..., Result]) -> None:
    Path("rows.csv").write_text(f"architecture,latency_ms/pixel9\n{ONE},2\n{TWO},4\n")
    done = command(
        "train", "--csv", "rows.csv", "--space", "nasbench201", "--surrogate", "constant",
        "--out", "model", "--json",
    )  # fmt: skip
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["rows"] == report["networks"] == 2
    assert report["metrics"] == [
        {"metric": "latency_ms/pixel9", "rows": 2, "mean": 3.0, "minimum": 2.0, "maximum": 4.0}
    ]
    assert surrogates.load_surrogate(Path("model")).metrics == ("latency_ms/pixel9",)


def test_benchmark_rows_become_a_checkpoint(command: Callable[..., Result]) -> None:
    done = command(
        "train", "--space", "nasbench201", "--metric", "params", "--rows", "5",
        "--surrogate", "constant", "--out", "model",
    )  # fmt: skip
    assert done.exit_code == 0
    assert done.stdout.splitlines()[2].split()[:2] == ["params", "5"]
    assert "Checkpoint: model" in done.stderr


def test_an_encoder_is_chosen_by_name(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from surrogates.rlm import settings

    short = property(lambda _: settings.Schedule(1, 2, 2))
    monkeypatch.setattr(settings.RlmSettings, "schedule", short)
    Path("rows.csv").write_text(f"architecture,macs\n{ONE},2\n{TWO},4\n")
    done = command(
        "train", "--csv", "rows.csv", "--space", "nasbench201", "--encoder", "sequence",
        "--out", "model",
    )  # fmt: skip
    assert done.exit_code == 0
    manifest = json.loads(Path("model/manifest.json").read_text())
    assert manifest["state"]["settings"]["encoder"] == "sequence"


def test_a_metric_of_a_file_is_chosen(command: Callable[..., Result]) -> None:
    Path("rows.csv").write_text(f"architecture,macs,params\n{ONE},2,1\n{TWO},4,\n")
    arguments = ("train", "--csv", "rows.csv", "--space", "nasbench201", "--surrogate", "constant")
    done = command(*arguments, "--metric", "params", "--out", "model", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["rows"] == 1
    assert [metric["metric"] for metric in report["metrics"]] == ["params"]
    refused = command(*arguments, "--metric", "latency_ms/pixel3", "--out", "other")
    assert refused.exit_code == 2
    assert "rows.csv has no metric 'latency_ms/pixel3', but macs, params." in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Nothing to train on"),
        (("--csv", "rows.csv", "--rows", "5"), "`--rows` draws from a benchmark"),
        (("--csv", "rows.csv", "--seed", "-3"), f"to {MAX_SEED}, but got -3"),
        (("--csv", "rows.csv", "--seed", str(MAX_SEED + 1)), f"but got {MAX_SEED + 1}"),
        (("--space", "nasbench201"), "At least one metric"),
        (("--space", "nasbench201", "--metric", "acuracy"), "acuracy"),
        (("--space", "nasbench201", "--metric", "params", "--surrogate", "lrm"), "lrm"),
        (
            ("--space", "nasbench201", "--metric", "params", "--encoder", "lstm"),
            "`encoder` must be one of ['dataflow', 'dataflow_attending', ",
        ),
        (
            (
                "--space",
                "nasbench201",
                "--metric",
                "params",
                "--surrogate",
                "constant",
                "--encoder",
                "dataflow",
            ),
            "Settings of surrogate 'constant' are wrong",
        ),
    ],
)
def test_bad_arguments_are_refused(
    command: Callable[..., Result], arguments: tuple[str, ...], message: str
) -> None:
    done = command("train", *arguments, "--out", "model")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("nas-rlm train: ") == 1
    assert not Path("model").exists()


def test_an_older_checkpoint_is_not_replaced(command: Callable[..., Result]) -> None:
    Path("model").mkdir()
    Path("model/precious").write_text("")
    done = command("train", "--space", "nasbench201", "--metric", "params", "--out", "model")
    assert done.exit_code == 2
    assert "'model' exists already" in done.stderr
    assert [item.name for item in Path("model").iterdir()] == ["precious"]


def test_ctrl_c_says_how_to_go_on(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from surrogates.rlm import regressor, settings

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    short = property(lambda _: settings.Schedule(1, 2, 2))
    monkeypatch.setattr(settings.RlmSettings, "schedule", short)
    Path("rows.csv").write_text(f"architecture,macs\n{ONE},2\n{TWO},4\n")
    arguments = ("train", "--csv", "rows.csv", "--space", "nasbench201", "--out", "model")
    with monkeypatch.context() as patch:  # all steps are done, then Ctrl-C
        patch.setattr(regressor, "Member", interrupted)
        stopped = command(*arguments)
    assert stopped.exit_code == 130
    assert "What is trained is kept; the same command goes on with it." in stopped.stderr
    assert not Path("model/manifest.json").exists()
    assert command(*arguments).exit_code == 0
    assert sorted(item.name for item in Path("model").iterdir()) == [
        "manifest.json",
        "training.jsonl",
        "weights.safetensors",
    ]
