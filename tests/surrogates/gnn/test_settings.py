"""Settings of the graph network: every range is checked, steps grow with rows."""

import pytest

from surrogates import get_surrogate
from surrogates.errors import SettingsError
from surrogates.gnn.settings import GcnSettings, GraphTransformerSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("width", 8.0),
        ("n_layers", 0),
        ("dropout", 1.0),
        ("n_members", 0),
        ("rank_share", -0.1),
        ("squared_error_weight", -1.0),
        ("ranking_weight", float("nan")),
        ("ranking_temperature", 0.0),
        ("n_steps", 0),
        ("n_steps", 10.5),
        ("n_steps", True),
        ("finetune_steps", 0),
        ("finetune_steps", "3"),
        ("weight_decay", False),
        ("batch_size", 1),
        ("learning_rate", "fast"),
        ("weight_decay", -1.0),
        ("average_decay", 1.0),
        ("vocabulary_size", 256),
    ],
)
def test_a_setting_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"`{name}` must .*, but got {value!r}"):
        GcnSettings(**{name: value})  # type: ignore[arg-type]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'gcn' are wrong.*n_layrs"):
        get_surrogate("gcn", n_layrs=3)


def test_more_rows_get_more_steps_up_to_a_limit() -> None:
    settings = GcnSettings()
    steps = [settings.steps_for(n) for n in (1, 100, 1000, 10**6, 10**7)]
    assert steps == sorted(steps)
    assert steps[0] < steps[2] < steps[3] == steps[4]
    assert GcnSettings(n_steps=7).steps_for(10**6) == 7


def test_a_network_must_learn_from_something() -> None:
    with pytest.raises(SettingsError, match="must be positive, but both are 0"):
        GcnSettings(squared_error_weight=0.0, ranking_weight=0.0)


def test_heads_must_share_the_width() -> None:
    with pytest.raises(SettingsError, match=r"`width` must be a multiple of 4.*got 30"):
        GraphTransformerSettings(width=30)


def test_finetuning_takes_fewer_and_smaller_steps() -> None:
    settings = GcnSettings()
    for n in (16, 200, 1000):
        tuned = settings.for_finetuning(n)
        assert tuned.steps_for(n) < settings.steps_for(n)
        assert tuned.learning_rate < settings.learning_rate
    assert GcnSettings(finetune_steps=7).for_finetuning(1000).steps_for(1000) == 7
