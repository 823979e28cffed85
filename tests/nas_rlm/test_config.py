"""The search configuration: the shipped one, its rules, and changes from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from nas_rlm.config import (
    SearchConfig,
    SurrogateConfig,
    default_search_config,
    read_search_config,
    stored_search_config,
)
from nas_rlm.errors import ConfigError
from nas_rlm.measure.protocol import Protocol

MINIMAL: dict[str, Any] = {"space": "nasbench201", "minimize": ("latency_ms/local",)}


def test_the_shipped_configuration_is_the_main_job() -> None:
    config = default_search_config()
    assert config.space == "nasbench201"
    assert [metric.name for metric in config.objectives] == [
        "accuracy_percent/cifar10",
        "latency_ms/local",
    ]
    assert (config.trials, config.train_architectures, config.measure_architectures) == (
        2000,
        500,
        60,
    )
    assert config.surrogate.name == "rlm"
    assert config.budgets == ()


def test_the_shipped_file_says_what_the_code_defaults_to() -> None:
    shipped = default_search_config()
    by_code = SearchConfig(
        space="nasbench201", maximize=shipped.maximize, minimize=shipped.minimize
    )
    assert shipped == by_code


def test_a_configuration_survives_the_run_folder() -> None:
    config = SearchConfig(
        **MINIMAL,
        budgets=("params<=1e6",),
        devices=("pixel9",),
        seed=7,
        measure=Protocol(rounds=5),
    )
    again = stored_search_config(json.loads(json.dumps(config.to_mapping())))
    assert again == config
    assert again.to_mapping() == config.to_mapping()


def test_where_a_run_lives_is_not_stored() -> None:
    assert "run_folder" not in SearchConfig(**MINIMAL, run_folder="elsewhere").to_mapping()


def test_metrics_are_objectives_then_budgeted_ones() -> None:
    config = SearchConfig(**MINIMAL, budgets=("params<=1e6", "latency_ms/local<=3"))
    assert [metric.name for metric in config.metrics] == ["latency_ms/local", "params"]
    assert [str(budget) for budget in config.parsed_budgets] == [
        "params<=1000000",
        "latency_ms/local<=3",
    ]


def test_a_users_device_can_be_an_objective() -> None:
    config = SearchConfig(space="s", minimize=("latency_ms/pixel9",), devices=("pixel9",))
    assert config.objectives[0].target == "pixel9"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": " "}, "`space` must not be empty"),
        ({"minimize": ()}, "At least one metric must stand in `maximize` or `minimize`"),
        ({"minimize": ("latency_ms/pixel33",)}, "Unknown device 'pixel33'"),
        ({"budgets": ("latency_ms/local",)}, "A budget is a metric"),
        ({"maximize": ("latency_ms/local",), "minimize": ()}, "Move it to `minimize`"),
        ({"minimize": ("accuracy_percent/cifar10",)}, "Move it to `maximize`"),
        ({"minimize": ("params", "params")}, "'params' is named again"),
        ({"trials": 0}, "`trials` must be from 1 to"),
        ({"trials": True}, "`trials` must be from 1 to .* got True"),
        ({"seed": -1}, "`seed` must be from 0"),
        ({"population_size": 1}, "`population_size` must be from 2"),
        ({"check_architectures": 0}, "`check_architectures` must be from 1"),
        ({"train_architectures": 1}, "`train_architectures` must be from 2"),
        ({"train_architectures": 50}, "60 of 50"),
        ({"run_folder": ""}, "`run_folder` must not be empty"),
        ({"devices": ("Pixel 9",)}, "lower-case letters"),
    ],
)
def test_a_rule_is_enforced(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig(**{**MINIMAL, **changes})


def test_a_start_has_a_name_and_its_own_settings() -> None:
    with pytest.raises(ConfigError, match="`start` must be one of scratch, pretrained"):
        SurrogateConfig(start="zero")
    with pytest.raises(ConfigError, match=r"`settings` must be empty .* but got width"):
        SurrogateConfig(settings={"width": 8}, start="pretrained")
    assert SurrogateConfig(start="pretrained").title == "rlm, from the shipped checkpoint"
    assert SurrogateConfig().title == "rlm"


def test_replace_leaves_out_what_was_not_given() -> None:
    config = SearchConfig(**MINIMAL)
    changed = config.replace(trials=10, seed=None)
    assert (changed.trials, changed.seed) == (10, config.seed)
    assert changed.replace(trials=config.trials) == config


def test_replace_checks_again() -> None:
    with pytest.raises(ConfigError, match="`trials` must be from 1"):
        SearchConfig(**MINIMAL).replace(trials=0)
    with pytest.raises(ConfigError, match=r"Unknown option 'trails'. Did you mean 'trials'"):
        SearchConfig(**MINIMAL).replace(trails=1)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "search.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_tables_are_joined(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[search]\nspace = "nasbench201"\nminimize = ["params"]\n'
        '[surrogate]\nname = "gcn"\nstart = "scratch"\n[surrogate.settings]\nwidth = 32\n[measure]\nthreads = 2\n',
    )
    config = read_search_config(path)
    assert config.surrogate.name == "gcn"
    assert config.surrogate.settings == {"width": 32}
    assert config.measure.threads == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serach]\n", r"search.toml: unknown table \[serach\]. Did you mean 'search'"),
        ("", r"the table \[search\] is missing"),
        ('[search]\nspace = "x"\npopluation_size = 3\n', "Did you mean 'population_size'"),
        ('[search]\nspace = "x"\n[search.measure]\n', r"write it as the table \[measure\]"),
        ('[search]\nminimize = ["params"]\n', "missing key 'space'"),
        (
            '[search]\nspace = "x"\nminimize = ["params"]\n[measure]\nthreads = 0\n',
            r"search.toml \[measure\]: `threads` must be from 1 to 1024, but got 0",
        ),
        (
            '[search]\nspace = "x"\nminimize = ["params"]\n[measure]\nthread = 1\n',
            r"\[measure\]: unknown key 'thread'. Did you mean 'threads'",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_search_config(write(tmp_path, text))
