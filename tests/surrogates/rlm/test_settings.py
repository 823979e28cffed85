"""Settings refuse what cannot work, and survive JSON."""

import json

import pytest

from surrogates.errors import SettingsError
from surrogates.rlm.settings import RlmSettings


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("width", 60, "multiple of 8"),
        ("width", "64", "must lie in"),
        ("n_digits", 0, "must lie in"),
        ("label_width", float("nan"), "must lie in"),
        ("context_rate", 1.5, "must lie in"),
        ("n_steps", 0, "at least 1"),
    ],
)
def test_out_of_range_is_refused(name: str, value: object, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule):
        RlmSettings(**{name: value})  # type: ignore[arg-type]


def test_json_and_back_is_equal() -> None:
    settings = RlmSettings(width=32, n_steps=7, dropout=0.25)
    assert RlmSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"\['widht'\]"):
        RlmSettings.from_json({"widht": 32})


def test_more_rows_get_more_steps_up_to_a_limit() -> None:
    steps = [RlmSettings().steps_for(n) for n in (10, 100, 1000, 10**6)]
    assert steps == sorted(steps)
    assert steps[0] < steps[2]
    assert RlmSettings(n_steps=5).steps_for(10**6) == 5
