"""A training that is broken off goes on from what is kept, to the weights of an unbroken one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.errors import CheckpointError
from surrogates.rlm.heads.mse import MseHead
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.settings import RlmSettings, RowLabels
from surrogates.rlm.training import held_out_taus
from tests.surrogates.conftest import conv_chain

QUICK: dict[str, Any] = {
    "width": 8, "n_layers": 1, "n_steps": 10, "batch_size": 8, "n_members": 2, "dropout": 0.1,
}  # fmt: skip
TEXTS = [conv_chain(n, kernel) for n in range(1, 6) for kernel in (1, 3, 5)] * 4
LABELS = [
    {"latency_ms/x": 80.0 + row % 7, **({"latency_ms/y": 10.0 + row} if row % 3 else {})}
    for row in range(len(TEXTS))
]
"""Enough rows for two cycles: some are held out of the first one."""

CHILD = """
import sys, time
from pathlib import Path
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.rlm.test_resume import LABELS, QUICK, TEXTS

def stop(step, total, scalars):
    if step == int(sys.argv[2]):
        print("stopped", flush=True)
        time.sleep(600)

RlmRegressor(**QUICK).fit(TEXTS, LABELS, progress=stop, keep=Path(sys.argv[1]), keep_seconds=0)
"""


class BreakError(Exception):
    """Ends a training from its progress."""


def weights(model: RlmRegressor) -> dict[str, torch.Tensor]:
    return {
        f"{place}.{name}": tensor
        for place, member in enumerate(model._fitted().members)
        for name, tensor in member.network.state_dict().items()
    }


def assert_same(model: RlmRegressor, other: RlmRegressor) -> None:
    ours, theirs = weights(model), weights(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert [m.calibration for m in model._fitted().members] == [
        m.calibration for m in other._fitted().members
    ]


def broken_at(step_of_break: int, keep: Path, **changes: Any) -> None:
    def progress(step: int, *_: object) -> None:
        if step == step_of_break:
            raise BreakError

    arguments = {"texts": TEXTS, "labels": LABELS, "keep_seconds": 0, **changes}
    with pytest.raises(BreakError):
        RlmRegressor(**QUICK).fit(**arguments, progress=progress, keep=keep)


@pytest.fixture(scope="module")
def unbroken() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit(TEXTS, LABELS)


def steps_of(model: RlmRegressor, keep: Path) -> tuple[RlmRegressor, list[int]]:
    steps: list[int] = []
    fitted = model.fit(TEXTS, LABELS, keep=keep, progress=lambda step, _, __: steps.append(step))
    return fitted, steps


def test_a_killed_training_goes_on_to_the_same_weights(
    unbroken: RlmRegressor, tmp_path: Path
) -> None:
    keep = tmp_path / "state"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(keep), "17"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"stopped\n"
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert sorted(path.name for path in keep.iterdir()) == [
        "member-0.safetensors",
        "member-1.safetensors",
    ]
    resumed, steps = steps_of(RlmRegressor(**QUICK), keep)
    assert steps == [17, 18, 19, 20]
    assert_same(resumed, unbroken)


@pytest.mark.parametrize("step", [1, 4, 5, 6, 10, 11, 20])
def test_a_break_at_any_step_leaves_no_trace(
    unbroken: RlmRegressor, tmp_path: Path, step: int
) -> None:
    broken_at(step, tmp_path)
    resumed, steps = steps_of(RlmRegressor(**QUICK), tmp_path)
    assert steps == list(range(step, 21))
    assert_same(resumed, unbroken)


def test_breaks_may_come_again(unbroken: RlmRegressor, tmp_path: Path) -> None:
    for step in (3, 8, 8, 13):
        broken_at(step, tmp_path)
    assert_same(steps_of(RlmRegressor(**QUICK), tmp_path)[0], unbroken)


def test_between_states_steps_are_done_again(unbroken: RlmRegressor, tmp_path: Path) -> None:
    """With the usual seconds, only the end of a first cycle and of a member is kept here."""
    broken_at(8, tmp_path, keep_seconds=600)
    resumed, steps = steps_of(RlmRegressor(**QUICK), tmp_path)
    assert steps == list(range(6, 21))
    assert_same(resumed, unbroken)


def test_a_finished_training_is_recognised(unbroken: RlmRegressor, tmp_path: Path) -> None:
    first, steps = steps_of(RlmRegressor(**QUICK), tmp_path)
    assert steps == list(range(1, 21))
    again, steps = steps_of(RlmRegressor(**QUICK), tmp_path)
    assert steps == []
    assert_same(first, unbroken)
    assert_same(again, unbroken)


def test_finetuning_goes_on_too(tmp_path: Path) -> None:
    labels = [{"latency_ms/x": float(row % 11)} for row in range(len(TEXTS))]
    steps: list[int] = []

    def progress(step: int, *_: object) -> None:
        steps.append(step)
        if len(steps) == 12:
            raise BreakError

    base = RlmRegressor(**{**QUICK, "finetune_steps": 9}).fit(TEXTS, LABELS)
    whole = base.finetune(TEXTS, labels)
    with pytest.raises(BreakError):
        base.finetune(TEXTS, labels, keep=tmp_path, keep_seconds=0, progress=progress)
    assert_same(base.finetune(TEXTS, labels, keep=tmp_path, progress=progress), whole)
    assert steps == [*range(1, 13), *range(12, 19)]
    other = RlmRegressor(**{**QUICK, "finetune_steps": 9}).fit(TEXTS, LABELS, seed=1)
    with pytest.raises(CheckpointError, match="with other starting weights"):
        other.finetune(TEXTS, labels, keep=tmp_path)


@pytest.mark.parametrize("heads_first", [True, False])
def test_heads_alone_are_another_training(tmp_path: Path, heads_first: bool) -> None:
    quick = {**QUICK, "n_steps": 2, "finetune_steps": 2, "finetune_heads_learning_rate": 4e-3}
    base = RlmRegressor(**quick).fit(TEXTS[:12], LABELS[:12])
    twelve = RowLabels(12, 1.0, 1.0)
    whole, heads = (
        base.settings.for_finetuning(twelve, heads_only=are_heads) for are_heads in (False, True)
    )
    assert whole == heads
    base.finetune(TEXTS[:12], LABELS[:12], heads_only=heads_first, keep=tmp_path)
    with pytest.raises(CheckpointError, match="one with other trained weights"):
        base.finetune(TEXTS[:12], LABELS[:12], heads_only=not heads_first, keep=tmp_path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"texts": [*TEXTS[:-1], TEXTS[0]]}, "texts"),
        ({"labels": [*LABELS[:-1], {"latency_ms/y": 1.0}]}, "labels"),
        ({"seed": 1}, "seed, starting weights"),
        ({}, "settings"),
    ],
)
def test_a_state_of_another_training_is_refused(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    broken_at(3, tmp_path)
    kept = (tmp_path / "member-0.safetensors").read_bytes()
    settings = QUICK if changes else {**QUICK, "learning_rate": 1e-3}
    arguments = {"texts": TEXTS, "labels": LABELS, **changes}
    with pytest.raises(CheckpointError, match=f"one with other {what}. Repeat that one, delete"):
        RlmRegressor(**settings).fit(**arguments, keep=tmp_path)
    assert (tmp_path / "member-0.safetensors").read_bytes() == kept


@pytest.mark.parametrize("damage", ["cut", "noise", "no header", "no weights"])
def test_a_damaged_state_is_refused(tmp_path: Path, damage: str) -> None:
    from safetensors import safe_open
    from safetensors.torch import load, save

    broken_at(3, tmp_path)
    path = tmp_path / "member-0.safetensors"
    content = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load(content)
    damaged = {
        "cut": content[: len(content) // 2],
        "noise": b"\x80" * 100,
        "no header": save(tensors),
        "no weights": save({"torch_rng": tensors["torch_rng"]}, header),
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(
        CheckpointError, match=r"member-0.*, but it is damaged: .*Delete it"
    ) as found:
        RlmRegressor(**QUICK).fit(TEXTS, LABELS, keep=tmp_path)
    assert len(str(found.value)) < 400


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load, save

    broken_at(3, tmp_path)
    path = tmp_path / "member-0.safetensors"
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["state"])
    changed = {"state": json.dumps({**header, "format": 0})}
    path.write_bytes(save(load(path.read_bytes()), changed))
    with pytest.raises(CheckpointError, match="other version"):
        RlmRegressor(**QUICK).fit(TEXTS, LABELS, keep=tmp_path)


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    broken_at(3, tmp_path)
    (tmp_path / ".member-0.safetensors.abc").write_bytes(b"half")
    broken_at(5, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["member-0.safetensors"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="must be writable"):
        RlmRegressor(**QUICK).fit(TEXTS, LABELS, keep=tmp_path / "file", keep_seconds=0)


def test_held_out_ranks_are_told_once_a_member() -> None:
    told: dict[int, Mapping[str, float]] = {}
    RlmRegressor(**QUICK).fit(
        TEXTS, LABELS, progress=lambda s, _, scalars: told.update({s: scalars})
    )
    names = {"held_out_kendall_tau/latency_ms/x", "held_out_kendall_tau/latency_ms/y"}
    assert {step for step in told if names & told[step].keys()} == {6, 16}
    assert all(-1.0 <= told[6][name] <= 1.0 for name in names)


def test_held_out_ranks_are_those_of_the_estimates() -> None:
    labels = np.array([1.0, 2.0, 4.0])
    head = MseHead.fit(np.column_stack([labels] * 4), RlmSettings(head="mse"))
    evidence = [
        (np.array([0.1, 0.2, 0.9]), labels),
        (np.array([0.9, 0.2, 0.1]), labels),
        (np.zeros(3), labels),
        (labels, np.ones(3)),  # nothing to order
    ]
    taus = held_out_taus(head, evidence, ["rising", "falling", "constant", "equal"])
    assert taus == {
        "held_out_kendall_tau/rising": pytest.approx(1.0),
        "held_out_kendall_tau/falling": pytest.approx(-1.0),
        "held_out_kendall_tau/constant": 0.0,
    }
