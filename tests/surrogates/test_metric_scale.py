"""The scale: strictly increasing, invertible, defined beyond the training range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from surrogates.errors import LabelError
from surrogates.metric_scale import HIGH, LOW, MetricScale

LABELS = st.lists(
    st.floats(min_value=-1e6, max_value=1e6, allow_subnormal=False), min_size=1, max_size=50
).map(np.array)
SHARES = st.sampled_from([0.0, 0.3, 0.5, 0.9])


@settings(deadline=None)
@given(LABELS, SHARES)
def test_knots_ascend(values: NDArray[np.float64], rank_share: float) -> None:
    scale = MetricScale.fit(values, rank_share=rank_share)
    assert len(scale.raw) == len(scale.scaled) >= 2
    assert (np.diff(scale.raw) > 0).all()
    assert (np.diff(scale.scaled) > 0).all()


@settings(deadline=None)
@given(LABELS, SHARES)
def test_training_labels_land_in_one_decade(
    values: NDArray[np.float64], rank_share: float
) -> None:
    scaled = MetricScale.fit(values, rank_share=rank_share).to_scaled(values)
    assert scaled.min() >= LOW - 1e-9
    assert scaled.max() <= HIGH + 1e-9


@settings(deadline=None)
@given(LABELS, SHARES)
def test_two_round_trips_change_nothing(values: NDArray[np.float64], rank_share: float) -> None:
    scale = MetricScale.fit(values, rank_share=rank_share)
    spread = scale.raw[-1] - scale.raw[0]
    back = scale.to_raw(scale.to_scaled(values))
    assert back == pytest.approx(values, abs=1e-7 * spread + 1e-9)
    assert scale.to_raw(scale.to_scaled(back)) == pytest.approx(back, abs=1e-7 * spread + 1e-9)


@pytest.mark.parametrize("rank_share", [0.0, 0.5, 0.9])
def test_order_is_kept_inside_and_beyond(rank_share: float, rng: np.random.Generator) -> None:
    values = rng.normal(90.0, 3.0, size=200)
    scale = MetricScale.fit(values, rank_share=rank_share)
    grid = np.linspace(-50.0, 250.0, 5001)
    assert (np.diff(scale.to_scaled(grid)) > 0).all()
    assert (np.diff(scale.to_raw(np.linspace(-5.0, 20.0, 5001))) > 0).all()


def test_beyond_the_ends_the_outer_slope_goes_on() -> None:
    scale = MetricScale((0.0, 1.0, 11.0), (LOW, 5.0, HIGH))
    below, above = 5.0 - LOW, (HIGH - 5.0) / 10.0
    assert scale.to_scaled(np.array([-2.0, 13.0])) == pytest.approx(
        [LOW - 2 * below, HIGH + 2 * above]
    )
    assert scale.to_raw(scale.to_scaled(np.array([-40.0, 99.0]))) == pytest.approx([-40.0, 99.0])


def test_the_outer_slope_is_bounded() -> None:
    scale = MetricScale((0.0, 0.001, 10.0), (LOW, 5.0, HIGH))
    assert scale.to_scaled(np.array([-1.0])) == pytest.approx([LOW - (HIGH - LOW)])


def test_without_ranks_the_scale_is_affine(rng: np.random.Generator) -> None:
    values = rng.lognormal(size=100)
    scale = MetricScale.fit(values, rank_share=0.0)
    unit = (values - values.min()) / (values.max() - values.min())
    assert scale.to_scaled(values) == pytest.approx(LOW + (HIGH - LOW) * unit)


def test_ranks_spread_what_is_dense(rng: np.random.Generator) -> None:
    values = np.concatenate([[10.0], 90.0 + rng.random(500)])

    def room(rank_share: float) -> float:
        scaled = MetricScale.fit(values, rank_share=rank_share).to_scaled(values[1:])
        return float(scaled.max() - scaled.min())

    assert room(0.0) == pytest.approx((HIGH - LOW) / 81.0, rel=0.05)
    assert room(0.5) > 20 * room(0.0)
    assert room(0.9) > 1.5 * room(0.5)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e9])
def test_constant_labels_land_in_the_middle(value: float) -> None:
    scale = MetricScale.fit(np.full(4, value), rank_share=0.5)
    assert scale.to_scaled(np.array([value])) == pytest.approx([(LOW + HIGH) / 2])
    assert scale.to_raw(scale.to_scaled(np.array([value]))) == pytest.approx([value])


def test_any_shape_is_kept_and_nan_stays_nan() -> None:
    scale = MetricScale.fit(np.array([1.0, 2.0]), rank_share=0.5)
    scaled = scale.to_scaled(np.array([[1.0, np.nan], [2.0, 1.5]]))
    assert scaled.shape == (2, 2)
    assert np.isnan(scaled).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf]])
def test_a_scale_needs_finite_labels(values: list[float]) -> None:
    with pytest.raises(LabelError, match="A scale needs finite labels"):
        MetricScale.fit(np.array(values), rank_share=0.5)


def test_a_crowded_top_is_not_overshot() -> None:
    crowded = np.concatenate([np.linspace(10.0, 90.0, 20), np.linspace(90.0, 91.0, 200)])
    scale = MetricScale.fit(crowded, rank_share=0.5)
    per_unit = (91.0 - 10.0) / (HIGH - LOW)
    assert 91.0 < scale.to_raw(np.array([HIGH + 0.5]))[0] < 91.0 + 0.5 * per_unit / 2
