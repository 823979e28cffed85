import pytest

from search_spaces.errors import InvalidArchitectureError
from search_spaces.settings_text import format_settings, parse_settings


def test_json_and_python_spelling_read_alike() -> None:
    settings = {"d": [1, 2], "r": 3}
    for string in (format_settings(settings), str(settings), "{'r': 3, 'd': (1, 2)}"):
        assert parse_settings(string, ("d", "r")) == settings


def test_aliases_are_other_names_of_a_key() -> None:
    assert parse_settings('{"size": 3}', ("r",), {"size": "r"}) == {"r": 3}
    with pytest.raises(InvalidArchitectureError, match="must have the keys r, but got"):
        parse_settings('{"size": 3, "r": 3}', ("r",), {"size": "r"})


@pytest.mark.parametrize(
    "string", ["", "[1]", "{", "7", "{'r': __import__('os')}", "\x00", '{"r": 1, "r": 2}']
)
def test_what_is_no_dictionary_is_refused(string: str) -> None:
    with pytest.raises(InvalidArchitectureError, match="must be a dictionary such as"):
        parse_settings(string, ("r",))


def test_deep_nesting_and_long_text_are_refused() -> None:
    with pytest.raises(InvalidArchitectureError, match="must be a dictionary"):
        parse_settings("[" * 90_000, ("r",))
    with pytest.raises(InvalidArchitectureError, match="at most 100000 characters"):
        parse_settings("1" * 100_001, ("r",))
