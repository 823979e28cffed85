"""A device of the user's own."""

from pathlib import Path

import numpy as np
import pytest

from nas_rlm.dataset import Dataset
from nas_rlm.errors import RunFolderError
from nas_rlm.new_device import add_device
from surrogates import Surrogate, get_surrogate, load_surrogate
from surrogates.extended import ExtendedSurrogate
from tests.surrogates.conftest import conv_chain

NEW = "latency_ms/new"
TEXTS = tuple(conv_chain(n_convs, kernel) for n_convs in (1, 2, 3, 4) for kernel in (1, 3, 5))
KNOWN = np.arange(1.0, 13.0)


@pytest.fixture
def start() -> Surrogate:
    """It knows one device by heart."""
    return get_surrogate("memorizer").fit(TEXTS, [{"latency_ms/old": v} for v in KNOWN.tolist()])


def rows(values: np.ndarray) -> Dataset:
    return Dataset(TEXTS[: len(values)], tuple({NEW: value} for value in values.tolist()))


def test_errors_are_those_of_rows_left_out(start: Surrogate, tmp_path: Path) -> None:
    values = 20.0 * KNOWN * np.where(np.arange(12) % 2, 1.1, 0.9)
    report = add_device(rows(values), "new", start, tmp_path / "model")
    extended = load_surrogate(tmp_path / "model")
    assert isinstance(extended, ExtendedSurrogate)
    left_out = extended.left_out(NEW, TEXTS, values)
    errors = sorted(abs(left_out / values - 1.0))
    assert report.left_out_error_percent == pytest.approx(50.0 * (errors[5] + errors[6]))
    assert 5.0 < report.left_out_error_percent < 30.0
    assert 0.7 < report.left_out_kendall_tau < 1.0
    assert report.nearest is not None
    assert report.nearest.metric == "latency_ms/old"


def test_other_metrics_and_rows_without_a_latency_are_not_read(
    start: Surrogate, tmp_path: Path
) -> None:
    data = rows(KNOWN)
    labels = [{**label, "latency_ms/third": 1.0} for label in data.labels]
    del labels[0][NEW]
    report = add_device(Dataset(TEXTS, tuple(labels)), "new", start, tmp_path / "model")
    assert report.latencies.rows == 11
    assert load_surrogate(tmp_path / "model").metrics == ("latency_ms/old", NEW)


def test_a_latency_of_zero_has_no_error_in_percent(start: Surrogate, tmp_path: Path) -> None:
    report = add_device(rows(KNOWN - 1.0), "new", start, tmp_path / "model")
    assert np.isfinite(report.left_out_error_percent)


def test_a_folder_that_holds_something_is_left_alone(start: Surrogate, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="exists already"):
        add_device(rows(KNOWN), "new", start, tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["mine.txt"]
