"""Checks of single settings, which every class of settings shares."""

from __future__ import annotations

import math

from surrogates.errors import SettingsError


def check_range(name: str, value: object, low: float, high: float = math.inf) -> None:
    """Check a number; a whole lower limit asks for a whole number.

    Args:
        name: Of the setting.
        value: Of the setting; true and false are no numbers.
        low: Least that it may be.
        high: Most that it may be; without it whole numbers have no upper limit.

    Raises:
        SettingsError: If the value has another type or lies outside [low, high].
    """
    is_whole = isinstance(low, int)
    kind = int if is_whole else (int, float)
    if isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high:
        return
    limits = f"in [{low}, {high}]" if high < math.inf else f"of at least {low}"
    what = "be a whole number" if is_whole else "lie"
    raise SettingsError(f"`{name}` must {what} {limits}, but got {value!r}.")


def check_flag(name: str, value: object) -> None:
    """Check what is either true or false.

    Raises:
        SettingsError: If it is anything else, such as a number or a word.
    """
    if not isinstance(value, bool):
        raise SettingsError(f"`{name}` must be true or false, but got {value!r}.")
