"""What a search run works with: the space, the truth, the surrogate, the clock.

`services_of` makes the real ones from a configuration; tests and other truths pass their own.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import search_spaces
import surrogates
from nas_rlm.config import SearchConfig
from nas_rlm.errors import ConfigError
from nas_rlm.measure.device import current_environment
from nas_rlm.measure.interleaved import Round, measure_many
from nas_rlm.measure.protocol import Measurement
from nas_rlm.pretrained import pretrained_folder
from nas_rlm.search.candidates import Candidate
from nas_rlm.search.truth import Truth, truth_of
from nas_rlm.seeding import derived_seed
from surrogates.base import Surrogate
from surrogates.checkpoint import read_manifest

_PACKAGES = ("nas-rlm", "torch", "onnx", "onnxruntime", "optuna", "numpy", "scipy", "tokenizers")


class Measure(Protocol):
    """Takes latencies of networks on this machine."""

    def __call__(
        self,
        candidates: Sequence[Candidate],
        *,
        known_rounds: Iterable[Round],
        on_round: Callable[[Round], None],
        progress: Callable[[int, int], None],
    ) -> list[Measurement]:
        """Measure networks; rounds that are known already are not repeated."""


@dataclasses.dataclass(frozen=True)
class Services:
    """Everything outside a run that it depends on."""

    space: search_spaces.SearchSpace[Any]
    truth: Truth
    measure: Measure
    new_surrogate: Callable[[], Surrogate]
    load_surrogate: Callable[[Path], Surrogate]
    environment: Mapping[str, Any]
    """Versions and machine, JSON values."""
    load_start: Callable[[], Surrogate] | None = None
    """Gives a fitted surrogate that is fine-tuned; None trains a new one from scratch."""


def services_of(config: SearchConfig) -> Services:
    """Make what a configuration names; nothing is trained or measured yet.

    Args:
        config: The configuration.

    Returns:
        The services.

    Raises:
        SearchSpaceError: If the space is unknown.
        SurrogateError: If the surrogate or one of its settings is unknown.
        TruthError: If a metric has no true values for this space.
        ConfigError: If everything could be counted, so that nothing is left to predict, a
            latency is wanted and nothing may be measured, or the space is too small.
    """
    space = search_spaces.get_space(config.space)
    truth = truth_of(space, config.metrics)
    check_plan(config, truth)
    name, settings = config.surrogate.name, dict(config.surrogate.settings)
    surrogates.get_surrogate(name, **settings)  # a wrong setting must not wait for measurements
    start = shipped_start(name) if config.surrogate.is_pretrained else None

    def model_of(candidate: Candidate) -> Any:
        """The network with its weights."""
        model = space.to_onnx(space.from_genome(candidate.genome))
        seed = derived_seed(config.seed, "materialize", candidate.digest)
        return search_spaces.materialize(model, seed)

    def measure(
        candidates: Sequence[Candidate],
        *,
        known_rounds: Iterable[Round],
        on_round: Callable[[Round], None],
        progress: Callable[[int, int], None],
    ) -> list[Measurement]:
        """Measure in interleaved rounds."""
        return measure_many(
            [functools.partial(model_of, candidate) for candidate in candidates],
            config.measure,
            seed=derived_seed(config.seed, "measure"),
            known_rounds=known_rounds,
            on_round=on_round,
            progress=progress,
        )

    return Services(
        space=space,
        truth=truth,
        measure=measure,
        new_surrogate=lambda: surrogates.get_surrogate(name, **settings),
        load_surrogate=surrogates.load_surrogate,
        environment={
            "versions": {package: importlib.metadata.version(package) for package in _PACKAGES},
            "machine": current_environment(config.measure.threads).to_mapping(),
            **({} if start is None else {"start": folder_digest(start)}),
        },
        load_start=None if start is None else functools.partial(surrogates.load_surrogate, start),
    )


def shipped_start(name: str) -> Path:
    """Return the folder of the shipped checkpoint, if it holds a surrogate of this name.

    Raises:
        PretrainedError: If it is not installed.
        ConfigError: If it holds another surrogate.
    """
    folder = pretrained_folder()
    held = read_manifest(folder)["surrogate"]
    if held != name:
        message = (
            f"The shipped checkpoint holds a surrogate {held!r}, so a search that starts from it "
            f"must have `name` {held!r}, but has {name!r}."
        )
        raise ConfigError(message)
    return folder


def folder_digest(folder: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of all files of a folder, in order of names."""
    content = hashlib.sha256()
    for item in sorted(path for path in folder.iterdir() if path.is_file()):
        content.update(item.read_bytes())
    return content.hexdigest()[:16]


def check_plan(config: SearchConfig, truth: Truth) -> None:
    """Check that something is left to predict, what must be measured may be, and rows are enough.

    Raises:
        ConfigError: If not.
    """
    if all(metric.name in truth.counted for metric in config.metrics):
        message = (
            "At least one metric must need a prediction, but "
            f"{', '.join(metric.name for metric in config.metrics)} are counted exactly. "
            "Add for example 'latency_ms/local'."
        )
        raise ConfigError(message)
    if truth.measured and config.measure_architectures < 2:
        message = (
            f"{truth.measured[0]!r} is learned from measurements, so `measure_architectures` must "
            f"be at least 2, but is {config.measure_architectures}."
        )
        raise ConfigError(message)
    known = truth.known_genomes()
    n_known = truth.space.size if known is None else len(known)
    if config.train_architectures > n_known:
        message = (
            f"Search space {config.space!r} has {n_known} architectures whose true values are "
            f"known, but `train_architectures` is {config.train_architectures}. Ask for fewer."
        )
        raise ConfigError(message)
