"""The RLM as a whole: it learns, repeats itself, survives saving, and refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from surrogates.errors import LabelError, SettingsError, UnknownMetricError
from surrogates.rlm.regressor import RlmRegressor

MACS, ACCURACY = "macs", "accuracy_percent/cifar10"
QUICK = {"width": 16, "n_layers": 1, "n_steps": 30, "batch_size": 12, "n_members": 2}


@pytest.fixture(scope="module")
def fitted(request: pytest.FixtureRequest) -> RlmRegressor:
    from tests.surrogates.conftest import conv_chain  # fixtures of function scope hold the same

    del request
    texts = [conv_chain(n, kernel) for n in range(1, 5) for kernel in (1, 3, 5)]
    labels = [
        {MACS: 1024.0 * n * kernel**2, ACCURACY: 80.0 + n + kernel}
        for n in range(1, 5)
        for kernel in (1, 3, 5)
    ]
    return RlmRegressor(**{**QUICK, "n_steps": 150}).fit(texts, labels, seed=1)


def test_it_learns_what_a_text_says(fitted: RlmRegressor, small_texts: list[str]) -> None:
    prediction = fitted.predict(small_texts)
    truth = np.array([80.0 + n + kernel for n in range(1, 5) for kernel in (1, 3, 5)])
    error = np.abs(prediction[ACCURACY].mean - truth)
    assert error.max() < 2.0  # the labels span eight; wide soft labels pull the ends inwards
    assert np.corrcoef(prediction[MACS].mean, truth)[0, 1] > 0.8


def test_equal_texts_are_predicted_once_and_alike(
    fitted: RlmRegressor, small_texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    distinct = fitted.predict(small_texts)
    rows = [3, 0, 3, 11, 0, 5]
    seen: list[int] = []
    reader = fitted._fitted().reader
    assert reader is not None
    real = reader.prepare
    monkeypatch.setattr(reader, "prepare", lambda texts: seen.append(len(texts)) or real(texts))
    repeated = fitted.predict([small_texts[row] for row in rows])
    assert seen == [4]
    expected = distinct[MACS].probabilities[rows]
    assert repeated[MACS].probabilities == pytest.approx(expected, abs=1e-6)


def test_same_seed_same_numbers(
    small_texts: list[str], small_labels: list[dict[str, float]]
) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (
        RlmRegressor(**QUICK).fit(small_texts, small_labels, seed=seed).predict(small_texts)
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first[MACS].probabilities, again[MACS].probabilities)
    assert not np.array_equal(first[MACS].probabilities, other[MACS].probabilities)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_process_that_fails_leaves_the_fitted_one_as_it_was(
    small_texts: list[str],
    small_labels: list[dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = RlmRegressor(**{**QUICK, "n_steps": 2}).fit(small_texts, small_labels)
    before = model.predict(small_texts)[MACS].probabilities

    def failing(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError

    monkeypatch.setattr("surrogates.rlm.regressor.CountsProcess.fit", failing)
    with pytest.raises(np.linalg.LinAlgError):
        model.fit(small_texts, [{MACS: 1e9 + row} for row in range(12)])
    assert np.array_equal(model.predict(small_texts)[MACS].probabilities, before)


def test_a_known_metric_moves_the_other(fitted: RlmRegressor, small_texts: list[str]) -> None:
    n = len(small_texts)
    low, high = (
        fitted.predict(small_texts, [ACCURACY], condition_on={MACS: np.full(n, value)})[ACCURACY]
        for value in (1024.0, 1024.0 * 100)
    )
    assert np.abs(high.probabilities - low.probabilities).sum(axis=1).max() > 1e-3


def test_a_known_value_beyond_the_labels_is_read_as_the_outermost(
    fitted: RlmRegressor, small_texts: list[str]
) -> None:
    far, farther = (
        fitted.predict(small_texts, [ACCURACY], condition_on={MACS: np.full(12, value)})[ACCURACY]
        for value in (1e6, 1e12)
    )
    assert np.array_equal(far.probabilities, farther.probabilities)


def test_chain_starts_like_alone_and_then_differs(
    fitted: RlmRegressor, small_texts: list[str]
) -> None:
    order = [ACCURACY, MACS]
    alone = fitted.predict(small_texts, order)
    chain = fitted.predict(small_texts, order, decoding="chain")
    assert list(chain) == order
    assert chain[ACCURACY].mean == pytest.approx(alone[ACCURACY].mean)
    assert np.abs(chain[MACS].probabilities - alone[MACS].probabilities).max() > 1e-4


def test_samples_agree_with_the_exact_mean(fitted: RlmRegressor, small_texts: list[str]) -> None:
    exact = fitted.predict(small_texts, [ACCURACY])[ACCURACY]
    drawn = fitted.sample(small_texts, 2000, seed=0, metrics=[ACCURACY])[ACCURACY]
    assert drawn.shape == (2000, len(small_texts))
    assert (np.abs(drawn.mean(axis=0) - exact.mean) < 4 * exact.std / np.sqrt(2000)).all()


def test_joint_samples_hold_every_metric(fitted: RlmRegressor, small_texts: list[str]) -> None:
    drawn = fitted.sample(small_texts[:2], 5, seed=0)
    assert set(drawn) == {MACS, ACCURACY}
    assert all(np.isfinite(values).all() for values in drawn.values())


def test_saved_and_loaded_twice_it_is_the_same(
    fitted: RlmRegressor, small_texts: list[str], tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    state = torch.random.get_rng_state()
    RlmRegressor.load(tmp_path / "a").save(tmp_path / "b")
    assert torch.equal(torch.random.get_rng_state(), state)
    loaded = RlmRegressor.load(tmp_path / "b")
    assert loaded.settings == fitted.settings
    for metric in (MACS, ACCURACY):
        before, after = (m.predict(small_texts)[metric] for m in (fitted, loaded))
        assert np.array_equal(before.probabilities, after.probabilities)
        assert np.array_equal(before.values, after.values)


@pytest.mark.parametrize(
    ("arguments", "error", "rule"),
    [
        ({"metrics": ["latency_ms/pixel3"]}, UnknownMetricError, "never trained"),
        ({"condition_on": {MACS: np.ones(1)}, "metrics": [ACCURACY]}, LabelError, "12 finite"),
        ({"condition_on": {MACS: np.ones(12)}}, SettingsError, "cannot be predicted too"),
        ({"decoding": "greedy"}, SettingsError, "'alone' or 'chain'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    fitted: RlmRegressor,
    small_texts: list[str],
    arguments: dict[str, object],
    error: type[Exception],
    rule: str,
) -> None:
    with pytest.raises(error, match=rule):
        fitted.predict(small_texts, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_sampling_refuses_a_temperature_of_zero(fitted: RlmRegressor, temperature: float) -> None:
    with pytest.raises(SettingsError, match=f"above 0 .* but got {temperature!r}"):
        fitted.sample(["x"], 1, seed=0, temperature=temperature)


@pytest.mark.parametrize("n_samples", [-1, 2.5, "3"])
def test_sampling_refuses_what_is_no_number_of_draws(
    fitted: RlmRegressor, n_samples: object
) -> None:
    with pytest.raises(SettingsError, match=f"`n_samples` must be .* got {n_samples!r}"):
        fitted.sample(["x"], n_samples, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_samples", [0, 1])
def test_fewer_draws_than_members_are_drawn(
    fitted: RlmRegressor, small_texts: list[str], n_samples: int
) -> None:
    drawn = fitted.sample(small_texts, n_samples, seed=0)
    assert {values.shape for values in drawn.values()} == {(n_samples, len(small_texts))}
    assert all((values != 0).all() for values in drawn.values())


def test_only_digits_are_conditioned_chained_and_sampled(small_texts: list[str]) -> None:
    rows = [{MACS: 1.0 + k, ACCURACY: 80.0 + k} for k in range(12)]
    plain = RlmRegressor(**{**QUICK, "n_steps": 2, "head": "mse"}).fit(small_texts, rows)
    with pytest.raises(SettingsError, match="must have `head` 'digits', but this RLM has 'mse'"):
        plain.predict(small_texts, [ACCURACY], condition_on={MACS: np.ones(12)})
    with pytest.raises(SettingsError, match="must have `head` 'digits'"):
        plain.predict(small_texts, decoding="chain")
    with pytest.raises(SettingsError, match="must have `head` 'digits'"):
        plain.sample(small_texts, 2, seed=0)


def test_recalibration_moves_the_level_and_keeps_the_order(
    small_texts: list[str], small_labels: list[dict[str, float]]
) -> None:
    alone = RlmRegressor(**{**QUICK, "n_steps": 150}, pools_process=False)
    before = alone.fit(small_texts, small_labels, seed=1).predict(small_texts)
    higher = [{ACCURACY: row[ACCURACY] + 1.5} for row in small_labels]
    alone.recalibrate(small_texts, higher)
    after = alone.predict(small_texts)
    truth = np.array([row[ACCURACY] for row in higher])
    errors = [np.abs(found[ACCURACY].mean - truth).mean() for found in (before, after)]
    assert errors[1] < 0.7 * errors[0]
    assert np.corrcoef(after[ACCURACY].mean, before[ACCURACY].mean)[0, 1] > 0.95
    assert after[MACS].mean == pytest.approx(before[MACS].mean)  # nothing was said of it
    with pytest.raises(
        LabelError, match=r"A label of 'macs' must lie in \[.*got 1000000000000\.0\. Leave"
    ):
        alone.recalibrate(small_texts, [{MACS: 1e12}] * len(small_texts))
    assert after[MACS].mean == pytest.approx(alone.predict(small_texts)[MACS].mean)
    with pytest.raises(UnknownMetricError, match="never trained"):
        alone.recalibrate(small_texts, [{"params": 1.0}] * len(small_texts))
