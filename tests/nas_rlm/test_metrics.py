"""Metrics: names, directions, near matches, and the sign at the edge."""

import numpy as np
import pytest

from nas_rlm.errors import ArrayError, UnknownMetricError
from nas_rlm.metrics import (
    METRICS,
    QUANTITIES,
    Direction,
    from_objectives,
    parse_metric,
    to_objectives,
)


@pytest.mark.parametrize(
    ("name", "unit", "direction", "target"),
    [
        ("accuracy_percent/cifar10", "%", Direction.MAXIMIZE, "cifar10"),
        ("latency_ms/local", "ms", Direction.MINIMIZE, "local"),
        ("latency_ms/titan_rtx_256", "ms", Direction.MINIMIZE, "titan_rtx_256"),
        ("params", "1", Direction.MINIMIZE, None),
        ("macs", "1", Direction.MINIMIZE, None),
    ],
)
def test_a_published_metric(
    name: str, unit: str, direction: Direction, target: str | None
) -> None:
    metric = parse_metric(name)
    assert (metric.name, metric.unit, metric.direction, metric.target) == (
        name,
        unit,
        direction,
        target,
    )
    assert str(metric) == name


def test_every_listed_name_parses_to_itself() -> None:
    assert len(METRICS.names) > 40
    assert [parse_metric(name).name for name in METRICS.names] == list(METRICS.names)


def test_kinds_are_told_apart() -> None:
    assert parse_metric("latency_ms/local").is_latency
    assert not parse_metric("latency_ms/local").is_accuracy
    assert parse_metric("accuracy_percent/cifar10").is_accuracy


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("accuracy/cifar10", "Unknown metric 'accuracy/cifar10'. Did you mean 'accuracy_percent"),
        ("flops", "Unknown metric 'flops'. Known metrics"),
        ("parms", "Did you mean 'params'"),
        ("latency_ms/pixel33", "Unknown device 'pixel33'.*Did you mean 'pixel3'"),
        ("accuracy_percent/cifar-10", "Unknown task 'cifar-10'.*'cifar10'"),
        ("accuracy_percent/cifar10-valid", "Unknown task"),
        ("latency_ms", "needs a device behind a slash.*'latency_ms/local'"),
        ("latency_ms/", "needs a device behind a slash"),
        ("params/cifar10", "Metric 'params' has no task or device.*Write 'params'"),
        ("", "Unknown metric ''"),
        ("Latency_ms/local", "Did you mean 'latency_ms/local'"),
    ],
)
def test_an_unknown_metric_is_refused_with_a_way_out(name: str, message: str) -> None:
    with pytest.raises(UnknownMetricError, match=message):
        parse_metric(name)


def test_a_users_device_makes_a_new_registry() -> None:
    registry = METRICS.with_devices("pixel9")
    assert registry.parse("latency_ms/pixel9").target == "pixel9"
    with pytest.raises(UnknownMetricError, match="Unknown device 'pixel9'"):
        METRICS.parse("latency_ms/pixel9")


def test_a_users_task_makes_a_new_registry() -> None:
    assert METRICS.with_tasks("mnist").parse("accuracy_percent/mnist").is_accuracy


@pytest.mark.parametrize("name", ["Pixel9", "", "a/b", "pixel 9", "_x"])
def test_a_misspelt_device_is_refused(name: str) -> None:
    with pytest.raises(UnknownMetricError, match="lower-case letters, digits"):
        METRICS.with_devices(name)


def test_signs_change_for_maximized_metrics_alone() -> None:
    metrics = [parse_metric("accuracy_percent/cifar10"), parse_metric("latency_ms/local")]
    values = np.array([[90.0, 3.0], [0.0, np.nan]])
    objectives = to_objectives(values, metrics)
    np.testing.assert_array_equal(objectives, [[-90.0, 3.0], [0.0, np.nan]])
    assert not np.signbit(objectives[1, 0])
    np.testing.assert_array_equal(from_objectives(objectives, metrics), values)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(ArrayError, match=r"must have shape \(n, 1\).*\(2, 2\)"):
        to_objectives(np.zeros((2, 2)), [parse_metric("params")])


def test_every_quantity_carries_its_unit_in_its_name_or_counts() -> None:
    for quantity in QUANTITIES.values():
        suffix = {"%": "_percent", "ms": "_ms", "mJ": "_mj", "s": "_seconds", "1": ""}[
            quantity.unit
        ]
        assert quantity.name.endswith(suffix)
