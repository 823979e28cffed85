"""Label normalisation: closed forms, there and back."""

import numpy as np
import pytest

from surrogates.errors import LabelError
from surrogates.rlm.heads.label_scale import LABEL_SCALES, LabelScale

LABELS = np.array([1.0, 10.0, 100.0, 1000.0])


@pytest.mark.parametrize("kind", LABEL_SCALES)
def test_there_and_back(kind: str) -> None:
    scale = LabelScale.fit(LABELS, kind)
    assert scale.to_raw(scale.to_target(LABELS)) == pytest.approx(LABELS)
    assert np.isnan(scale.to_target(np.array([np.nan]))).all()


def test_raw_is_the_label_itself() -> None:
    scale = LabelScale.fit(LABELS, "raw")
    assert scale.to_target(LABELS).tolist() == LABELS.tolist()
    assert scale.typical == pytest.approx(LABELS.std())


@pytest.mark.parametrize("kind", ["normalised", "log"])
def test_the_others_have_mean_zero_and_deviation_one(kind: str) -> None:
    scale = LabelScale.fit(LABELS, kind)
    targets = scale.to_target(LABELS)
    assert (targets.mean(), targets.std()) == pytest.approx((0.0, 1.0))
    assert scale.typical == 1.0


def test_equal_factors_are_equal_steps_on_the_log_scale() -> None:
    assert np.diff(LabelScale.fit(LABELS, "log").to_target(LABELS)) == pytest.approx(
        np.full(3, np.log(10.0) / np.log(LABELS).std())
    )


@pytest.mark.parametrize("kind", LABEL_SCALES)
def test_a_constant_label_has_a_scale(kind: str) -> None:
    scale = LabelScale.fit(np.array([5.0, 5.0]), kind)
    assert scale.to_raw(scale.to_target(np.array([5.0]))) == pytest.approx([5.0])
    assert scale.deviation == 1.0


def test_what_has_no_logarithm_is_refused() -> None:
    with pytest.raises(LabelError, match=r"above 0 for `label_scale` 'log', but got -2\.0"):
        LabelScale.fit(np.array([3.0, -2.0]), "log")


def test_a_logarithm_that_ran_off_stays_finite() -> None:
    scale = LabelScale.fit(LABELS, "log")
    assert np.isfinite(scale.to_raw(np.array([1e6, -1e6]))).all()
    assert scale.to_raw(np.array([19.0])) < scale.to_raw(np.array([1e6]))
