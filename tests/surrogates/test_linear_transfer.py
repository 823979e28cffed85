"""A metric learned from predicted ones."""

import json

import numpy as np
import pytest

from surrogates.errors import LabelError
from surrogates.linear_transfer import LinearTransfer


def rows(n: int, *, noise: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three known latencies in milliseconds, and one that is mostly like the first."""
    rng = np.random.default_rng(seed)
    known = rng.uniform(10.0, 20.0, (n, 3)) * [1.0, 100.0, 0.01]
    return known, 3.0 * known[:, 0] + 0.002 * known[:, 1] + 7.0 + noise * rng.normal(size=n)


def test_a_line_is_found_in_the_units_of_the_labels() -> None:
    known, labels = rows(400)
    learned = LinearTransfer.fit(known[:200], labels[:200])
    mean, std = learned.predict(known[200:])
    assert np.abs(mean - labels[200:]).mean() < 0.06
    assert std == pytest.approx(np.full(200, 0.05), rel=0.3)


def test_intervals_hold_what_they_say() -> None:
    held = []
    for seed in range(60):
        known, labels = rows(60, noise=2.0, seed=seed)
        mean, std = LinearTransfer.fit(known[:10], labels[:10]).predict(known[10:])
        held.append(np.abs(labels[10:] - mean) <= 1.2816 * std)
    assert 0.72 < np.mean(held) < 0.88


def test_few_rows_are_not_trusted_far_from_them() -> None:
    known, labels = rows(5)
    learned = LinearTransfer.fit(known, labels)
    far = known.mean(axis=0) + 10.0 * known.std(axis=0)
    near = learned.predict(known.mean(axis=0)[None])[1][0]
    assert learned.predict(far[None])[1][0] > 3.0 * near


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_do_not_matter(factor: float) -> None:
    known, labels = rows(20)
    plain = LinearTransfer.fit(known, labels).predict(known)
    scaled = LinearTransfer.fit(factor * known, factor * labels).predict(factor * known)
    assert np.array(scaled) == pytest.approx(factor * np.array(plain), rel=1e-3)


def test_a_known_metric_that_says_nothing_is_left_alone() -> None:
    known, labels = rows(20)
    known[:, 1] = 5.0
    learned = LinearTransfer.fit(known, labels)
    other = known.copy()
    other[:, 1] = 1e9
    assert np.array_equal(learned.predict(other)[0], learned.predict(known)[0])


def test_the_three_that_come_first_count_together() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(size=(12, 5))
    labels = known[:, :3].mean(axis=1) + 0.3 * rng.normal(size=12)
    predicted = LinearTransfer.fit(known, labels).predict(known)[0]
    same, other = ([1, 2, 0, 4, 3], [3, 1, 2, 0, 4])
    assert LinearTransfer.fit(known[:, same], labels).predict(known[:, same])[0] == pytest.approx(
        predicted, abs=1e-3
    )
    differs = LinearTransfer.fit(known[:, other], labels).predict(known[:, other])[0] - predicted
    assert np.abs(differs).max() > 0.1


def test_three_rows_on_a_line_prove_no_line() -> None:
    known = np.array([[1.0], [2.0], [4.0]])
    learned = LinearTransfer.fit(known, 10.0 * known[:, 0])
    assert learned.predict(known)[1].min() > 0.1 * (10.0 * known).std()


def test_rows_left_out_are_predicted_as_by_the_others() -> None:
    known, labels = rows(30, noise=3.0)
    learned = LinearTransfer.fit(known, labels)
    left_out = learned.left_out(known, labels)
    refitted = [
        LinearTransfer.fit(np.delete(known, row, 0), np.delete(labels, row)).predict(known[[row]])
        for row in range(30)
    ]
    again = np.array([mean[0] for mean, _ in refitted])
    assert np.abs(left_out - again).max() < 0.2 * labels.std()
    assert np.square(left_out - again).mean() < 0.1 * np.square(left_out - labels).mean()
    inside = np.square(learned.predict(known)[0] - labels).mean()
    assert np.square(left_out - labels).mean() > 1.1 * inside


def test_too_few_different_labels_are_refused() -> None:
    known, _ = rows(4)
    with pytest.raises(LabelError, match="at least 3 different labels, better some tens, but got"):
        LinearTransfer.fit(known, np.array([1.0, 1.0, 2.0, 2.0]))


def test_json_holds_all_of_it() -> None:
    known, labels = rows(10)
    learned = LinearTransfer.fit(known, labels)
    again = LinearTransfer.from_state(json.loads(json.dumps(learned.to_state())), 3)
    for mine, other in zip(learned.predict(known), again.predict(known), strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("means", [0.0]),
        ("scales", [1.0, 1.0, float("nan")]),
        ("weights", [0.0, 0.0, 0.0]),
        ("covariance", [[0.0]]),
        ("noise", 0.0),
        ("spread", float("inf")),
    ],
)
def test_damage_is_found(part: str, value: object) -> None:
    state = LinearTransfer.fit(*rows(10)).to_state()
    with pytest.raises(ValueError, match=r"parts of other shapes|must be finite"):
        LinearTransfer.from_state({**state, part: value}, 3)
