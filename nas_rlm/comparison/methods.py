"""The compared methods: ours, registered ones, exact counts, and a user's own class.

A method is data. Its name is one of `METHODS`, of `surrogates.SURROGATES`, of an entry point of the
group ``nas_rlm.surrogates``, or ``module:Class``: a class that implements `surrogates.Surrogate`.
Looking up a name imports no model; `new_surrogate` does.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from nas_rlm.errors import ConfigError, suggest
from surrogates import SURROGATES, Surrogate, get_surrogate, surrogate_class

ENTRY_POINTS = "nas_rlm.surrogates"
"""Group of entry points by which an installed package offers surrogates: name = module:Class."""

Decoding = Literal["alone", "chain", "sampled", "normal"]
PretrainedOn = Literal["", "accuracies", "counts"]


@dataclass(frozen=True)
class Method:
    """A predictor in a comparison; exactly one of the first five fields behind `name` is given."""

    name: str
    """Name in tables; ours begin with ``rlm``."""
    surrogate: str = ""
    """Registered surrogate, or ``module:Class``."""
    count: Literal["", "params", "macs", "log_flow"] = ""
    """Exact number of a text that serves as the prediction."""
    is_lookup: bool = False
    """Whether latency is a sum over operators, learned from the training rows."""
    zero_cost: str = ""
    """Score of the untrained network, of `nas_rlm.zero_cost.scores.SCORES`."""
    genome: Literal["", "mlp", "trees", "gp"] = ""
    """Learner on the genome, see `nas_rlm.comparison.genome_baselines`."""
    pretrained_on: PretrainedOn = ""
    """What it learns before it is fine-tuned on the training rows: the accuracies of all other
    spaces, or what can be counted in texts of all spaces; see `nas_rlm.comparison.pretraining`."""
    has_fresh: bool = False
    """Whether a pretrained one shares its say with one of default settings that is trained from
    scratch on the training rows; see `surrogates.mixture`."""
    transfer: Literal["linear", "head", "ridge", "none"] = "linear"
    """How the metrics of other devices serve a new one: by `surrogates.linear_transfer` from their
    predictions, as in `nas-rlm add-device`; by fine-tuning what the surrogate has of one metric; by
    ridge regression on their predictions; not at all."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Keyword arguments of the surrogate."""
    is_separate: bool = False
    """Whether every target gets a model of its own where a protocol trains them together."""
    is_pruned: bool = True
    """Whether texts are canonical; else they hold whatever the space describes, dead or not."""
    decoding: Decoding = "alone"
    """How distributions are read: each metric by itself, as a chain over the targets, from 64
    samples, or as a normal distribution with the mean and spread of the members."""

    @property
    def is_untrained(self) -> bool:
        """Whether it predicts without any row."""
        return bool(self.count or self.zero_cost)

    @property
    def is_pretrained(self) -> bool:
        """Whether it learns something before the training rows."""
        return bool(self.pretrained_on)


_PRETRAINED: Mapping[str, object] = {"n_members": 1, "n_steps": 1200}
"""How every surrogate learns other spaces first: the same steps, one network."""

_OF_SURROGATE: Mapping[str, Mapping[str, object]] = {"rlm": {"n_members": 2, "batch_size": 64}}
"""What one of them has apart: the RLM learns other spaces with two networks, of which one is not told
counts, and in larger batches than by default. Kendall's tau on development rows of ENAS, 16 of them
after the other spaces, 8 draws: two .174, one that is not told .185; with attention among statements one
that is told .121, one that is not .177."""


def pretrained(
    name: str, surrogate: str, learned: PretrainedOn = "accuracies", *, has_fresh: bool = False
) -> Method:
    """Return a method that learns other spaces or free labels first, all under the same settings."""
    return Method(
        name,
        surrogate=surrogate,
        pretrained_on=learned,
        has_fresh=has_fresh,
        settings={**_PRETRAINED, **_OF_SURROGATE.get(surrogate, {})},
    )


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("params", count="params"),
        Method("macs", count="macs"),
        Method("log_flow", count="log_flow"),
        *(
            Method(name, zero_cost=name)
            for name in ("synflow", "jacov", "grad_norm", "snip", "naswot")
        ),
        Method("genome_mlp", genome="mlp"),
        Method("genome_trees", genome="trees"),
        Method("genome_gp", genome="gp"),
        *(pretrained(f"{name}_pretrained", name, has_fresh=True) for name in ("rlm", "gcn")),
    )
}
"""Methods of any protocol that are no surrogates."""


def find_method(name: str, own: Mapping[str, Method] = METHODS) -> Method:
    """Return a method.

    Args:
        name: One of `own` or `METHODS`, a registered surrogate, an entry point, or
            ``module:Class``.
        own: Methods that mean something of their own in a protocol; they come first.

    Raises:
        ConfigError: If there is none of that name.
    """
    for table in (own, METHODS):
        if name in table:
            return table[name]
    if name in SURROGATES:
        return Method(name, surrogate=name)
    offered = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    if name in offered:
        return Method(name, surrogate=offered[name])
    if ":" in name:
        _surrogate_class(name)
        return Method(name, surrogate=name)
    known = [*own, *METHODS, *SURROGATES, *offered]
    message = f"Unknown method {name!r}. {suggest(name, known, kind='methods')}"
    raise ConfigError(f"{message} A class of your own is written module:Class.")


def new_surrogate(method: Method) -> Surrogate:
    """Create the unfitted surrogate of a method.

    Raises:
        ConfigError: If it cannot be imported or is no surrogate.
        SettingsError: If a setting is refused.
    """
    if method.surrogate in SURROGATES:
        return get_surrogate(method.surrogate, **method.settings)
    return _surrogate_class(method.surrogate)(**method.settings)


def can_finetune(method: Method) -> bool:
    """Tell whether a method is a surrogate that can be fine-tuned.

    Raises:
        ConfigError: If its class cannot be imported.
    """
    if not method.surrogate:
        return False
    if method.surrogate in SURROGATES:
        return surrogate_class(method.surrogate).can_finetune
    return _surrogate_class(method.surrogate).can_finetune


def load_surrogate(method: Method, folder: Path) -> Surrogate:
    """Read a fitted surrogate of a method.

    Raises:
        ConfigError: If its class cannot be imported.
        CheckpointError: If the folder does not hold one.
    """
    if method.surrogate in SURROGATES:
        return surrogate_class(method.surrogate).load(folder)
    return _surrogate_class(method.surrogate).load(folder)


def _surrogate_class(path: str) -> type[Surrogate]:
    """Import ``module:Class`` and check that it is a surrogate that can be created."""
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = (
            f"Method {path!r} must name a class as module:Class, but cannot be imported: {error}. "
            "Install its package or add its folder to PYTHONPATH."
        )
        raise ConfigError(message) from error
    if not isinstance(found, type) or not issubclass(found, Surrogate):
        message = (
            f"Method {path!r} must be a class that implements `surrogates.Surrogate`, but is "
            f"{found!r}."
        )
        raise ConfigError(message)
    lacking = sorted(getattr(found, "__abstractmethods__", ()))
    if lacking:
        message = f"Method {path!r} must implement {', '.join(lacking)} of `surrogates.Surrogate`."
        raise ConfigError(message)
    return found
