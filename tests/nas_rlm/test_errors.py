"""Errors: suggestions, what they carry, and that they survive a process boundary."""

import copy

import pytest

from nas_rlm import errors
from nas_rlm.errors import NasRlmError, RunFolderBusyError, UnstableLatencyError, suggest

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, NasRlmError)
]


def test_a_near_match_comes_first() -> None:
    hint = suggest("latency", ["latency_ms", "params"], kind="metrics")
    assert hint == "Did you mean 'latency_ms'? Known metrics: latency_ms, params."


def test_a_long_list_is_left_out_when_something_is_near() -> None:
    names = [f"name{number}" for number in range(50)]
    assert "Known" not in suggest("name12x", names)


def test_a_long_list_is_cut_when_nothing_is_near() -> None:
    hint = suggest("zzz", [f"name{number:02}" for number in range(50)], limit=3)
    assert hint == "Known names: name00, name01, name02, ...."


def test_no_choices_are_said_to_be_none() -> None:
    assert suggest("x", []) == "Known names: none."


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_the_message_is_printed_as_written(error: type[NasRlmError]) -> None:
    assert str(error("One 'clear' sentence.")) == "One 'clear' sentence."


def test_samples_survive_a_copy() -> None:
    """`copy` rebuilds an exception as a process pool does."""
    error = copy.copy(UnstableLatencyError("unstable", [1.0, 2.0]))
    assert error.samples_ms == (1.0, 2.0)
    assert str(error) == "unstable"


def test_a_busy_run_folder_is_an_operating_system_error() -> None:
    assert issubclass(RunFolderBusyError, OSError)
