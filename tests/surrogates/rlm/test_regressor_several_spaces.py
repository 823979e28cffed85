"""Metrics of several spaces: each space measures its texts by its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from surrogates import get_surrogate
from surrogates.errors import UnknownMetricError
from surrogates.mixture import Mixture
from surrogates.rlm.encoders.dataflow_reader import DataflowReader
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.source_process import TransferKernel
from tests.surrogates.conftest import conv_chain

SMALL = [conv_chain(n, kernel) for n in (1, 2, 3, 4) for kernel in (1, 3)]
LARGE = [conv_chain(n, kernel) for n in (20, 30, 40, 50) for kernel in (3, 5)]
FIRST, SECOND, THIRD = "accuracy_percent/a", "accuracy_percent/b", "latency_ms/b"
LABELS = [
    *[{FIRST: 70.0 + row} for row in range(8)],
    *[{SECOND: 80.0 - row, THIRD: 1.0 + row} for row in range(8)],
]
RISING = [
    *[{FIRST: float(len(text))} for text in SMALL],
    *[{SECOND: float(len(text))} for text in LARGE],
]
QUICK: dict[str, Any] = {
    "width": 8,
    "n_layers": 1,
    "n_steps": 6,
    "finetune_steps": 6,
    "n_members": 2,
}


@pytest.fixture(scope="module")
def fitted() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit([*SMALL, *LARGE], LABELS, seed=1)


def counts_of(rlm: RlmRegressor, texts: list[str], metric: str) -> np.ndarray:
    parts = rlm._fitted()
    assert isinstance(parts.reader, DataflowReader)
    group = parts.groups[rlm.metrics.index(metric)]
    read = parts.reader.prepare(texts).of_group(group)
    counts: np.ndarray = read.collate(range(len(texts))).counts.numpy()
    return counts


def test_every_space_is_standardised_by_itself(fitted: RlmRegressor) -> None:
    assert fitted._fitted().groups == (0, 1, 1)
    for texts, metric in ((SMALL, FIRST), (LARGE, SECOND), (LARGE, THIRD)):
        counts = counts_of(fitted, texts, metric)
        assert counts.mean(axis=0) == pytest.approx(0.0, abs=1e-5)
        assert counts.std(axis=0).max() == pytest.approx(1.0, abs=1e-4)


def test_a_metric_is_predicted_alone_as_with_those_of_other_spaces(fitted: RlmRegressor) -> None:
    texts = [*SMALL[:3], *LARGE[:3]]
    for decoding in ("alone", "chain"):
        every = fitted.predict(texts, decoding=decoding)
        assert list(every) == [FIRST, SECOND, THIRD]
        first = fitted.predict(texts, [FIRST], decoding=decoding)[FIRST]
        assert first.mean == pytest.approx(every[FIRST].mean, rel=1e-5)
    drawn = fitted.sample(texts, 400, seed=0)
    alone = fitted.predict(texts)
    for metric, values in drawn.items():
        error = np.abs(values.mean(axis=0) - alone[metric].mean)
        assert (error < 0.25 * alone[metric].std).all()


def test_saved_and_loaded_it_measures_alike(fitted: RlmRegressor, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = RlmRegressor.load(tmp_path)
    for metric in fitted.metrics:
        expected = fitted.predict(SMALL)[metric].mean
        assert again.predict(SMALL)[metric].mean == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("metric", "options", "measured_by"),
    [
        ("accuracy_percent/new", {}, None),
        (FIRST, {}, FIRST),
        ("accuracy_percent/new", {"like": {"accuracy_percent/new": SECOND}}, SECOND),
        ("latency_ms/new", {"heads_only": True}, THIRD),
    ],
)
def test_a_new_space_is_measured_by_its_rows_and_a_known_one_as_before(
    fitted: RlmRegressor, metric: str, options: dict[str, Any], measured_by: str | None
) -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    rows = [{metric: float(row)} for row in range(4)]
    found = counts_of(fitted.finetune(texts, rows, **options), texts, metric)
    if measured_by is None:
        assert found.mean(axis=0) == pytest.approx(0.0, abs=1e-5)
    else:
        assert np.array_equal(found, counts_of(fitted, texts, measured_by))


def test_networks_that_are_not_told_counts_learn_several_spaces_too(tmp_path: Path) -> None:
    texts = [*SMALL, *LARGE]
    fitted = RlmRegressor(**QUICK, has_counts=False).fit(texts, LABELS, seed=1)
    fitted.save(tmp_path)
    again = RlmRegressor.load(tmp_path)
    assert again._fitted().groups == (0, 1, 1)
    for metric, found in fitted.predict(texts).items():
        assert again.predict(texts)[metric].mean == pytest.approx(found.mean, rel=1e-6)
    tuned = again.finetune(SMALL, [{"accuracy_percent/new": float(row)} for row in range(8)])
    assert np.isfinite(tuned.predict(SMALL)["accuracy_percent/new"].mean).all()


@pytest.fixture(scope="module")
def rising() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit([*SMALL, *LARGE], RISING)


def test_an_unseen_space_is_ordered_by_what_spaces_share(rising: RlmRegressor) -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    assert (np.diff(rising.order_unseen(texts)) > 0).all()
    assert (np.diff(rising.order_unseen(texts[::-1])) < 0).all()


def test_an_unseen_space_is_ordered_by_the_metrics_asked_for(fitted: RlmRegressor) -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    assert (np.diff(fitted.order_unseen(texts, [FIRST])) > 0).all()
    assert (np.diff(fitted.order_unseen(texts, [SECOND])) < 0).all()
    with pytest.raises(UnknownMetricError, match="never trained"):
        fitted.order_unseen(texts, ["accuracy_percent/none"])


def test_other_spaces_speak_where_rows_are_few(rising: RlmRegressor, tmp_path: Path) -> None:
    texts = [conv_chain(n, 3) for n in range(5, 17)]
    noisy = [{"accuracy_percent/new": value} for value in (0.0, 4.0, 1.0, 6.0, 2.0, 7.0, 3.0, 5.0)]
    few = rising.finetune(texts[:8], noisy)
    process = few._fitted().process
    assert process is not None
    (of_metric,) = process._of_metrics
    assert of_metric is not None
    assert isinstance(of_metric.posterior.kernel, TransferKernel)
    assert of_metric.posterior.kernel.source.metrics == (FIRST, SECOND)
    few.save(tmp_path)
    again = RlmRegressor.load(tmp_path)
    expected = few.predict(texts)["accuracy_percent/new"].mean
    assert again.predict(texts)["accuracy_percent/new"].mean == pytest.approx(expected, rel=1e-6)
    further = again.finetune(texts, [{SECOND: float(n)} for n in range(12)])
    assert further._fitted().source is again._fitted().source is not None


def test_without_a_process_networks_order_an_unseen_space() -> None:
    fitted = RlmRegressor(**QUICK, pools_process=False).fit([*SMALL, *LARGE], RISING)
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    mean = [scipy.stats.rankdata(each.mean) for each in fitted.predict(texts).values()]
    assert fitted.order_unseen(texts) == pytest.approx(np.mean(mean, axis=0) / 4)


def test_a_mixture_orders_an_unseen_space_by_the_ranks_of_its_parts(rising: RlmRegressor) -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    constant = get_surrogate("constant").fit([*SMALL, *LARGE], RISING)
    found = Mixture.of([rising, constant]).order_unseen(texts)
    assert found == pytest.approx((np.arange(1, 5) / 4 + 2.5 / 4) / 2)
