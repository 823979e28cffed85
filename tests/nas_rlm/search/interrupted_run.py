"""One tiny search in a process of its own, which a test can kill: fake surrogate, fake clock.

Usage: python interrupted_run.py FOLDER --die-at WHAT COUNT

The process kills itself with SIGKILL at the COUNT-th event of that kind:
``round`` a measured round, ``asked`` and ``told`` a trial, ``phase`` a recorded phase, ``fit`` the training.
"""

import argparse
import itertools
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import optuna

import search_spaces
from nas_rlm.config import SearchConfig
from nas_rlm.measure.interleaved import Round
from nas_rlm.measure.protocol import Measurement
from nas_rlm.measure.protocol import Protocol as MeasureProtocol
from nas_rlm.run_store import RunFolder
from nas_rlm.search.candidates import Candidate
from nas_rlm.search.job import run_search
from nas_rlm.search.services import Services
from nas_rlm.search.truth import Truth
from tests.nas_rlm.search.fakes import CountingSurrogate, fake_measure_many

CONFIG = SearchConfig(
    space="nasbench201",
    minimize=("latency_ms/local", "macs"),
    budgets=("latency_ms/local<=7",),
    trials=40,
    train_architectures=12,
    measure_architectures=8,
    check_architectures=4,
    population_size=10,
    seed=3,
    measure=MeasureProtocol(rounds=2),
)


def tiny_services(on_event: Callable[[str], None]) -> Services:
    """A search space, no table, and a clock that counts operators."""
    space = search_spaces.get_space(CONFIG.space)
    taken = itertools.count()

    def measure(
        candidates: Sequence[Candidate],
        *,
        known_rounds: Iterable[Round],
        on_round: Callable[[Round], None],
        progress: Callable[[int, int], None],
    ) -> list[Measurement]:
        def keep(item: Round) -> None:
            on_round(item)
            on_event("round")
            progress(next(taken), 1)

        texts = [space.to_text(space.from_genome(item.genome)) for item in candidates]
        return fake_measure_many(texts, known_rounds=known_rounds, on_round=keep)

    class Surrogate(CountingSurrogate):
        """Dies while it trains."""

        def fit(self, *args: object, **kwargs: object) -> "Surrogate":
            on_event("fit")
            super().fit(*args, **kwargs)  # type: ignore[arg-type]
            return self

    return Services(
        space=space,
        truth=Truth(space, measured=("latency_ms/local",)),
        measure=measure,
        new_surrogate=Surrogate,
        load_surrogate=Surrogate.load,
        environment={"versions": {}},
    )


def main() -> None:
    """Run, and die where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--die-at", nargs=2, required=True)
    options = parser.parse_args()
    what, count = options.die_at[0], int(options.die_at[1])
    seen = itertools.count(1)

    def on_event(kind: str) -> None:
        if kind == what and next(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    tell, complete = optuna.Study.tell, RunFolder.complete

    def telling(*args: object, **kwargs: object) -> object:
        on_event("asked")
        result = tell(*args, **kwargs)  # type: ignore[arg-type]
        on_event("told")
        return result

    def completing(*args: object, **kwargs: object) -> None:
        complete(*args, **kwargs)  # type: ignore[arg-type]
        on_event("phase")

    optuna.Study.tell = telling  # type: ignore[assignment,method-assign]
    RunFolder.complete = completing  # type: ignore[assignment,method-assign]
    run_search(CONFIG, options.folder, services=tiny_services(on_event))


if __name__ == "__main__":
    main()
