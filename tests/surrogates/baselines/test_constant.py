"""The constant predictor: the training labels, for every text."""

import json
from pathlib import Path

import numpy as np
import pytest

from surrogates.baselines.constant import MAX_VALUES, ConstantPredictor
from surrogates.errors import CheckpointError, NotFittedError


def test_it_predicts_the_training_distribution() -> None:
    fitted = ConstantPredictor().fit(["a", "b", "c"], [{"m": 4.0}, {"m": 1.0}, {"m": 1.0}])
    distribution = fitted.predict(["whatever", "it says"])["m"]
    assert distribution.values.tolist() == [[1.0, 1.0, 4.0]] * 2
    assert distribution.mean == pytest.approx([2.0, 2.0])
    assert distribution.median.tolist() == [1.0, 1.0]


def test_a_metric_uses_the_rows_that_have_it() -> None:
    fitted = ConstantPredictor().fit(["a", "b"], [{"m": 4.0, "k": 9.0}, {"m": 2.0}])
    prediction = fitted.predict(["c"])
    assert prediction["m"].mean.tolist() == [3.0]
    assert prediction["k"].mean.tolist() == [9.0]


@pytest.mark.parametrize("n", [MAX_VALUES, MAX_VALUES + 1, 1000])
def test_many_labels_keep_their_mean_and_quantiles(n: int, rng: np.random.Generator) -> None:
    labels = rng.lognormal(size=n)
    fitted = ConstantPredictor().fit(["t"] * n, [{"m": float(v)} for v in labels])
    distribution = fitted.predict(["t"])["m"]
    assert distribution.values.shape == (1, MAX_VALUES)
    assert (np.diff(distribution.values[0]) >= 0).all()
    assert distribution.mean[0] == pytest.approx(labels.mean())
    low, high = distribution.interval(0.8)[0]
    assert np.mean((labels >= low) & (labels <= high)) == pytest.approx(0.8, abs=0.05)


def test_progress_is_told_once() -> None:
    calls: list[tuple[int, int]] = []
    ConstantPredictor().fit(
        ["a"], [{"m": 1.0}], progress=lambda step, total, _: calls.append((step, total))
    )
    assert calls == [(1, 1)]


def test_unfitted_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="fitted before it predicts"):
        ConstantPredictor().predict(["a"])
    with pytest.raises(NotFittedError, match="fitted before it is saved"):
        ConstantPredictor().save(tmp_path)


@pytest.mark.parametrize(
    "state", [{}, {"values": 3}, {"values": {"m": ["x"]}}, {"values": {"m": []}}]
)
def test_a_damaged_checkpoint_is_a_clear_error(tmp_path: Path, state: dict[str, object]) -> None:
    manifest = {"version": 1, "surrogate": "constant", "state": state}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="must hold the labels of a constant predictor"):
        ConstantPredictor.load(tmp_path)
