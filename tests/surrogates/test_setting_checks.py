"""Single settings: numbers within limits, whole ones where limits are whole, and flags."""

import dataclasses
import math

import numpy as np
import pytest

from surrogates.baselines.settings import GraphGpSettings, GraphTreesSettings
from surrogates.errors import SettingsError
from surrogates.gnn import settings as of_networks
from surrogates.gnn.settings import GcnSettings, NetworkSettings
from surrogates.rlm.settings import RlmSettings
from surrogates.setting_checks import check_flag, check_range

CLASSES = [
    RlmSettings,
    GraphGpSettings,
    GraphTreesSettings,
    *(
        kind
        for kind in vars(of_networks).values()
        if isinstance(kind, type) and issubclass(kind, NetworkSettings)
    ),
]


@pytest.mark.parametrize("value", [1, 3, 5])
def test_whole_numbers_within_limits_are_taken(value: int) -> None:
    check_range("n", value, 1, 5)
    check_range("n", value, 1)


@pytest.mark.parametrize("value", [0.5, 1, 2.5, np.float64(0.75)])
def test_numbers_within_limits_are_taken(value: float) -> None:
    check_range("x", value, 0.5, 2.5)


@pytest.mark.parametrize("value", [0, 6, 3.0, True, "3", None, math.nan, [3]])
def test_what_is_no_whole_number_within_limits_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match=r"^`n` must be a whole number in \[1, 5\], but got "):
        check_range("n", value, 1, 5)


@pytest.mark.parametrize("value", [0.4, 3, True, "1.0", None, math.nan, math.inf])
def test_what_is_no_number_within_limits_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match=r"^`x` must lie in \[0\.5, 2\.5\], but got "):
        check_range("x", value, 0.5, 2.5)


@pytest.mark.parametrize("value", [1, 1.5, False])
def test_without_an_upper_limit_the_least_is_said(value: object) -> None:
    with pytest.raises(
        SettingsError, match=f"`n` must be a whole number of at least 2, but got {value!r}"
    ):
        check_range("n", value, 2)


def test_a_flag_is_true_or_false() -> None:
    for flag in (True, False):
        check_flag("f", flag)
    for other in ("false", 0, 1, None):
        with pytest.raises(SettingsError, match=f"`f` must be true or false, but got {other!r}"):
            check_flag("f", other)


def test_the_list_of_classes_is_not_empty() -> None:
    assert GcnSettings in CLASSES


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind in CLASSES for field in dataclasses.fields(kind)],
    ids=lambda value: value.name if isinstance(value, dataclasses.Field) else value.__name__,
)
def test_no_setting_goes_unchecked(kind: type, field: dataclasses.Field) -> None:  # type: ignore[type-arg]
    wrong: list[object] = [[], {}, 10.5 if isinstance(field.default, int) else b"x"]
    if not isinstance(field.default, bool):
        wrong += [True, False]
    if field.default is None and field.name != "t5gemma_source":
        wrong += [10.5, math.nan, "10"]
    for value in wrong:
        with pytest.raises(SettingsError, match=f"`{field.name}` must"):
            kind(**{field.name: value})
