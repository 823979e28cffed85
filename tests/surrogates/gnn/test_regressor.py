"""The graph network as a surrogate: learns, spreads, remembers its random numbers to itself."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from surrogates.errors import CheckpointError, NotFittedError, TextError
from surrogates.gnn.ensemble import ReadRows
from surrogates.gnn.regressor import GcnRegressor, StatementReader

QUICK = {"width": 16, "n_layers": 2, "n_steps": 12, "batch_size": 8, "n_members": 1}
Rows = list[dict[str, float]]


def test_it_ranks_texts_by_their_structure(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GcnRegressor(**QUICK | {"n_steps": 120}).fit(small_texts, small_labels)
    truth = np.array([row["accuracy_percent/cifar10"] for row in small_labels])
    predicted = fitted.predict(small_texts)["accuracy_percent/cifar10"].mean
    above = truth[:, None] > truth[None, :]
    assert ((predicted[:, None] > predicted[None, :]) & above).sum() >= 0.9 * above.sum()
    assert np.abs(predicted - truth).mean() < 0.5 * np.abs(truth - truth.mean()).mean()


def test_a_text_it_never_saw_lies_between_its_neighbours(
    small_texts: list[str], small_labels: Rows
) -> None:
    hidden = 6  # three convolutions of size one
    rest = [k for k in range(12) if k != hidden]
    fitted = GcnRegressor(**QUICK | {"n_steps": 120}).fit(
        [small_texts[k] for k in rest], [small_labels[k] for k in rest]
    )
    mean = fitted.predict([small_texts[k] for k in (0, hidden, 11)])["macs"].mean
    assert mean[0] < mean[1] < mean[2]


def test_members_give_a_spread(small_texts: list[str], small_labels: Rows) -> None:
    one = GcnRegressor(**QUICK).fit(small_texts, small_labels).predict(small_texts)["macs"]
    three = (
        GcnRegressor(**QUICK | {"n_members": 3})
        .fit(small_texts, small_labels)
        .predict(small_texts)
    )
    assert one.values.shape == (12, 1)
    assert not one.std.any()
    assert three["macs"].values.shape == (12, 3)
    assert (three["macs"].std > 0).all()
    assert (np.diff(three["macs"].values, axis=1) >= 0).all()


def test_equal_texts_are_read_once(
    small_texts: list[str], small_labels: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = GcnRegressor(**QUICK).fit(small_texts, small_labels)
    single = fitted.predict(small_texts[:3])["macs"].mean
    read: list[str] = []
    whole = StatementReader.read

    def counted(self: StatementReader, texts: Sequence[str]) -> ReadRows:
        read.extend(texts)
        return whole(self, texts)

    monkeypatch.setattr(StatementReader, "read", counted)
    order = [2, 0, 2, 1, 0]
    found = fitted.predict([small_texts[k] for k in order])["macs"].mean
    assert found == pytest.approx(single[order], rel=1e-5)
    assert read == [small_texts[k] for k in (2, 0, 1)]


def test_the_seed_decides(small_texts: list[str], small_labels: Rows) -> None:
    def mean(seed: int) -> list[float]:
        fitted = GcnRegressor(**QUICK).fit(small_texts, small_labels, seed=seed)
        return fitted.predict(small_texts)["macs"].mean.tolist()

    assert mean(1) == mean(1)
    assert mean(1) != mean(2)


def test_global_random_numbers_are_left_alone(small_texts: list[str], small_labels: Rows) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    GcnRegressor(**QUICK).fit(small_texts, small_labels, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_counts_the_steps_of_all_members(
    small_texts: list[str], small_labels: Rows
) -> None:
    seen: list[tuple[int, int]] = []
    losses: list[float] = []

    def progress(step: int, total: int, scalars: object) -> None:
        seen.append((step, total))
        assert isinstance(scalars, dict)
        losses.append(scalars["loss"])

    quick = QUICK | {"n_steps": 3, "n_members": 2}
    GcnRegressor(**quick).fit(small_texts, small_labels, progress=progress)
    assert seen == [(step, 6) for step in range(1, 7)]
    assert np.isfinite(losses).all()


def test_constant_labels_are_predicted(small_texts: list[str]) -> None:
    fitted = GcnRegressor(**QUICK).fit(small_texts, [{"m": 7.5}] * 12)
    assert fitted.predict(small_texts)["m"].mean == pytest.approx(np.full(12, 7.5), abs=1.0)


def test_one_row_is_enough_to_predict(small_texts: list[str]) -> None:
    fitted = GcnRegressor(**QUICK).fit(small_texts[:1], [{"m": 7.5}])
    assert np.isfinite(fitted.predict(small_texts)["m"].mean).all()


def test_a_text_that_cannot_be_read_is_refused(small_texts: list[str], small_labels: Rows) -> None:
    with pytest.raises(TextError, match="does not parse"):
        GcnRegressor(**QUICK).fit([*small_texts[:-1], "?"], small_labels)
    fitted = GcnRegressor(**QUICK | {"n_steps": 1}).fit(small_texts, small_labels)
    with pytest.raises(TextError, match="does not parse"):
        fitted.predict(["?"])


def test_unfitted_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="must be fitted before it predicts"):
        GcnRegressor().predict([])
    with pytest.raises(NotFittedError, match="must be fitted before it is saved"):
        GcnRegressor().save(tmp_path)


def test_damage_is_a_clear_error(
    tmp_path: Path, small_texts: list[str], small_labels: Rows
) -> None:
    fitted = GcnRegressor(**QUICK | {"n_steps": 1, "n_members": 2}).fit(small_texts, small_labels)
    fitted.save(tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    for change in (
        {"settings": manifest["state"]["settings"] | {"width": 8}},
        {"settings": manifest["state"]["settings"] | {"unknown": 8}},
        {"settings": manifest["state"]["settings"] | {"n_members": 1}},
        {"settings": manifest["state"]["settings"] | {"n_members": 3}},
        {"targets": {"macs": {}}},
        {"targets": {}},
        {"tokenizer": None},
    ):
        path.write_text(json.dumps(manifest | {"state": manifest["state"] | change}))
        with pytest.raises(
            CheckpointError, match=r"must hold a graph network|must hold 1 networks|cannot be"
        ):
            GcnRegressor.load(tmp_path)


def test_finetuning_starts_from_the_fitted_one(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GcnRegressor(**QUICK | {"finetune_learning_rate": 0.0, "finetune_steps": 1}).fit(
        small_texts, small_labels
    )
    rows = [{"latency_ms/moon": float(k)} for k in range(4)]
    still = fitted.finetune(small_texts[:4], rows, like={"latency_ms/moon": "macs"})
    before = fitted.predict(small_texts)["macs"].mean
    after = still.predict(small_texts)["latency_ms/moon"].mean
    assert (np.argsort(after) == np.argsort(before)).all()


def test_unseen_operations_can_be_finetuned_on(small_texts: list[str], small_labels: Rows) -> None:
    fitted = GcnRegressor(**QUICK).fit(small_texts[:4], small_labels[:4])
    tuned = fitted.finetune(small_texts[4:], small_labels[4:])
    assert np.isfinite(tuned.predict(small_texts)["macs"].mean).all()
