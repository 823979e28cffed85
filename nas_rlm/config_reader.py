"""Reading frozen dataclasses from TOML and JSON: unknown keys, wrong types and ranges are errors.

A configuration is a frozen dataclass whose fields are booleans, integers, floats, strings, tuples
of strings, a table of scalars (`Settings`) or another such dataclass, which is a TOML table of
its own. Ranges are checked by the dataclass in ``__post_init__``. A field with the metadata
``{"stored": False}`` says where a run lives and not what it computes, so `to_mapping` leaves it out.
"""

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from nas_rlm.errors import ConfigError, suggest

Scalar = bool | int | float | str
Settings = Mapping[str, Scalar]
"""Settings that another package checks, such as those of a surrogate."""

ConfigT = TypeVar("ConfigT")

_NOT_STORED = {"stored": False}


def not_stored(default: Any) -> Any:
    """Declare a field that does not belong into the stored configuration.

    Args:
        default: The field's default.

    Returns:
        What `dataclasses.field` returns.
    """
    return dataclasses.field(default=default, metadata=_NOT_STORED)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: The file.

    Returns:
        Its tables.

    Raises:
        ConfigError: If the file cannot be read or is not TOML; the message names file and line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"Configuration file {str(path)!r} cannot be read: {reason}."
        raise ConfigError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path.name}: is not TOML: {error}."
        raise ConfigError(message) from error


def from_mapping(config_type: type[ConfigT], mapping: object, where: str) -> ConfigT:
    """Build a configuration from nested tables.

    Args:
        config_type: A frozen dataclass, see the module.
        mapping: Field name to value; fields with a default may be absent.
        where: What messages begin with, e.g. ``"search.toml [search]"``.

    Returns:
        The configuration.

    Raises:
        ConfigError: If a key is unknown or missing, a value has another type, or the dataclass
            refuses it.
    """
    table = _as_table(mapping, where)
    fields = {field.name: field for field in dataclasses.fields(typing.cast("Any", config_type))}
    hints = typing.get_type_hints(config_type)
    arguments: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            message = f"{where}: unknown key {key!r}. {suggest(key, fields, kind='keys')}"
            raise ConfigError(message)
        arguments[key] = _converted(hints[key], value, f"{where}: {key!r}")
    missing = [
        name
        for name, field in fields.items()
        if name not in arguments
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        message = f"{where}: missing key {missing[0]!r}; add it."
        raise ConfigError(message)
    try:
        return config_type(**arguments)
    except ConfigError as error:
        message = f"{where}: {error}"
        raise ConfigError(message) from error


def to_mapping(config: object) -> dict[str, Any]:
    """Turn a configuration into tables of JSON values; the inverse of `from_mapping`.

    Args:
        config: An instance of a dataclass as described in the module.

    Returns:
        Field name to value, nested tables as dictionaries, tuples as lists, without the fields
        that are not stored.
    """
    result: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast("Any", config)):
        if field.metadata.get("stored", True):
            result[field.name] = _plain(getattr(config, field.name))
    return result


def differing_keys(first: object, second: object, prefix: str = "") -> list[str]:
    """List the dotted keys in which two nested tables differ.

    Args:
        first: A table, as `to_mapping` or `json` gives it.
        second: Another.
        prefix: Put before every key.

    Returns:
        Sorted keys such as ``surrogate.name``; empty if the tables are equal.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        keys: list[str] = []
        for key in sorted({*first, *second}):
            name = f"{prefix}{key}"
            if key not in first or key not in second:
                keys.append(name)
            else:
                keys.extend(differing_keys(first[key], second[key], f"{name}."))
        return keys
    return [] if first == second else [prefix.rstrip(".")]


def _plain(value: object) -> object:
    """JSON form of one field."""
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _as_table(value: object, where: str) -> Mapping[str, object]:
    """The value as a table with string keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        message = f"{where} must be a table of keys and values, but got {value!r}."
        raise ConfigError(message)
    return value


def _converted(hint: Any, value: object, where: str) -> object:
    """The value as the annotated type; nothing is coerced but an integer to a float."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in typing.get_args(hint):
        if value is None:
            return None
        inner = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        return _converted(inner[0], value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_mapping(hint, value, where.replace(": '", " [").removesuffix("'") + "]")
    if origin is tuple:
        return _string_tuple(value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _scalar_table(value, where)
    return _scalar(hint, value, where)


def _string_tuple(value: object, where: str) -> tuple[str, ...]:
    """A list of strings; one bare string is refused, since it would be taken letter by letter."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        message = f"{where} must be a list of strings, but got {value!r}."
        raise ConfigError(message)
    return tuple(value)


def _scalar_table(value: object, where: str) -> dict[str, Scalar]:
    """A table whose values are booleans, numbers or strings."""
    table = _as_table(value, where)
    for key, item in table.items():
        if not isinstance(item, bool | int | float | str):
            message = f"{where}: {key!r} must be a boolean, number or string, but got {item!r}."
            raise ConfigError(message)
    return typing.cast("dict[str, Scalar]", dict(table))


def _scalar(hint: type, value: object, where: str) -> Scalar:
    """One boolean, integer, float or string."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        names = {
            bool: "true or false",
            int: "an integer",
            float: "a finite number",
            str: "a string",
        }
        message = f"{where} must be {names[hint]}, but got {value!r}."
        raise ConfigError(message)
    return typing.cast("Scalar", value)
