"""Architectures that are published as a dictionary of settings: ``{"ks": [...], "d": [...]}``."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from search_spaces.errors import InvalidArchitectureError

__all__ = ["format_settings", "parse_settings"]

_MAX_CHARACTERS = 100_000


def parse_settings(
    string: str, keys: Collection[str], aliases: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Read a dictionary written as JSON or as Python prints it.

    Args:
        string: The dictionary.
        keys: The keys it must have, and no others.
        aliases: Other spellings of keys.

    Returns:
        The values by key; their types are not checked.

    Raises:
        InvalidArchitectureError: If it does not parse, or a key is missing, unknown or doubled.
    """
    if len(string) > _MAX_CHARACTERS:
        raise InvalidArchitectureError(
            f"Settings must be at most {_MAX_CHARACTERS} characters long, but got {len(string)}."
        )
    text = string.replace("'", '"').replace("(", "[").replace(")", "]")
    try:
        values = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise InvalidArchitectureError(
            f"Settings must be a dictionary such as {_example(keys)}, but got {string[:200]!r}."
        ) from error
    if not isinstance(values, dict):
        raise InvalidArchitectureError(
            f"Settings must be a dictionary such as {_example(keys)}, but got {string[:200]!r}."
        )
    named = [((aliases or {}).get(key, key), value) for key, value in values.items()]
    found = sorted(key for key, _ in named)
    if found != sorted(keys):
        raise InvalidArchitectureError(
            f"Settings must have the keys {', '.join(keys)}, but got {', '.join(found)[:200]!r}."
        )
    return dict(named)


def format_settings(settings: Mapping[str, Any]) -> str:
    """Write a dictionary of settings as JSON on one line."""
    return json.dumps(settings)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of its pairs.

    Raises:
        ValueError: If a key is doubled, of which JSON would take the last value.
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key is doubled among {[key for key, _ in pairs]}")
    return values


def _example(keys: Collection[str]) -> str:
    """Show the keys."""
    return "{" + ", ".join(f'"{key}": ...' for key in keys) + "}"
