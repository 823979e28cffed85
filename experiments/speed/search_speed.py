"""Seconds of the walk, and where they go: reading networks, evolution, Optuna, choosing batches.

Predictions take no time here (every network gets two numbers drawn by its digest), so the figures
are what the search adds to a surrogate. The classes are benchmarks of asv (airspeed velocity); run
as a program, the file prints a table: ``python experiments/speed/search_speed.py``.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import search_spaces
from nas_rlm.json_lines import JsonLinesLog
from nas_rlm.metrics import parse_metric
from nas_rlm.search.acquisition import draw, select_batch
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.evolution import Evolution
from nas_rlm.search.sampler import RLMSampler, gene_distributions
from nas_rlm.search.study import WalkPlan, walk
from surrogates.base import PredictiveDistribution

OBJECTIVES = (parse_metric("accuracy_percent/cifar10"), parse_metric("latency_ms/local"))
POPULATION = 100
SPACES = ("nasbench201", "fbnet")


def predict(candidates: Sequence[Candidate]) -> dict[str, PredictiveDistribution]:
    """Two numbers per network, which depend on its digest alone."""
    drawn = np.array([np.random.default_rng(int(c.digest, 16)).random(2) for c in candidates])
    return {
        metric.name: PredictiveDistribution.point(100 * drawn[:, column])
        for column, metric in enumerate(OBJECTIVES)
    }


def evolve(space: str, n_candidates: int) -> list[Candidate]:
    """Go through generations without a study."""
    evolution = Evolution(
        CandidateReader(search_spaces.get_space(space)), OBJECTIVES, population_size=POPULATION
    )
    found: list[Candidate] = []
    while len(found) < n_candidates:
        candidates = evolution.ask(min(POPULATION, n_candidates - len(found)))
        prediction = predict(candidates)
        evolution.tell(candidates, {name: item.mean for name, item in prediction.items()})
        found += candidates
    return found


def walk_in(folder: Path, space: str, n_candidates: int) -> None:
    """Walk with journal and log."""
    reader = CandidateReader(search_spaces.get_space(space))
    plan = WalkPlan(OBJECTIVES, (), n_candidates, POPULATION, 0, 0.8)
    with JsonLinesLog(folder / "walk.jsonl") as log:
        walk(
            plan,
            reader,
            predict,
            journal=folder / "journal.log",
            log=log,
            progress=lambda *_: None,
        )


class Walk:
    """The whole walk, predictions aside."""

    params = (list(SPACES), [2_000, 5_000])
    param_names = ("space", "candidates")
    timeout = 600.0

    def setup(self, *_: object) -> None:
        """Make a folder."""
        self.folder = tempfile.TemporaryDirectory()
        self.n_runs = 0

    def teardown(self, *_: object) -> None:
        """Remove it."""
        self.folder.cleanup()

    def time_walk(self, space: str, n_candidates: int) -> None:
        """Evolution, journal and log."""
        self.n_runs += 1
        folder = Path(self.folder.name) / str(self.n_runs)
        folder.mkdir()
        walk_in(folder, space, n_candidates)

    def time_evolution(self, space: str, n_candidates: int) -> None:
        """The same without a study."""
        evolve(space, n_candidates)

    peakmem_walk = time_walk


class Sampler:
    """Asking and telling in memory, fed from a queue."""

    n_trials = 1_000

    def setup(self) -> None:
        """Fill the queue."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = search_spaces.get_space("nasbench201")
        self.genes = gene_distributions(space)
        self.sampler = RLMSampler(space, OBJECTIVES)
        self.sampler.enqueue(evolve("nasbench201", self.n_trials))
        self.study = optuna.create_study(directions=self.sampler.directions, sampler=self.sampler)

    def time_trials(self) -> None:
        """Ask and tell every queued network."""
        for _ in range(self.n_trials):
            self.study.tell(self.study.ask(self.genes), [1.0, 1.0])


class Batch:
    """Choosing ten of a pool by expected hypervolume improvement."""

    params = (500, 2_000)
    param_names = ("pool",)

    def setup(self, n_pool: int) -> None:
        """Draw distributions of a hundred values each, and fifty evaluated points."""
        rng = np.random.default_rng(0)
        values = np.sort(rng.random((2, n_pool, 100)), axis=2)
        chances = np.full((n_pool, 100), 0.01)
        prediction = {
            metric.name: PredictiveDistribution(values[column], chances)
            for column, metric in enumerate(OBJECTIVES)
        }
        self.draws = draw(prediction, 64, rng)
        self.evaluated = np.stack([-rng.random(50), rng.random(50)], axis=1)

    def time_select(self, _: int) -> None:
        """Choose ten."""
        reference = np.array([0.1, 1.1])
        select_batch(self.draws, self.evaluated, reference, 10, objectives=OBJECTIVES)


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Print one line per measurement."""
    for space in SPACES:
        for n_candidates in Walk.params[1]:
            with tempfile.TemporaryDirectory() as folder:
                whole = seconds(walk_in, Path(folder), space, n_candidates)
            inner = seconds(evolve, space, n_candidates)
            print(
                f"{space:12} {n_candidates:6} candidates: walk {whole:6.1f} s, of it networks and "
                f"evolution {inner:6.1f} s"
            )
    sampler = Sampler()
    sampler.setup()
    each = seconds(sampler.time_trials) / sampler.n_trials
    print(f"asking and telling a queued trial in memory: {1e3 * each:.2f} ms")
    batch = Batch()
    for n_pool in Batch.params:
        batch.setup(n_pool)
        print(f"choosing 10 of {n_pool} with 64 draws: {seconds(batch.time_select, n_pool):.2f} s")


if __name__ == "__main__":
    main()
