"""The main job: label a few architectures, train, walk many by prediction, check the front.

Every phase writes to the run folder and is skipped when an earlier process finished it, so a run
that was killed anywhere resumes to the result of an unbroken one: what is random depends on the
seed, what was measured is read back.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nas_rlm.config import SearchConfig
from nas_rlm.errors import RunFolderError
from nas_rlm.progress import Phases, Progress, silent
from nas_rlm.run_store import RunFolder
from nas_rlm.search import phases
from nas_rlm.search.checking import Checked, choose_checked
from nas_rlm.search.outcome import SearchOutcome
from nas_rlm.search.results import OUTCOME, write_results
from nas_rlm.search.services import Services, services_of

KIND = "search"
"""Kind of the run folder."""

_SECONDS = "seconds.json"
_CHOSEN = "chosen.json"


def run_search(
    config: SearchConfig,
    run_folder: Path,
    *,
    resume: bool = False,
    progress: Phases = silent,
    services: Services | None = None,
) -> SearchOutcome:
    """Run a search, or go on with the one that a folder holds.

    Args:
        config: What to do; a resumed run must have the stored configuration.
        run_folder: Where everything is written.
        resume: Whether the folder holds a run to go on with. A finished run gives its outcome.
        progress: Shows the phases.
        services: What to work with; None for what the configuration names.

    Returns:
        The outcome, as ``outcome.json`` holds it.

    Raises:
        NasRlmError: For everything that a user can cause; `BudgetError` if no candidate meets
            the budgets, `TruthError` if a metric has no true values in this space.
        SearchSpaceError: If the space is unknown.
        SurrogateError: If the surrogate is unknown or refuses the rows.
    """
    if resume:
        with RunFolder.resume(run_folder, config.to_mapping(), kind=KIND) as run:
            return _run(config, services or services_of(config), run, progress)
    made = services or services_of(config)  # a wrong name must not leave a folder behind
    with RunFolder.create(
        run_folder, config.to_mapping(), kind=KIND, environment=dict(made.environment)
    ) as run:
        return _run(config, made, run, progress)


def _run(
    config: SearchConfig, services: Services, run: RunFolder, progress: Phases
) -> SearchOutcome:
    """Do the phases that are not done."""
    job = _Job(config, services, run)
    steps: tuple[tuple[str, Callable[[Progress], None]], ...] = (
        ("architectures", job.draw),
        ("measure", job.measure),
        ("train", job.train),
        ("walk", job.walk),
        ("check", job.check),
        ("results", job.results),
    )
    for name, step in steps:
        if not run.is_complete(name):
            with _timed(run, name), progress(name) as report:
                step(report)
    outcome = dict(run.read_json(OUTCOME))
    outcome["seconds"] = {name: facts["seconds"] for name, facts in run.phases.items()}
    if outcome != run.read_json(OUTCOME):
        run.write_json(OUTCOME, outcome)
    return SearchOutcome.from_mapping(outcome)


class _Job:
    """The phases of one run."""

    def __init__(self, config: SearchConfig, services: Services, run: RunFolder) -> None:
        self._config = config
        self._services = services
        self._run = run

    def draw(self, progress: Progress) -> None:
        """Draw and label architectures."""
        phases.draw_architectures(self._config, self._services, self._run, progress)

    def measure(self, progress: Progress) -> None:
        """Measure the first of them."""
        if not self._services.truth.measured:
            return
        rows = phases.read_architectures(self._run)[: self._config.measure_architectures]
        self._take(progress, phases.TRAINING_STAGE, [(row.genome, row.digest) for row in rows])

    def train(self, progress: Progress) -> None:
        """Train the surrogate."""
        phases.train(self._config, self._services, self._run, progress)

    def walk(self, progress: Progress) -> None:
        """Propose and predict."""
        phases.walk_candidates(self._config, self._services, self._run, progress)

    def check(self, progress: Progress) -> None:
        """Choose what is checked, and measure it anew."""
        found = phases.read_walk(self._run)
        chosen = choose_checked(self._config, found, self._trained())
        record = {"front": chosen.front.tolist(), "others": chosen.others.tolist()}
        self._run.write_json(_CHOSEN, record)
        if self._services.truth.measured:
            rows = [*record["front"], *record["others"]]
            genomes = [tuple(found.genomes[row].tolist()) for row in rows]
            digests = [found.digests[row] for row in rows]
            self._take(progress, phases.CHECK_STAGE, list(zip(genomes, digests, strict=True)))

    def results(self, progress: Progress) -> None:
        """Compare and write."""
        del progress
        record = self._run.read_json(_CHOSEN)
        write_results(
            self._config,
            self._services,
            self._run,
            found=phases.read_walk(self._run),
            checked=Checked(
                np.array(record["front"], dtype=np.int64),
                np.array(record["others"], dtype=np.int64),
            ),
            latencies=phases.read_latencies(self._run, phases.CHECK_STAGE),
            trained=self._trained(),
        )

    def _trained(self) -> set[str]:
        """Digests of what was trained on."""
        return {row.digest for row in phases.read_architectures(self._run)}

    def _take(
        self, progress: Progress, stage: str, rows: list[tuple[tuple[int, ...], str]]
    ) -> None:
        """Measure."""
        phases.take_latencies(self._services, self._run, progress, stage, rows)


@contextlib.contextmanager
def _timed(run: RunFolder, phase: str) -> Iterator[None]:
    """Record a phase with its seconds; those of an interrupted one are kept for the next try."""
    start = time.perf_counter()
    spent: dict[str, Any] = run.read_json(_SECONDS) if run.has(_SECONDS) else {}
    try:
        yield
    except BaseException:
        seconds = spent.get(phase, 0.0) + time.perf_counter() - start
        with contextlib.suppress(RunFolderError):  # the error that stopped the phase says more
            run.write_json(_SECONDS, {**spent, phase: seconds})
        raise
    run.complete(phase, seconds=spent.get(phase, 0.0) + time.perf_counter() - start)
