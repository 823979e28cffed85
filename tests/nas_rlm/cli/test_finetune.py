"""`nas-rlm finetune`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import surrogates
from tests.nas_rlm.cli.conftest import TinyCheckpoint

ONE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
TWO = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
ROWS = f"architecture,latency_ms/mine,macs\n{ONE},2,3\n{TWO},4,5\n"


def test_the_shipped_checkpoint_learns_the_rows_of_a_file(
    command: Callable[..., Result], shipped: TinyCheckpoint
) -> None:
    Path("rows.csv").write_text(ROWS)
    done = command(
        "finetune", "--csv", "rows.csv", "--space", "nasbench201",
        "--like", "latency_ms/mine=latency_ms/pixel3", "--out", "tuned", "--json",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "Checkpoint: the one that comes with nas-rlm" in done.stderr
    report = json.loads(done.stdout)
    assert report["starts"] == {"latency_ms/mine": ["latency_ms/pixel3"], "macs": ["macs"]}
    assert report["rows"] == 2
    assert surrogates.load_surrogate(Path("tuned")).metrics == ("latency_ms/mine", "macs")
    assert surrogates.load_surrogate(shipped.folder).metrics == shipped.metrics


def test_rows_may_come_from_a_benchmark(
    command: Callable[..., Result], tiny_rlm: TinyCheckpoint
) -> None:
    done = command(
        "finetune", "--model", tiny_rlm.folder, "--space", "nasbench201", "--metric", "params",
        "--rows", "5", "--out", "tuned",
    )  # fmt: skip
    assert done.exit_code == 0
    assert done.stdout.splitlines()[2].split()[:2] == ["params", "5"]
    assert "knows these metrics and no others. Checkpoint: tuned" in " ".join(done.stderr.split())
    assert "comes with nas-rlm" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Nothing to train on"),
        (("--csv", "rows.csv", "--space", "nasbench201", "--like", "macs"), "NEW=KNOWN"),
        (
            ("--csv", "rows.csv", "--space", "nasbench201", "--like", "macs=params"),
            "`like` must speak of new metrics, but 'macs' is not one",
        ),
        (
            ("--csv", "rows.csv", "--space", "nasbench201", "--like", "latency_ms/mine=flops"),
            "`like` must name a known metric, but got 'flops'",
        ),
        (
            ("--csv", "rows.csv", "--model", "fixed"),
            "'fixed' holds the surrogate 'memorizer', which cannot",
        ),
    ],
)
def test_bad_arguments_are_refused(
    command: Callable[..., Result],
    shipped: TinyCheckpoint,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    del shipped
    Path("rows.csv").write_text(ROWS)
    surrogates.get_surrogate("memorizer").fit(["a"], [{"params": 1.0}]).save(Path("fixed"))
    done = command("finetune", *arguments, "--out", "tuned")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("nas-rlm finetune: ") == 1
    assert not Path("tuned").exists()


def test_a_fresh_one_may_speak_too(
    command: Callable[..., Result], tiny_rlm: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With default settings a fresh one would take a quarter of a minute."""
    whole = surrogates.get_surrogate

    def quick(name: str, **_: object) -> surrogates.Surrogate:
        return whole(name, n_steps=2, n_members=1, width=16, n_layers=1)

    monkeypatch.setattr(surrogates, "get_surrogate", quick)
    Path("rows.csv").write_text(ROWS)
    done = command(
        "finetune", "--model", tiny_rlm.folder, "--csv", "rows.csv", "--space", "nasbench201",
        "--fresh", "--out", "both",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "Fine-tuned mixture" in " ".join(done.stderr.split())
    assert surrogates.load_surrogate(Path("both")).metrics == ("latency_ms/mine", "macs")
    facts = json.loads(command("model", "both", "--json").stdout)
    parts = [json.loads(command("model", f"both/part-{k}", "--json").stdout) for k in (0, 1)]
    assert facts["n_parameters"] == sum(part["n_parameters"] for part in parts) > 0
