"""A stored RLM: whole, or refused with the part that does not fit."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from surrogates.errors import CheckpointError
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain

TEXTS = [conv_chain(n, kernel) for n in (1, 2, 3) for kernel in (1, 3)]
LABELS = [{"macs": 1.0 + row, "params": 80.0 + row % 5} for row in range(6)]
QUICK: dict[str, Any] = {"width": 8, "n_layers": 1, "n_steps": 2, "n_members": 2}

State = dict[str, Any]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of every head."""
    found = {}
    for head in ("digits", "mse", "ordinal"):
        found[head] = tmp_path_factory.mktemp(head)
        RlmRegressor(**QUICK, head=head).fit(TEXTS, LABELS).save(found[head])
    return found


def changed(folder: Path, out: Path, change: Callable[[State], object]) -> Path:
    out.mkdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["state"])
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes())
    return out


def put(value: object, *path: str | int) -> Callable[[State], None]:
    """A change of one value, wherever it is."""

    def change(state: State) -> None:
        place: Any = state
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


ONE_MORE = {"metrics": "flops", "groups": 0, "specialties": 0}
DIGITS: list[tuple[Callable[[State], object], str]] = [
    (put([], "calibration"), "no networks"),
    (put([0], "groups"), "groups that it knows"),
    (put([0, 1], "groups"), "groups that it knows"),
    (put([0], "specialties"), "networks that it has"),
    (put([0, 2], "specialties"), "networks that it has"),
    (put([0, 1], "specialties"), "RuntimeError"),
    (put([[1.0], [1.0]], "reader", "scales", 0), "columns and scales"),
    (put([[], []], "calibration"), "4 numbers for each of 2 metrics"),
    (put([], "calibration", 1, 0), "4 numbers for each of 2 metrics"),
    (put(float("nan"), "calibration", 0, 0, 0), "calibrations must be finite"),
    (
        lambda state: state["calibration"].append(state["calibration"][0]),
        "zip() argument 2 is shorter",
    ),
    (lambda state: state["know_counts"].append(True), "zip() argument 2 is longer"),
    (put([True, True], "know_counts"), "RuntimeError"),
    (put([False, False], "know_counts"), "RuntimeError"),
    (
        lambda state: [state[k].append(state[k][0]) for k in ("calibration", "know_counts")],
        "RuntimeError",
    ),
    (lambda state: state["metrics"].append("flops"), "metrics must be of groups that it knows"),
    (
        lambda state: [state[k].append(v) for k, v in ONE_MORE.items()],
        "names 3 metrics, but its head knows 2",
    ),
    (
        lambda state: [state[k].pop() for k in ("metrics", "groups", "specialties")],
        "names 1 metrics, but its head knows 2",
    ),
    (put(["macs", "macs"], "metrics"), "distinct"),
    (put([], "metrics"), "at least one"),
    (put("ab", "metrics"), "must be names"),
    (put([1, 2], "metrics"), "must be names"),
    (put([], "process", "metrics"), "process of 0 metrics"),
    (put([1.0], "process", "metrics", 0, "kernel"), "no attribute"),
    (put({"variance": 1.0}, "process", "metrics", 0, "kernel"), "TypeError"),
    (put({}, "process"), "KeyError"),
    (put([0.3], "process", "metrics", 0, "weights"), "not enough values"),
    (put([], "head", "scales"), "scale and legal branches"),
    (put([], "head", "scales", 0, "raw"), "at least 2 knots"),
    (put([2.0, 1.0], "head", "scales", 0, "raw"), "at least 2 knots"),
    (lambda state: state["head"]["scales"][0]["raw"].reverse(), "knots that rise"),
    (put({"scales": [], "branches": []}, "head"), "scale and legal branches"),
    (put([], "head", "branches"), "scale and legal branches"),
    (put([], "head", "branches", 0), "scale and legal branches"),
    (put([[0, 99]], "head", "branches", 0), "scale and legal branches"),
    (
        lambda state: [state["head"][key].pop() for key in ("scales", "branches")],
        "names 2 metrics, but its head knows 1",
    ),
    (put("x", "reader", "tokenizer"), "tokenizer cannot be read"),
    (put(None, "reader"), "TypeError"),
    (put([], "reader", "scales"), "columns and scales"),
    (put([[["x"], [1.0]]], "reader", "scales"), "could not convert"),
    (put([[[1.0], [1.0]]], "reader", "scales"), "columns and scales"),
    (put([None], "reader", "counts", "names"), "a column is named None"),
    (put(64.0, "settings", "width"), "`width` must be a whole number"),
    (put([], "settings"), "TypeError"),
    (lambda state: state.pop("settings"), "settings"),
]
OTHERS: list[tuple[str, Callable[[State], object], str]] = [
    ("mse", put([[0.0, 1.0]], "calibration", 0), "3 numbers for each of 2 metrics"),
    ("mse", put([], "head", "scales"), "finite and wide"),
    ("mse", lambda state: state["head"]["scales"].pop(), "its head knows 1"),
    ("mse", put([0.0, 0.0], "head", "scales", 0), "finite and wide"),
    ("mse", put({"metrics": [None, None]}, "process"), "does not fit its head"),
    ("ordinal", put([], "head", "cuts"), "one bin more"),
    ("ordinal", put({"bins": [], "cuts": []}, "head"), "one bin more"),
    ("ordinal", put([], "head", "bins", 0), "one bin more"),
    ("ordinal", put([[1.0], []], "calibration", 0), "0 numbers for each of 2 metrics"),
]


@pytest.mark.parametrize(
    ("head", "change", "reason"), [*(("digits", *row) for row in DIGITS), *OTHERS]
)
def test_damage_is_a_clear_error(
    folders: dict[str, Path],
    tmp_path: Path,
    head: str,
    change: Callable[[State], object],
    reason: str,
) -> None:
    damaged = changed(folders[head], tmp_path / "damaged", change)
    with pytest.raises(
        CheckpointError, match=f"must hold a whole RLM, but .*{re.escape(reason)}.*Train it again"
    ) as found:
        RlmRegressor.load(damaged)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["0.decoder.metrics.weight", "process.0.labels"])
def test_missing_and_short_tensors_are_refused(
    folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    damaged = changed(folders["digits"], tmp_path / "damaged", lambda _: None)
    weights = load_file(damaged / "weights.safetensors")
    for short in (weights[name][:-1].contiguous(), None):
        kept = {k: v for k, v in weights.items() if k != name}
        save_file(kept if short is None else kept | {name: short}, damaged / "weights.safetensors")
        with pytest.raises(CheckpointError, match="must hold a whole RLM"):
            RlmRegressor.load(damaged)


@pytest.mark.parametrize("head", ["digits", "mse", "ordinal"])
def test_what_is_whole_is_restored(folders: dict[str, Path], tmp_path: Path, head: str) -> None:
    RlmRegressor.load(changed(folders[head], tmp_path / "same", lambda _: None)).save(tmp_path)
    for name in ("manifest.json", "weights.safetensors"):
        assert (tmp_path / name).read_bytes() == (folders[head] / name).read_bytes()
