"""The order of a space that was never learned: what spaces agree on, kept without their labels."""

from collections.abc import Mapping

import numpy as np
import pytest

from surrogates.rlm.shared_order import NOISE, SharedOrder, covariance, variance
from surrogates.rlm.source_process import SourceRows
from tests.surrogates.conftest import conv_chain

A, B, C = "accuracy_percent/a", "accuracy_percent/b", "accuracy_percent/c"
GROUPS = {A: 0, B: 1, C: 1}
SMALL = [conv_chain(n, 3) for n in range(1, 41)]
LARGE = [conv_chain(n, 3) for n in range(20, 60)]
NEW = [conv_chain(n, 1) for n in range(2, 14)]


def source(signs: Mapping[str, float]) -> SourceRows:
    """Labels that rise or fall with the length of a text."""
    targets = np.full((80, 3), np.nan)
    lengths = np.arange(40.0)
    targets[:40, 0] = signs[A] * lengths
    targets[40:, 1] = signs[B] * lengths
    targets[40:, 2] = signs[C] * lengths
    found = SourceRows.draw([*SMALL, *LARGE], targets, [A, B, C], [0, 1, 1], seed=0)
    assert found is not None
    return found


def learned(signs: Mapping[str, float]) -> SharedOrder:
    rows = source(signs)
    return SharedOrder.of(rows.table, rows.rows, rows.labels, GROUPS)


RISING = dict.fromkeys(GROUPS, 1.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_new_space_is_ordered_as_the_others_are(sign: float) -> None:
    order = learned(dict.fromkeys(GROUPS, sign))
    scores = order.scores([A, B, C], NEW)
    assert (np.diff(sign * scores) > 0).all()
    shuffled = np.random.default_rng(0).permutation(len(NEW))
    again = order.scores([A, B, C], [NEW[place] for place in shuffled])
    assert again == pytest.approx(scores[shuffled])


def test_metrics_of_one_space_count_as_one() -> None:
    order = learned({A: -1.0, B: 1.0, C: 1.0})
    a, b, c = (order.scores([metric], NEW) for metric in GROUPS)
    assert order.scores([A, B, C], NEW) == pytest.approx((a + (b + c) / 2) / 2)
    assert np.ptp(order.scores([A, B, C], NEW)) < 0.2 * np.ptp(a)


def test_a_function_is_near_the_mean_of_the_process_on_all_rows() -> None:
    rows = source(RISING)
    names, own = rows.table.names, rows.rows[A]
    order = SharedOrder.of(rows.table, {A: own}, rows.labels, GROUPS)
    assert len(order.rows) < len(own)
    noisy = covariance(names, own, own) + NOISE * np.eye(len(own))
    asked = own[30:]
    exact = covariance(names, asked, own) @ np.linalg.solve(noisy, rows.labels[A])
    found = covariance(names, asked, order.rows) @ order.weights[A]
    assert found == pytest.approx(exact, abs=0.02)
    assert np.ptp(exact) > 0.5


def test_mult_adds_say_more_than_another_count() -> None:
    names = ["longest", "macs"]
    longer, larger = np.array([[2.0, 0.0]]), np.array([[0.0, 2.0]])
    assert covariance(names, larger, larger) > covariance(names, longer, longer)
    assert covariance(names, larger, -larger) < covariance(names, longer, -longer)
    assert covariance(["longest", "params"], larger, -larger) == covariance(names, longer, -longer)
    rows = np.concatenate([longer, larger])
    assert variance(names, rows) == pytest.approx(np.diag(covariance(names, rows, rows)))


def test_it_comes_back_as_it_was_and_holds_no_labels() -> None:
    order = learned(RISING)
    again = SharedOrder.from_state(order.to_json(), order.tensors())
    assert np.array_equal(again.scores([A, C], NEW), order.scores([A, C], NEW))
    assert {name: tuple(found.shape) for name, found in order.tensors().items()} == {
        "rows": (48, len(order.table.names)),
        "weights": (3, 48),
    }


@pytest.mark.parametrize(
    ("name", "damage", "refusal"),
    [
        ("weights", lambda found: found[:2], "has rows"),
        ("rows", lambda found: found[:, :1], "has rows"),
        ("rows", lambda found: found / 0.0, "finite"),
    ],
)
def test_damaged_numbers_are_refused(name: str, damage: object, refusal: str) -> None:
    order = learned(RISING)
    assert callable(damage)
    tensors = order.tensors()
    with pytest.raises(ValueError, match=refusal):
        SharedOrder.from_state(order.to_json(), {**tensors, name: damage(tensors[name])})
