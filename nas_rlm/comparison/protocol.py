"""What a comparison is: rows, sizes, seeds, methods and scores, fixed before anything is run.

Settings of our methods are chosen on *development* rows, a fixed random fifth of a table that no
protocol ever trains or tests on. A protocol is data; `nas_rlm.comparison.runner` runs any of them.
The protocols themselves are in `nas_rlm.comparison.protocols`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nas_rlm.comparison.methods import Method
from nas_rlm.errors import ConfigError

DEVELOPMENT_SHARE = 0.2
DEVELOPMENT_SALT = "development"
"""Rows that settings are chosen on; see `nas_rlm.dataset.hold_out`."""

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


@dataclass(frozen=True)
class ComparisonProtocol:
    """One comparison: train on few rows of a space, test on others.

    With sources, a target is a new device: all rows of the sources and ``n`` rows of the target
    are given, and no test row has a label of any metric.
    """

    name: str
    space: str
    targets: Mapping[str, str]
    """Column of the data file to metric name."""
    sizes: tuple[int, ...]
    """Numbers of training rows."""
    methods: tuple[str, ...]
    """Names, of `own_methods` or any that `nas_rlm.comparison.methods.find_method` knows."""
    own_methods: Mapping[str, Method] = field(default_factory=dict)
    """Methods that mean something of their own here."""
    n_test: int | None = None
    """Test rows; None for all others."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    scores: tuple[str, ...] = RANK_SCORES
    """Names of `nas_rlm.comparison.scores.SCORES`."""
    tables: tuple[str, ...] = ("kendall_tau", "kendall_tau_unseen")
    """Scores that are printed."""
    is_joint: bool = False
    """Whether all targets are trained and predicted in one cell."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Column to metric name of what is known of other devices."""
    n_source: int = 0
    """Rows of each source."""
    has_own_source_rows: bool = False
    """Whether each source is measured on rows of its own; else all on the same."""
    goals: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(target, rows) to what we want of the first of `tables`."""
    published: tuple[Published, ...] = ()
    note: str = ""
    """What a reader must know of the rows, whole sentences."""
    variant: str = ""
    """How this is less than the whole protocol; empty for the whole one."""

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
    def label(self) -> str:
        """Name of the folder of results: those of different variants are never mixed."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that rows must have: targets, then sources."""
        return (*self.targets.values(), *self.sources.values())

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Targets that share a cell."""
        return (tuple(self.targets),) if self.is_joint else tuple((name,) for name in self.targets)


QUICK_SEEDS, QUICK_SIZES, QUICK_TEST_ROWS = 2, 2, 1000


def quick(protocol: ComparisonProtocol) -> ComparisonProtocol:
    """Return a protocol cut to minutes: two seeds, the two smallest sizes, 1,000 test rows."""
    return replace(
        protocol,
        variant="quick",
        seeds=protocol.seeds[:QUICK_SEEDS],
        sizes=tuple(sorted(protocol.sizes)[:QUICK_SIZES]),
        n_test=min(protocol.n_test or QUICK_TEST_ROWS, QUICK_TEST_ROWS),
    )
