"""Metrics of several spaces: each space measures its texts by its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surrogates import get_surrogate
from surrogates.rlm.encoders.dataflow_reader import DataflowReader
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain

SMALL = [conv_chain(n, kernel) for n in (1, 2, 3, 4) for kernel in (1, 3)]
LARGE = [conv_chain(n, kernel) for n in (20, 30, 40, 50) for kernel in (3, 5)]
FIRST, SECOND, THIRD = "accuracy_percent/a", "accuracy_percent/b", "latency_ms/b"
LABELS = [
    *[{FIRST: 70.0 + row} for row in range(8)],
    *[{SECOND: 80.0 - row, THIRD: 1.0 + row} for row in range(8)],
]
QUICK: dict[str, Any] = {"width": 8, "n_layers": 1, "n_steps": 6, "n_members": 2}


@pytest.fixture(scope="module")
def fitted() -> RlmRegressor:
    return RlmRegressor(**QUICK).fit([*SMALL, *LARGE], LABELS, seed=1)


def counts_of(rlm: RlmRegressor, texts: list[str], metric: str) -> np.ndarray:
    assert isinstance(rlm._reader, DataflowReader)
    group = rlm._groups[rlm.metrics.index(metric)]
    read = rlm._reader.prepare(texts).of_group(group)
    counts: np.ndarray = read.collate(range(len(texts))).counts.numpy()
    return counts


def test_every_space_is_standardised_by_itself(fitted: RlmRegressor) -> None:
    assert fitted._groups == (0, 1, 1)
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


def test_texts_of_a_space_without_labels_can_be_what_all_are_measured_by(
    fitted: RlmRegressor,
) -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    before = fitted.predict(texts)[FIRST].mean
    adapted = fitted.adapted_to(texts)
    for metric in fitted.metrics:
        assert counts_of(adapted, texts, metric).mean(axis=0) == pytest.approx(0.0, abs=1e-5)
    assert np.abs(adapted.predict(texts)[FIRST].mean - before).max() > 1e-4
    assert fitted.predict(texts)[FIRST].mean == pytest.approx(before)


def test_a_mixture_adapts_its_parts() -> None:
    texts = [conv_chain(n, 3) for n in (5, 7, 9, 11)]
    both = get_surrogate("mixture", rlm=QUICK, constant={}).fit([*SMALL, *LARGE], LABELS, seed=1)
    constant = both.predict(texts)[FIRST].mean
    adapted = both.adapted_to(texts).predict(texts)[FIRST].mean
    assert np.abs(adapted - constant).max() > 1e-5
