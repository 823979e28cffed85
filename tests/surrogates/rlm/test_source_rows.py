"""What is known of learned spaces: each measured by itself, and kept without labels."""

from collections.abc import Mapping

import numpy as np
import pytest
import scipy.stats

from surrogates.inputs.signal_flow import log_flow
from surrogates.rlm.source_rows import LEADING, SourceRows, covariance, variance
from tests.surrogates.conftest import conv_chain

A, B, C = "accuracy_percent/a", "accuracy_percent/b", "accuracy_percent/c"
SPACES = {A: 0, B: 1, C: 1}
SMALL = [conv_chain(n, 3) for n in range(1, 81)]
LARGE = [conv_chain(n, 3) for n in range(20, 100)]


def drawn(signs: Mapping[str, float], noise: float = 0.0) -> SourceRows:
    """Labels that rise or fall with the length of a text, in units of each metric's own."""
    rng = np.random.default_rng(1)
    targets = np.full((160, 3), np.nan)
    for place, (metric, space) in enumerate(SPACES.items()):
        lengths = np.arange(80.0) + noise * rng.normal(size=80)
        targets[80 * space : 80 * space + 80, place] = 10.0**place * signs[metric] * lengths
    found = SourceRows.draw([*SMALL, *LARGE], targets, list(SPACES), [0, 1, 1], seed=0)
    assert found is not None
    return found


RISING = dict.fromkeys(SPACES, 1.0)


def test_spaces_are_measured_each_by_itself() -> None:
    source = drawn(RISING)
    for metric in SPACES:
        assert abs(source.rows[metric].mean(axis=0)).max() < 0.5  # 60 of 80
        assert source.rows[metric].std(axis=0) == pytest.approx(1.0, abs=0.25)
        longest = source.rows[metric][:, source.table.names.index("longest")]
        assert np.corrcoef(longest, source.values[metric])[0, 1] > 0.9
    assert not any(name.startswith("live ") for name in source.table.names)


def test_values_are_those_of_functions_and_not_labels() -> None:
    source = drawn(RISING, noise=30.0)
    for metric in SPACES:
        assert len(source.rows[metric]) == len(source.values[metric]) == 60
        longest = source.rows[metric][:, source.table.names.index("longest")]
        assert scipy.stats.spearmanr(longest, source.values[metric]).statistic > 0.97
        # labels would spread like normal scores and be noisier by far
        assert source.values[metric].std() < 0.8


def test_columns_that_lead_say_more_than_another_count() -> None:
    names = ["longest", "macs", "log_flow"]
    longer, larger, freer = (2.0 * row[None] for row in np.eye(3))
    for led in (larger, freer):
        assert covariance(names, led, led) > covariance(names, longer, longer)
        assert covariance(names, led, -led) < covariance(names, longer, -longer)
    rows = np.concatenate([longer, larger, freer])
    for leading in (LEADING, LEADING[:1], LEADING[1:]):
        found = covariance(names, rows, rows, leading)
        assert variance(names, rows, leading) == pytest.approx(np.diag(found))
    # one that does not lead is a count like others if it is one, and the flow is none
    by_flow = covariance(names, larger, -larger, LEADING[1:])
    assert by_flow == covariance(names, longer, -longer, LEADING[1:])
    assert covariance(names, freer, -freer, LEADING[:1]) == pytest.approx(0.7)
    assert covariance(["longest", "params", "log_flow"], larger, -larger) == (
        covariance(names, longer, -longer)
    )


def test_the_flow_is_read_of_every_text() -> None:
    source = drawn(RISING)
    found = source.logarithms(LARGE)
    assert found.shape == (80, len(source.names))
    assert found[:, -1].tolist() == [log_flow(text) for text in LARGE]
    assert np.array_equal(found[:, :-1], source.table.logarithms(LARGE))
    for rows in source.rows.values():
        assert rows.shape == (60, len(source.names))
        assert rows[:, -1].std() == pytest.approx(1.0, abs=0.25)


def test_metrics_that_are_spoken_of_start_from_their_own_or_their_like() -> None:
    source = drawn(RISING)
    new = "accuracy_percent/new"
    assert source.speakers([new]) == [(A, B, C)]
    assert source.speakers([new, A], {new: B}) == [(B,), (A,)]
    assert source.speakers([new], {new: "accuracy_percent/unknown"}) == [(A, B, C)]
    assert source.speakers([A], {A: B}) == [(A,)]


def test_spaces_without_anything_in_common_say_nothing() -> None:
    texts = [conv_chain(3, 3)] * 8
    targets = np.full((8, 2), np.nan)
    targets[:4, 0] = targets[4:, 1] = np.arange(4.0)
    assert SourceRows.draw(texts, targets, [A, B], [0, 1], seed=0) is None


def test_restored_it_is_the_same() -> None:
    source = drawn(RISING)
    again = SourceRows.from_state(source.to_json(), source.tensors())
    assert again.table == source.table
    assert list(again.rows) == list(SPACES)
    for metric in SPACES:
        assert np.array_equal(again.rows[metric], source.rows[metric])
        assert np.array_equal(again.values[metric], source.values[metric])


@pytest.mark.parametrize(
    ("metric", "value", "refusal"),
    [
        (A, np.ones((3, 2)), "has rows"),
        (A, np.full((60, 1), np.nan), "has rows|must be finite"),
    ],
)
def test_damaged_rows_are_refused(metric: str, value: np.ndarray, refusal: str) -> None:
    source = drawn(RISING)
    rows = {**source.rows, metric: value}
    damaged = SourceRows(source.table, rows, source.values)
    with pytest.raises(ValueError, match=refusal):
        SourceRows.from_state(damaged.to_json(), damaged.tensors())
    state = {**source.to_json(), "metrics": []}
    with pytest.raises(ValueError, match="of none"):
        SourceRows.from_state(state, source.tensors())
