"""What a comparison is: rows, sizes, seeds, methods and scores, fixed before anything is run.

Settings of our methods are chosen on *development* rows, a fixed random fifth of a table that no
protocol ever trains or tests on. A protocol is data; `nas_rlm.comparison.runner` runs any of them.
The protocols themselves are in `nas_rlm.comparison.protocols`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from nas_rlm.comparison.methods import Method, can_finetune
from nas_rlm.errors import ConfigError

DEVELOPMENT_SHARE = 0.2
DEVELOPMENT_SALT = "development"
"""Rows that settings are chosen on; see `nas_rlm.dataset.hold_out`."""

AVERAGE = "average"
"""Column that is the mean of all targets, seed by seed."""
RANK_SCORES = ("kendall_tau", "kendall_tau_unseen", "spearman")


@dataclass(frozen=True)
class Published:
    """Figures of a paper, on its own test rows: they orient and are no part of a comparison."""

    name: str
    """Method, as the paper calls it."""
    source: str
    """Where the figures stand."""
    score: str
    """Which score they are."""
    values: Mapping[tuple[str, int], float]
    """(target, training rows) to figure."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What tables, figures and files need to know of any comparison."""

    name: str
    targets: Mapping[str, str]
    """Column to metric name."""
    sizes: tuple[int, ...]
    """Numbers of training rows."""
    methods: tuple[str, ...]
    """Names, of `own_methods` or any that `nas_rlm.comparison.methods.find_method` knows."""
    own_methods: Mapping[str, Method] = field(default_factory=dict)
    """Methods that mean something of their own here."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    scores: tuple[str, ...] = RANK_SCORES
    """Names of `nas_rlm.comparison.scores.SCORES`."""
    tables: tuple[str, ...] = ("kendall_tau", "kendall_tau_unseen")
    """Scores that are printed."""
    goals: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(column, rows) to what we want of the first of `tables`."""
    published: tuple[Published, ...] = ()
    note: str = ""
    """What a reader must know of the rows, whole sentences."""
    variant: str = ""
    """How this is less than the whole protocol; empty for the whole one."""
    quick_methods: tuple[str, ...] = ()
    """Those of the quick variant; empty for all."""
    has_average: bool = False
    """Whether the mean of all targets is a column too."""

    @property
    def label(self) -> str:
        """Name of the folder of results: those of different variants are never mixed."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Targets, and the average behind them."""
        return (*self.targets, AVERAGE) if self.has_average else tuple(self.targets)

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Targets that share a cell."""
        return tuple((name,) for name in self.targets)

    def has_cell(self, method: Method, n: int) -> bool:
        """Whether a method says anything with n training rows."""
        del method
        return n > 0

    def space_of(self, target: str) -> str:
        """Name of the search space of a target."""
        return target

    def meant(self, method: Method) -> Method:
        """Return what a method that is none of `own_methods` means here."""
        return method


@dataclass(frozen=True, kw_only=True)
class ComparisonProtocol(Comparison):
    """One comparison: train on few rows of a space, test on others.

    With sources, a target is a new device: all rows of the sources and ``n`` rows of the target
    are given, and no test row has a label of any metric.
    """

    space: str
    n_test: int | None = None
    """Test rows; None for all others."""
    is_joint: bool = False
    """Whether all targets are trained and predicted in one cell."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Column to metric name of what is known of other devices."""
    n_source: int = 0
    """Rows of each source."""
    has_own_source_rows: bool = False
    """Whether each source is measured on rows of its own; else all on the same."""
    is_pruned: bool = True
    """Whether texts are canonical. A published latency was taken of the network as its benchmark
    describes it, with operations that nothing needs, so its text must hold them too."""

    def __post_init__(self) -> None:
        """Refuse a protocol that cannot be run."""
        if bool(self.sources) != bool(self.n_source):
            message = (
                f"Protocol {self.name!r} must have both sources and `n_source`, or neither, but "
                f"has {len(self.sources)} and {self.n_source}."
            )
            raise ConfigError(message)
        if set(self.sources.values()) & set(self.targets.values()):
            message = f"A target of {self.name!r} must not be a source too."
            raise ConfigError(message)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that rows must have: targets, then sources."""
        return (*self.targets.values(), *self.sources.values())

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Targets that share a cell."""
        return (tuple(self.targets),) if self.is_joint else super().groups()

    def space_of(self, target: str) -> str:
        """Name of the search space, the same for every target."""
        del target
        return self.space


@dataclass(frozen=True)
class Source:
    """Labelled rows of a space, and which of its metrics is its accuracy."""

    space: str
    metric: str
    file: str = ""
    """Published file of network design spaces; empty for those of `nas_rlm.data_files`."""

    @property
    def own_metric(self) -> str:
        """Name of the metric that no other space shares."""
        return f"{self.metric}@{self.space}"


@dataclass(frozen=True, kw_only=True)
class CrossSpaceProtocol(Comparison):
    """Learn all spaces but one, then see 16 rows of that one; see `cross_space`."""

    sources: tuple[Source, ...]
    """Every space; a target is one of them, by its name."""
    n_source: int = 1500
    """Rows of each other space that are pretrained on, at most."""
    n_draws: int = 8
    """Draws of training rows for each seed; a seed's score is their mean."""
    n_test: int = 1000
    """Test rows, at most; the same for all draws of a seed."""

    def source_of(self, target: str) -> Source:
        """Return the rows of a target."""
        return next(source for source in self.sources if source.space == target)

    def meant(self, method: Method) -> Method:
        """Whatever can be fine-tuned learns the other spaces first."""
        if method.name in self.own_methods or not can_finetune(method):
            return method
        return replace(method, pretrained_on="accuracies")

    def has_cell(self, method: Method, n: int) -> bool:
        """Without rows there is only what learned other spaces or learns nothing at all."""
        return n > 0 or method.is_pretrained or method.is_untrained


QUICK_SEEDS, QUICK_SIZES, QUICK_TEST_ROWS = 2, 2, 1000
QUICK_DRAWS, QUICK_SOURCE_ROWS = 2, 150


_Kind = TypeVar("_Kind", bound=Comparison)


def quick(protocol: _Kind) -> _Kind:
    """Return a protocol cut to minutes: two seeds, the two smallest sizes, 1,000 test rows.

    Of targets that share nothing only the first is left. Across spaces all of them are, with two
    draws a seed and 150 rows of each other space.
    """
    kept: dict[str, Any] = {
        "variant": "quick",
        "seeds": protocol.seeds[:QUICK_SEEDS],
        "sizes": tuple(sorted(protocol.sizes)[:QUICK_SIZES]),
        "methods": protocol.quick_methods or protocol.methods,
    }
    if isinstance(protocol, ComparisonProtocol | CrossSpaceProtocol):
        kept["n_test"] = min(protocol.n_test or QUICK_TEST_ROWS, QUICK_TEST_ROWS)
    if isinstance(protocol, CrossSpaceProtocol):
        kept["n_draws"], kept["n_source"] = QUICK_DRAWS, QUICK_SOURCE_ROWS
    elif isinstance(protocol, ComparisonProtocol) and not protocol.sources:
        first = protocol.groups()[0]
        kept["targets"] = {target: protocol.targets[target] for target in first}
        kept["goals"] = {(t, n): goal for (t, n), goal in protocol.goals.items() if t in first}
    return replace(protocol, **kept)
