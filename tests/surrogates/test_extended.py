"""Surrogates that learned metrics beside their own."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates import Surrogate, get_surrogate, load_surrogate
from surrogates.checkpoint import MANIFEST
from surrogates.errors import (
    CheckpointError,
    NotFittedError,
    SettingsError,
    UnknownMetricError,
)
from surrogates.extended import ExtendedSurrogate
from surrogates.linear_transfer import N_KNOWN
from tests.surrogates.conftest import conv_chain

SHAPES = [(n_convs, kernel) for n_convs in (1, 2, 3, 4) for kernel in (1, 3, 5)]
TEXTS = [conv_chain(n_convs, kernel) for n_convs, kernel in SHAPES]
SIZES = np.array([float(n_convs * kernel**2 + n_convs) for n_convs, kernel in SHAPES])
NEW = "latency_ms/new"


def labels_of(metric: str, values: np.ndarray) -> list[dict[str, float]]:
    return [{metric: value} for value in values.tolist()]


def known_devices(**columns: np.ndarray) -> Surrogate:
    """A surrogate that knows latencies by heart, and how many parameters there are."""
    rows = [
        {"params": 1.0 + row, **{f"latency_ms/{k}": float(v[row]) for k, v in columns.items()}}
        for row in range(len(TEXTS))
    ]
    return get_surrogate("memorizer").fit(TEXTS, rows)


@pytest.fixture
def start() -> Surrogate:
    rng = np.random.default_rng(0)
    return known_devices(noise=rng.normal(size=len(TEXTS)), alike=SIZES, opposite=-SIZES)


def test_a_new_device_follows_from_known_ones(start: Surrogate) -> None:
    extended = ExtendedSurrogate.of(start, TEXTS[:8], labels_of(NEW, 5.0 * SIZES[:8] + 100.0))
    assert extended.metrics == (*start.metrics, NEW)
    assert extended.new[NEW].known == (
        "latency_ms/alike",
        "latency_ms/noise",
        "latency_ms/opposite",
    )
    prediction = extended.predict(TEXTS[8:], [NEW, "params"])
    assert prediction[NEW].mean == pytest.approx(5.0 * SIZES[8:] + 100.0, rel=0.03)
    assert prediction["params"].mean.tolist() == [9.0, 10.0, 11.0, 12.0]
    assert list(prediction) == [NEW, "params"]
    interval = prediction[NEW].interval(0.8)
    assert (interval[:, 0] < interval[:, 1]).all()


def test_what_was_always_positive_stays_so(start: Surrogate, tmp_path: Path) -> None:
    values = SIZES - SIZES.min() + 0.01
    rows = labels_of(NEW, values)
    for row in range(len(TEXTS)):
        rows[row]["gain/new"] = values[row] - 1.0
    ExtendedSurrogate.of(start, TEXTS, rows).save(tmp_path)
    prediction = load_surrogate(tmp_path).predict(TEXTS)
    assert prediction[NEW].values.min() == 0.0
    assert prediction["gain/new"].values.min() < -1.0


def test_what_was_known_stays_as_it_is(start: Surrogate) -> None:
    before = {metric: found.mean.tolist() for metric, found in start.predict(TEXTS).items()}
    extended = ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES))
    after = {metric: found.mean.tolist() for metric, found in extended.predict(TEXTS).items()}
    assert start.metrics == tuple(before)
    assert {metric: after[metric] for metric in before} == before


def test_only_those_that_order_the_rows_best_are_asked() -> None:
    rng = np.random.default_rng(0)
    noises = {f"noise_{k:02}": rng.normal(size=len(TEXTS)) for k in range(12)}
    start = known_devices(**noises, alike=SIZES)
    extended = ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES))
    known = extended.new[NEW].known
    assert len(known) == N_KNOWN
    assert known[0] == "latency_ms/alike"


def test_rows_without_the_metric_and_known_metrics_are_left_out(start: Surrogate) -> None:
    rows = labels_of(NEW, SIZES)
    rows[3] = {"params": 7.0}
    rows[4]["params"] = 7.0
    extended = ExtendedSurrogate.of(start, TEXTS, rows)
    taken = [*range(3), *range(4, len(TEXTS))]
    alone = ExtendedSurrogate.of(start, [TEXTS[k] for k in taken], labels_of(NEW, SIZES[taken]))
    assert extended.metrics == alone.metrics
    assert (extended.predict(TEXTS)[NEW].mean == alone.predict(TEXTS)[NEW].mean).all()


def test_without_a_metric_of_the_quantity_it_follows_from_all(start: Surrogate) -> None:
    extended = ExtendedSurrogate.of(start, TEXTS, labels_of("energy_mj/new", SIZES))
    assert set(extended.new["energy_mj/new"].known) == set(start.metrics)


def test_rows_left_out_are_predicted_by_the_others(start: Surrogate) -> None:
    values = SIZES + np.random.default_rng(1).normal(size=len(TEXTS))
    extended = ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, values))
    left_out = extended.left_out(NEW, TEXTS, values)
    inside = np.abs(extended.predict(TEXTS)[NEW].mean - values).mean()
    assert np.abs(left_out - values).mean() > inside
    with pytest.raises(UnknownMetricError, match="must be one of"):
        extended.left_out("params", TEXTS, values)


def test_it_is_saved_with_its_start_and_can_be_extended_again(
    start: Surrogate, tmp_path: Path
) -> None:
    first = ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES))
    both = ExtendedSurrogate.of(first, TEXTS, labels_of("latency_ms/second", 2.0 * SIZES))
    assert NEW in both.new["latency_ms/second"].known
    both.save(tmp_path / "model")
    again = load_surrogate(tmp_path / "model")
    assert again.metrics == (*start.metrics, NEW, "latency_ms/second")
    for metric, found in both.predict(TEXTS).items():
        assert np.array_equal(again.predict(TEXTS)[metric].values, found.values)


def test_fitting_forgets_the_new_metrics(start: Surrogate) -> None:
    extended = ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES))
    extended.fit(TEXTS, labels_of("params", SIZES))
    assert extended.metrics == ("params",)
    assert "latency_ms/alike" in start.metrics


def test_misuse_is_refused(start: Surrogate) -> None:
    with pytest.raises(SettingsError, match="it knows all of these rows"):
        ExtendedSurrogate.of(start, TEXTS, labels_of("params", SIZES))
    with pytest.raises(NotFittedError, match="fitted before it is extended"):
        ExtendedSurrogate.of(get_surrogate("constant"), TEXTS, labels_of(NEW, SIZES))
    for wrong in ({"constant": {}, "memorizer": {}}, {"extended": {}}):
        with pytest.raises(SettingsError, match="start from one other surrogate"):
            get_surrogate("extended", **wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"known": []},
        {
            "known": [],
            "means": [],
            "scales": [],
            "weights": [0, 0],
            "covariance": [[1, 0], [0, 1]],
        },
        {"known": ["latency_ms/never"]},
        {"known": None},
        {"weights": [0.0]},
        {"noise": "much"},
    ],
)
def test_damage_is_told(start: Surrogate, tmp_path: Path, change: dict[str, object]) -> None:
    ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES)).save(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["state"]["new"][NEW].update(change)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="must hold an extended surrogate"):
        load_surrogate(tmp_path)


def test_a_metric_that_its_start_knows_is_damage(start: Surrogate, tmp_path: Path) -> None:
    ExtendedSurrogate.of(start, TEXTS, labels_of(NEW, SIZES)).save(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["state"]["new"]["params"] = manifest["state"]["new"].pop(NEW)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="'params' does not follow from"):
        load_surrogate(tmp_path)
