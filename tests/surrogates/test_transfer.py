"""Where a metric starts from when a surrogate is trained further."""

import pytest

from surrogates.errors import SettingsError, UnknownMetricError
from surrogates.transfer import starting_metrics

KNOWN = ("accuracy_percent/cifar10", "latency_ms/fpga", "accuracy_percent/imagenet")


def test_a_known_metric_starts_from_itself() -> None:
    assert starting_metrics(KNOWN, [KNOWN[1]]) == {KNOWN[1]: (KNOWN[1],)}


def test_a_new_metric_starts_from_all_of_its_quantity() -> None:
    found = starting_metrics(KNOWN, ["accuracy_percent/svhn", "latency_ms/pixel3"])
    assert list(found) == ["accuracy_percent/svhn", "latency_ms/pixel3"]
    assert found["accuracy_percent/svhn"] == (KNOWN[0], KNOWN[2])
    assert found["latency_ms/pixel3"] == (KNOWN[1],)


def test_without_its_quantity_it_starts_from_all() -> None:
    assert starting_metrics(KNOWN, ["params"]) == {"params": KNOWN}


def test_like_decides() -> None:
    new = "accuracy_percent/svhn"
    assert starting_metrics(KNOWN, [new], {new: "latency_ms/fpga"}) == {new: (KNOWN[1],)}


def test_like_must_fit() -> None:
    with pytest.raises(SettingsError, match=r"new metrics, but 'latency_ms/fpga' is not one"):
        starting_metrics(KNOWN, [KNOWN[1]], {KNOWN[1]: KNOWN[0]})
    with pytest.raises(UnknownMetricError, match="known metric, but got 'macs'"):
        starting_metrics(KNOWN, ["params"], {"params": "macs"})
