"""How commands fail."""

import pytest
import typer

from nas_rlm.cli.failures import is_interrupt, one_line, reported
from nas_rlm.errors import ConfigError, NasRlmError
from search_spaces.errors import SearchSpaceError
from surrogates.errors import SurrogateError


@pytest.mark.parametrize("error", [NasRlmError, SearchSpaceError, SurrogateError, ConfigError])
def test_foreseen_errors_are_one_line_and_status_2(
    error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    @reported
    def rank() -> None:
        raise error("Some rule\nmust hold,   but got 3.")

    with pytest.raises(typer.Exit) as stop:
        rank()
    assert stop.value.exit_code == 2
    assert capsys.readouterr().err == "nas-rlm rank: Some rule must hold, but got 3.\n"


def test_a_defect_keeps_its_traceback() -> None:
    @reported
    def rank() -> None:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError, match="a defect"):
        rank()


def test_interrupt_is_status_130_and_prints_how_to_resume(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @reported
    def search() -> None:
        error = KeyboardInterrupt()
        error.add_note("Resume with --resume.")
        raise error

    with pytest.raises(typer.Exit) as stop:
        search()
    assert stop.value.exit_code == 130
    assert capsys.readouterr().err == "nas-rlm search: interrupted. Resume with --resume.\n"


def test_interrupt_without_a_note_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    @reported
    def measure() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit):
        measure()
    assert "run it again" in capsys.readouterr().err


def test_the_result_passes_through() -> None:
    assert reported(abs)(-3) == 3


def test_an_error_without_a_message_is_named() -> None:
    assert one_line(NasRlmError()) == "NasRlmError"


def test_an_import_that_was_interrupted_is_an_interrupt() -> None:
    def loading_module() -> None:
        raise KeyboardInterrupt

    @reported
    def search() -> None:
        try:
            loading_module()
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    with pytest.raises(typer.Exit) as stop:
        search()
    assert stop.value.exit_code == 130


def test_an_error_alone_is_no_interrupt() -> None:
    assert not is_interrupt(ImportError())
    assert is_interrupt(KeyboardInterrupt())
