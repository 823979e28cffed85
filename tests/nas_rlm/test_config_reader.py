"""Reading dataclasses: unknown keys, types, and the way back."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.config_reader import (
    Settings,
    differing_keys,
    from_mapping,
    not_stored,
    read_toml,
    to_mapping,
)
from nas_rlm.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Inner:
    ratio: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    name: str = "x"
    is_on: bool = False
    tags: tuple[str, ...] = ()
    limit: float | None = None
    settings: Settings = dataclasses.field(default_factory=dict)
    inner: Inner = dataclasses.field(default_factory=Inner)
    place: str = not_stored("here")

    def __post_init__(self) -> None:
        if self.count < 0:
            message = f"`count` must be at least 0, but got {self.count}."
            raise ConfigError(message)


FULL: dict[str, Any] = {
    "count": 3,
    "name": "y",
    "is_on": True,
    "tags": ["a", "b"],
    "limit": 1.5,
    "settings": {"width": 64, "rate": 0.1, "mode": "fast", "deep": True},
    "inner": {"ratio": 0.25},
}


def test_a_full_table_survives_json_twice() -> None:
    config = from_mapping(Outer, FULL, "x.toml")
    assert config.tags == ("a", "b")
    assert config.inner == Inner(0.25)
    assert to_mapping(config) == FULL
    again = from_mapping(Outer, json.loads(json.dumps(to_mapping(config))), "x.json")
    assert again == config


def test_defaults_fill_the_rest() -> None:
    assert from_mapping(Outer, {"count": 1}, "x") == Outer(1)


def test_an_integer_is_taken_for_a_float() -> None:
    ratio = from_mapping(Inner, {"ratio": 1}, "x").ratio
    assert ratio == 1.0
    assert type(ratio) is float


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cuont": 1}, r"x.toml: unknown key 'cuont'. Did you mean 'count'"),
        ({"count": "3"}, r"x.toml: 'count' must be an integer, but got '3'"),
        ({"count": True}, r"'count' must be an integer, but got True"),
        ({"count": 3.0}, r"'count' must be an integer, but got 3.0"),
        ({"name": 1}, r"'name' must be a string"),
        ({"is_on": 1}, r"'is_on' must be true or false"),
        ({"tags": "abc"}, r"'tags' must be a list of strings, but got 'abc'"),
        ({"tags": ["a", 1]}, r"'tags' must be a list of strings"),
        ({"limit": float("nan")}, r"'limit' must be a finite number, but got nan"),
        ({"settings": {"a": [1]}}, r"'settings': 'a' must be a boolean, number or string"),
        ({"settings": 3}, r"'settings' must be a table"),
        ({"inner": {"ratoi": 1}}, r"x.toml \[inner\]: unknown key 'ratoi'. Did you mean 'ratio'"),
        ({"inner": 1}, r"x.toml \[inner\] must be a table"),
        ({"count": -1}, r"x.toml: `count` must be at least 0, but got -1"),
    ],
)
def test_a_wrong_value_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(Outer, {**FULL, **changes}, "x.toml")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="missing key 'count'"):
        from_mapping(Outer, {}, "x.toml")


def test_what_is_not_stored_can_be_read() -> None:
    config = from_mapping(Outer, {"count": 1, "place": "there"}, "x")
    assert config.place == "there"
    assert "place" not in to_mapping(config)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_not_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml: is not TOML"):
        read_toml(path)


def test_differing_keys_are_dotted() -> None:
    first = {"a": 1, "b": {"c": [1], "d": 2}, "e": 0}
    second = {"a": 1, "b": {"c": [2], "d": 2}, "f": 0}
    assert differing_keys(first, second) == ["b.c", "e", "f"]
    assert differing_keys(first, first) == []
