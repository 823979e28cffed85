"""The configuration of a search run, and the default one that the package ships.

Everything that decides a result stands here: a run folder stores the resolved configuration, and
a run resumes only under an equal one.
"""

import dataclasses
import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nas_rlm.budget import Budget
from nas_rlm.config_reader import Settings, from_mapping, not_stored, read_toml, to_mapping
from nas_rlm.errors import BudgetError, ConfigError, UnknownMetricError, suggest
from nas_rlm.measure.protocol import Protocol
from nas_rlm.metrics import METRICS, Direction, Metric, MetricRegistry
from nas_rlm.seeding import MAX_SEED

DEFAULT_SEARCH_CONFIG = "search_nasbench201.toml"
"""File name of the shipped configuration of the main job."""

STARTS = ("scratch", "pretrained")
"""What training of the surrogate may start from: random weights, or the shipped checkpoint."""

_SUBTABLES = ("surrogate", "measure")


@dataclasses.dataclass(frozen=True)
class SurrogateConfig:
    """Which surrogate predicts the metrics."""

    name: str = "rlm"
    settings: Settings = dataclasses.field(default_factory=dict)
    """Keyword arguments of the surrogate; it checks them itself."""
    start: str = "scratch"
    """One of `STARTS`. The shipped checkpoint is fine-tuned, with the settings that it has; it may
    have learned published labels of the space."""

    def __post_init__(self) -> None:
        _require_text("name", self.name)
        if self.start not in STARTS:
            message = f"`start` must be one of {', '.join(STARTS)}, but got {self.start!r}."
            raise ConfigError(message)
        if self.settings and self.is_pretrained:
            message = (
                "`settings` must be empty where `start` is 'pretrained', since the shipped "
                f"checkpoint has its own, but got {', '.join(self.settings)}."
            )
            raise ConfigError(message)

    @property
    def is_pretrained(self) -> bool:
        """Whether training starts from the shipped checkpoint."""
        return self.start == "pretrained"

    @property
    def title(self) -> str:
        """How a report names the surrogate."""
        return f"{self.name}, from the shipped checkpoint" if self.is_pretrained else self.name


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """One search: label some architectures, train a surrogate, walk, check the front.

    In TOML the plain fields stand in the table ``[search]``, the other two in ``[surrogate]`` and
    ``[measure]``.
    """

    space: str
    """Name of the search space, as `nas-rlm spaces` lists it."""
    maximize: tuple[str, ...] = ()
    """Metrics that should be large."""
    minimize: tuple[str, ...] = ()
    """Metrics that should be small."""
    budgets: tuple[str, ...] = ()
    """Limits such as ``latency_ms/local<=3`` that every architecture of the front must meet."""
    trials: int = 2000
    """Candidates that the search proposes and predicts."""
    train_architectures: int = 500
    """Architectures that are labelled and trained on."""
    measure_architectures: int = 60
    """How many of those are measured on this machine for the latency labels."""
    check_architectures: int = 20
    """Most architectures of the predicted front that are checked against the truth."""
    population_size: int = 100
    """Candidates of one generation of the inner search, and proposed at once."""
    seed: int = 0
    """Seed of everything random in the run."""
    devices: tuple[str, ...] = ()
    """Devices beyond the published ones that a ``latency_ms`` metric may name."""
    run_folder: str = not_stored("runs/search")
    """Folder that the run writes to; not part of what it computes."""
    surrogate: SurrogateConfig = dataclasses.field(default_factory=SurrogateConfig)
    measure: Protocol = dataclasses.field(default_factory=Protocol)
    """How latencies are taken on this machine."""

    def __post_init__(self) -> None:
        _require_text("space", self.space)
        _require_text("run_folder", self.run_folder)
        _require_range("trials", self.trials, 1, 10_000_000)
        _require_range("train_architectures", self.train_architectures, 2, 10_000_000)
        _require_range("measure_architectures", self.measure_architectures, 0, 10_000_000)
        _require_range("check_architectures", self.check_architectures, 1, 100_000)
        _require_range("population_size", self.population_size, 2, 1_000_000)
        _require_range("seed", self.seed, 0, MAX_SEED)
        if self.measure_architectures > self.train_architectures:
            message = (
                "`measure_architectures` must not exceed `train_architectures`, since the "
                f"measured ones are among them, but got {self.measure_architectures} of "
                f"{self.train_architectures}."
            )
            raise ConfigError(message)
        self._check_metrics()

    @property
    def registry(self) -> MetricRegistry:
        """The metrics that may be named."""
        return METRICS.with_devices(*self.devices)

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The metrics that are optimized: first those to maximize, then those to minimize."""
        return tuple(self.registry.parse(name) for name in (*self.maximize, *self.minimize))

    @property
    def parsed_budgets(self) -> tuple[Budget, ...]:
        """The budgets, read."""
        return tuple(Budget.parse(budget, self.registry) for budget in self.budgets)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that must be predicted: the objectives, then those only budgeted."""
        budgeted = (budget.metric for budget in self.parsed_budgets)
        return tuple(dict.fromkeys((*self.objectives, *budgeted)))

    def replace(self, **changes: object) -> Self:
        """Return a copy with other values, checked again.

        Args:
            **changes: Field name to value; a value of None means "as it is", so that command line
                options which were not given can be passed straight on.

        Raises:
            ConfigError: If a field is unknown or a value is refused.
        """
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                message = f"Unknown option {name!r}. {suggest(name, known, kind='options')}"
                raise ConfigError(message)
        given = {name: value for name, value in changes.items() if value is not None}
        return dataclasses.replace(self, **given)  # type: ignore[arg-type]

    def to_mapping(self) -> dict[str, Any]:
        """Return the tables that a run folder stores, with every default filled in."""
        return to_mapping(self)

    def _check_metrics(self) -> None:
        """Check names, directions and repetitions of objectives and budgets."""
        try:
            objectives, _ = self.objectives, self.parsed_budgets
        except (UnknownMetricError, BudgetError) as error:
            raise ConfigError(str(error)) from error
        if not objectives:
            message = (
                "At least one metric must stand in `maximize` or `minimize`, but both are empty."
            )
            raise ConfigError(message)
        names = [metric.name for metric in objectives]
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            message = f"Each metric may be an objective once, but {repeated[0]!r} is named again."
            raise ConfigError(message)
        for names_given, wanted in (
            (self.maximize, Direction.MAXIMIZE),
            (self.minimize, Direction.MINIMIZE),
        ):
            for name in names_given:
                actual = self.registry.parse(name).direction
                if actual is not wanted:
                    message = (
                        f"Metric {name!r} is one to {actual.value}, but stands in "
                        f"`{wanted.value}`. Move it to `{actual.value}`."
                    )
                    raise ConfigError(message)


def read_search_config(path: Path) -> SearchConfig:
    """Read the configuration of a search from a TOML file.

    Args:
        path: The file; see `SearchConfig` for its tables.

    Returns:
        The configuration.

    Raises:
        ConfigError: If the file cannot be read, a table or key is unknown or missing, or a value
            is refused.
    """
    return _from_tables(read_toml(path), path.name)


def default_search_config() -> SearchConfig:
    """Return the shipped configuration of the main job, `DEFAULT_SEARCH_CONFIG`."""
    source = importlib.resources.files("nas_rlm") / "configs" / DEFAULT_SEARCH_CONFIG
    with importlib.resources.as_file(source) as path:
        return read_search_config(path)


def stored_search_config(mapping: Mapping[str, Any]) -> SearchConfig:
    """Build a configuration from what `SearchConfig.to_mapping` gave.

    Raises:
        ConfigError: If a key is unknown or missing, or a value is refused.
    """
    return from_mapping(SearchConfig, mapping, "config.json")


def _from_tables(tables: Mapping[str, Any], where: str) -> SearchConfig:
    """Join the three tables of a TOML file."""
    known = ("search", *_SUBTABLES)
    for name in tables:
        if name not in known:
            message = f"{where}: unknown table [{name}]. {suggest(name, known, kind='tables')}"
            raise ConfigError(message)
    search = tables.get("search")
    if not isinstance(search, Mapping):
        message = (
            f"{where}: the table [search] is missing; it names at least `space` and a metric."
        )
        raise ConfigError(message)
    for name in _SUBTABLES:
        if name in search:
            message = f"{where}: [search.{name}] is not read; write it as the table [{name}]."
            raise ConfigError(message)
    joined = {**search, **{name: tables[name] for name in _SUBTABLES if name in tables}}
    return from_mapping(SearchConfig, joined, where)


def _require_text(name: str, value: str) -> None:
    """Check that a string is not empty."""
    if not value.strip():
        message = f"`{name}` must not be empty, but got {value!r}."
        raise ConfigError(message)


def _require_range(name: str, value: float, low: float, high: float) -> None:
    """Check that a number lies between two bounds, both included."""
    if isinstance(value, bool) or not low <= value <= high:
        message = f"`{name}` must be from {low} to {high}, but got {value!r}."
        raise ConfigError(message)
