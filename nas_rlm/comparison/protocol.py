"""What a comparison is: rows, sizes, seeds and methods, fixed before anything is run.

Settings of our methods are chosen on *development* rows, a fixed random fifth of a table that no
protocol ever trains or tests on. Two scores are given: on all other rows, as published figures
are, and on the distinct networks among them that no training row describes in another way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nas_rlm.errors import ConfigError, suggest

DEVELOPMENT_SHARE = 0.2
DEVELOPMENT_SALT = "development"
"""Rows that settings are chosen on; see `nas_rlm.dataset.hold_out`."""


@dataclass(frozen=True)
class Method:
    """A predictor in a comparison."""

    name: str
    """Name in tables; ours begin with ``rlm``."""
    surrogate: str | None = None
    """Registered surrogate; None for a method that only counts."""
    count: str | None = None
    """Exact count that serves as the prediction, ``params`` or ``macs``."""
    settings: Mapping[str, object] = field(default_factory=dict)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("rlm", surrogate="rlm"),
        Method("gcn", surrogate="gcn"),
        Method("params", count="params"),
        Method("macs", count="macs"),
        Method("constant", surrogate="constant"),
        Method("memorizer", surrogate="memorizer"),
    )
}


@dataclass(frozen=True)
class FewShotProtocol:
    """Train on few random rows of one space, test on all others."""

    name: str
    space: str
    targets: Mapping[str, str]
    """Column of the data file to metric name."""
    sizes: tuple[int, ...]
    """Numbers of training rows."""
    n_test: int | None = None
    """Test rows; None for all others."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    methods: tuple[str, ...] = ("rlm", "gcn", "params", "macs", "constant", "memorizer")
    goals: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """(target, rows) to the Kendall tau that we want."""
    published: str = ""
    """Figures of papers on their own test rows, with their source."""


PROTOCOLS: dict[str, FewShotProtocol] = {
    protocol.name: protocol
    for protocol in (
        FewShotProtocol(
            name="fewshot-nasbench201",
            space="nasbench201",
            targets={
                "c10_val": "accuracy_percent/cifar10",
                "c100_val": "accuracy_percent/cifar100",
                "in16_val": "accuracy_percent/imagenet16",
            },
            sizes=(78, 156, 469, 1000),
            goals={
                ("c10_val", 78): 0.82,
                ("c10_val", 156): 0.86,
                ("c10_val", 469): 0.90,
                ("c10_val", 1000): 0.91,
            },
            published=(
                "HyperNAS .677 / .765 / .836 at 78 / 156 / 469; "
                "FlowerFormer+FGP .836 at 156 (Kendall tau, c10)"
            ),
        ),
    )
}


def find_protocol(name: str) -> FewShotProtocol:
    """Return a protocol.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"No protocol {name!r}. {suggest(name, PROTOCOLS, kind='protocols')}")
    return PROTOCOLS[name]
