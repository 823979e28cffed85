"""The known metric that orders new rows best."""

import pytest

from nas_rlm.nearest_metric import nearest_metric
from surrogates import get_surrogate

TEXTS = [f"text {row}" for row in range(6)]
KNOWN = [
    {"latency_ms/up": 1.0 + row, "latency_ms/down": 9.0 - row, "params": 9.0 - row}
    for row in range(6)
]


def test_the_best_order_wins_and_other_quantities_do_not_count() -> None:
    start = get_surrogate("memorizer").fit(TEXTS, KNOWN)
    falling = [{"latency_ms/mine": float(value)} for value in (6, 5, 4, 2, 3, 1)]
    nearest = nearest_metric(start, TEXTS, falling, "latency_ms/mine")
    assert nearest is not None
    assert (nearest.metric, nearest.candidates) == ("latency_ms/down", 2)
    assert nearest.kendall_tau == pytest.approx(13 / 15)  # one of fifteen pairs is discordant


def test_rows_without_the_metric_are_left_out() -> None:
    start = get_surrogate("memorizer").fit(TEXTS, KNOWN)
    labels = [{"params": 1.0}, *({"latency_ms/mine": float(row)} for row in range(5))]
    nearest = nearest_metric(start, TEXTS, labels, "latency_ms/mine")
    assert nearest is not None
    assert nearest.metric == "latency_ms/up"
    assert nearest.kendall_tau == pytest.approx(1.0)


def test_without_a_known_metric_or_an_order_there_is_none() -> None:
    start = get_surrogate("memorizer").fit(TEXTS, KNOWN)
    energies = [{"energy_mj/mine": float(row)} for row in range(6)]
    assert nearest_metric(start, TEXTS, energies, "energy_mj/mine") is None
    equal = [{"latency_ms/mine": 3.0}] * 6
    assert nearest_metric(start, TEXTS, equal, "latency_ms/mine") is None


def test_a_metric_without_order_never_wins_and_only_order_counts() -> None:
    texts = [f"text {row}" for row in range(12)]
    labels = [
        {"latency_ms/a": -1.0 * row, "latency_ms/b": 1.0 * row, "latency_ms/c": 0.0}
        for row in range(12)
    ]
    known = get_surrogate("memorizer").fit(texts, labels)
    for sign, expected in ((1.0, "latency_ms/b"), (-1.0, "latency_ms/a")):
        mine = [{"latency_ms/mine": sign * row**2} for row in range(12)]
        nearest = nearest_metric(known, texts, mine, "latency_ms/mine")
        assert nearest is not None
        assert nearest.metric == expected
