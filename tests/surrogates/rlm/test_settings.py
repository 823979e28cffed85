"""Settings refuse what cannot work, and survive JSON."""

import json

import pytest

from surrogates.errors import SettingsError
from surrogates.rlm.settings import RlmSettings, RowLabels


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("encoder", "dataflwo", r"one of \['dataflow'.*'dataflwo'"),
        ("head", "digit", r"one of \['digits'.*'digit'"),
        ("positions", "sine", "one of"),
        ("label_scale", "squared", r"one of \['log', 'normalised', 'raw'\]"),
        ("context_length", 0, r"whole number in \[1, 1000000\], but got 0"),
        ("trainable_layers", -1, "at least 0"),
        ("width", 60, "multiple of 8"),
        ("width", "64", r"whole number in \[8, 4096\], but got '64'"),
        ("width", 64.0, r"whole number in .* got 64\.0"),
        ("width", [64], r"whole number in .* got \[64\]"),
        ("encoder", ["dataflow"], r"one of .* got \['dataflow'\]"),
        ("n_digits", 0, r"whole number in \[1, 4\], but got 0"),
        ("n_digits", 1.5, r"whole number in .* got 1\.5"),
        ("vocabulary_size", 300.5, r"whole number in .* got 300\.5"),
        ("dropout", True, "must lie in .* got True"),
        ("has_counts", "false", "must be true or false, but got 'false'"),
        ("truncate", 1, "must be true or false, but got 1"),
        ("t5gemma_source", 3, "must be a folder or hub name, but got 3"),
        ("label_width", float("nan"), "must lie in"),
        ("context_rate", 1.5, "must lie in"),
        ("n_steps", 0, "at least 1"),
        ("n_members", 0, "at least 1"),
        ("n_members", 1.5, "at least 1"),
        ("metrics_per_step", 0, "at least 1"),
        ("batch_size", 1, "at least 2"),
        ("n_members", None, "at least 1, but got None"),
        ("batch_size", None, "at least 2, but got None"),
    ],
)
def test_out_of_range_is_refused(name: str, value: object, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule):
        RlmSettings(**{name: value})  # type: ignore[arg-type]


def test_json_and_back_is_equal() -> None:
    settings = RlmSettings(width=32, n_steps=7, dropout=0.25)
    assert RlmSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_settings_of_older_checkpoints_are_read() -> None:
    older = {**RlmSettings().to_json(), "keeps_source_rows": False, "n_members": None}
    assert RlmSettings.from_json(older) == RlmSettings()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"\['widht'\]"):
        RlmSettings.from_json({"widht": 32})


def labels(n_rows: int, n_together: float = 1, n_known: float | None = None) -> RowLabels:
    return RowLabels(n_rows, n_together, n_together if n_known is None else n_known)


def test_more_rows_get_more_steps_up_to_a_limit() -> None:
    steps = [RlmSettings().for_training(labels(n)).n_steps for n in (10, 100, 1000, 10**6)]
    assert steps == [157, 220, 850, 2000]
    tuned = [RlmSettings().for_finetuning(labels(n)).n_steps for n in (10, 1000, 10**6)]
    assert tuned == [107, 800, 2000]


def test_networks_and_rows_of_a_step_do_not_depend_on_the_number_of_rows() -> None:
    schedules = {RlmSettings().for_training(labels(n)).schedule for n in (10, 1000)}
    assert {schedule._replace(n_steps=0) for schedule in schedules} == {(3, 0, 32)}
    assert RlmSettings(batch_size=64).for_finetuning(labels(1000)).batch_size == 32


@pytest.mark.parametrize(
    ("n_together", "n_known", "in_step", "n_steps"),
    [
        (1, 1, 2, 850),
        (2, 2, 2, 850),
        (3, 3, 2, 1275),
        (5, 5, 2, 2125),
        (17, 17, 2, 2550),
        (5, 2.5, 4, 1062),
        (10, 3, 6, 850),
        (10, 1, 6, 850),
    ],
)
def test_steps_learn_fewer_metrics_where_rows_have_many_labels(
    n_together: float, n_known: float, in_step: int, n_steps: int
) -> None:
    few = labels(1000, n_together, n_known)
    settings = RlmSettings().for_training(few)
    assert (settings.metrics_per_step, settings.n_steps) == (in_step, n_steps)
    tuned = RlmSettings().for_finetuning(few)
    assert tuned.metrics_per_step == in_step
    assert tuned.n_steps == pytest.approx(800 / 850 * n_steps, abs=1)


def test_heads_that_learn_all_metrics_in_every_step_make_as_many_steps_as_for_one() -> None:
    settings = RlmSettings(head="mse").for_training(labels(1000, 5))
    assert (settings.metrics_per_step, settings.n_steps) == (None, 850)


def test_a_schedule_that_was_set_is_kept() -> None:
    settings = RlmSettings(n_steps=5, n_members=4, batch_size=7, metrics_per_step=3)
    for n_rows in (10, 10**6):
        chosen = settings.for_training(labels(n_rows, 5))
        assert chosen.schedule == (4, 5, 7)
        assert chosen.metrics_per_step == 3


def test_rotary_positions_need_pairs() -> None:
    with pytest.raises(SettingsError, match="multiple of 16 for rotary positions, but got 24"):
        RlmSettings(encoder="sequence", width=24)
    assert RlmSettings(encoder="sequence", width=24, positions="learned").width == 24
