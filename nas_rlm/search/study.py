"""The walk: an Optuna study in which every candidate is proposed once and told its prediction.

The evolution proposes a generation, the surrogate predicts it in one batch, one line of a log
keeps what was predicted, the sampler's queue is filled, and each trial is asked and told. All of
it is a function of the seed and the surrogate: a walk that was killed replays its generations from
the log, without predicting again, checks them against the journal, and goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nas_rlm.atomic_files import explained
from nas_rlm.budget import Budget
from nas_rlm.errors import RunFolderError
from nas_rlm.json_lines import JsonLinesLog
from nas_rlm.metrics import Metric
from nas_rlm.progress import Progress
from nas_rlm.search.archive import Archive
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.evolution import Evolution
from nas_rlm.search.journal import BatchedJournalBackend, cut_back, open_study
from nas_rlm.search.proposals import Predict
from nas_rlm.search.sampler import RLMSampler, gene_distributions

STUDY_NAME = "walk"
_ETA_EVERY = 25


@dataclass(frozen=True)
class Forecasts:
    """What was predicted of one metric, in its unit; every array has shape ``(n,)``."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Forecasts":
        """Return the given rows."""
        return Forecasts(self.mean[rows], self.low[rows], self.high[rows])


@dataclass(frozen=True)
class Walk:
    """Every candidate that was proposed, in order, with its predictions."""

    digests: tuple[str, ...]
    genomes: NDArray[np.int64]
    """Shape ``(n, genes)``."""
    forecasts: Mapping[str, Forecasts]
    """Metric name to predictions."""

    def __len__(self) -> int:
        return len(self.digests)

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]]) -> Self:
        """Rebuild a walk from the lines of its log."""
        names = records[0]["predictions"] if records else {}
        return cls(
            tuple(name for record in records for name in record["digests"]),
            np.concatenate([np.array(record["genomes"], dtype=np.int64) for record in records])
            if records
            else np.zeros((0, 0), dtype=np.int64),
            {
                name: Forecasts(
                    *(
                        np.concatenate([record["predictions"][name][part] for record in records])
                        for part in ("mean", "low", "high")
                    )
                )
                for name in names
            },
        )

    def archive(self, objectives: Sequence[Metric], budgets: Sequence[Budget] = ()) -> Archive:
        """Return an archive of the predicted means; its rows are the walk's."""
        archive = Archive(objectives, budgets)
        archive.add(
            self.digests,
            [tuple(genome) for genome in self.genomes.tolist()],
            {name: item.mean for name, item in self.forecasts.items()},
        )
        return archive


@dataclass(frozen=True)
class WalkPlan:
    """What a walk depends on."""

    objectives: tuple[Metric, ...]
    budgets: tuple[Budget, ...]
    trials: int
    population_size: int
    seed: int
    level: float
    """Probability mass of the stored intervals."""


def walk(
    plan: WalkPlan,
    reader: CandidateReader,
    predict: Predict,
    *,
    journal: Path,
    log: JsonLinesLog,
    progress: Progress,
) -> Walk:
    """Propose, predict and tell candidates until all trials are done or the space is exhausted.

    Args:
        plan: What to do.
        reader: Reads genomes of the space.
        predict: Predicts every objective and budgeted metric; not called for generations that
            the log holds.
        journal: The study's journal file.
        log: One line per generation.
        progress: Called as trials are told.

    Returns:
        The walk; shorter than `WalkPlan.trials` only if the space holds fewer networks.

    Raises:
        RunFolderError: If the journal or the log cannot be written, or contradict each other.
    """
    evolution = Evolution(
        reader,
        plan.objectives,
        plan.budgets,
        population_size=plan.population_size,
        seed=plan.seed,
    )
    sampler = RLMSampler(reader.space, plan.objectives, budgets=plan.budgets, seed=plan.seed)
    ledger = _Ledger(journal, plan, sampler)
    earlier = list(log.earlier_records)
    records: list[dict[str, Any]] = []
    n_done = 0
    while n_done < plan.trials:
        candidates = evolution.ask(min(plan.population_size, plan.trials - n_done))
        if not candidates:
            break
        if earlier:
            record = earlier.pop(0)
            _check_replay(record, candidates, log.path)
        else:
            record = _predicted(candidates, predict, plan.level)
            log.append(record)
        records.append(record)
        means = {
            name: np.array(parts["mean"], dtype=np.float64)
            for name, parts in record["predictions"].items()
        }
        evolution.tell(candidates, means)
        ledger.write(candidates, means, progress)
        n_done += len(candidates)
    return Walk.from_records(records)


class _Ledger:
    """The study's side of the walk: trials are asked and told, or checked if they are there."""

    def __init__(self, journal: Path, plan: WalkPlan, sampler: RLMSampler) -> None:
        self._plan = plan
        self._sampler = sampler
        self._journal = journal
        cut_back(journal)
        with explained(journal, "be opened"):
            self._backend = BatchedJournalBackend(journal)
        self._study = open_study(
            self._backend, list(plan.objectives), name=STUDY_NAME, sampler=sampler
        )
        self._told = self._study.get_trials(deepcopy=False)
        self._genes = gene_distributions(sampler.space)
        self._n_done = 0

    def write(
        self,
        candidates: Sequence[Candidate],
        means: Mapping[str, NDArray[np.float64]],
        progress: Progress,
    ) -> None:
        """Ask and tell one trial per candidate, skipping those that an earlier process told."""
        known = self._told[self._n_done : self._n_done + len(candidates)]
        for earlier, candidate in zip(known, candidates, strict=False):
            if tuple(earlier.params.get(gene) for gene in self._genes) != candidate.genome:
                message = (
                    f"Trial {earlier.number} of {str(self._journal)!r} is another architecture than "
                    "this run proposes: the folder was changed. Start the run anew."
                )
                raise RunFolderError(message)
        self._sampler.enqueue(candidates[len(known) :])
        for row in range(len(known), len(candidates)):
            trial = self._study.ask(self._genes)
            trial.set_user_attr("digest", candidates[row].digest)
            for budget in self._plan.budgets:
                value = float(means[budget.metric.name][row])
                excess = value - budget.limit if budget.is_upper else budget.limit - value
                trial.set_constraint(str(budget), excess)
            values = [float(means[metric.name][row]) for metric in self._plan.objectives]
            self._study.tell(trial, values)
            if row % _ETA_EVERY == 0:
                progress(self._n_done + row, self._plan.trials, {})
        self._backend.flush()
        self._n_done += len(candidates)
        progress(self._n_done, self._plan.trials, {})


def _predicted(candidates: Sequence[Candidate], predict: Predict, level: float) -> dict[str, Any]:
    """Predict one generation, as JSON values."""
    prediction = predict(candidates)
    parts = {}
    for name, item in prediction.items():
        interval = item.interval(level)
        parts[name] = {
            "mean": item.mean.tolist(),
            "low": interval[:, 0].tolist(),
            "high": interval[:, 1].tolist(),
        }
    return {
        "digests": [candidate.digest for candidate in candidates],
        "genomes": [list(candidate.genome) for candidate in candidates],
        "predictions": parts,
    }


def _check_replay(record: Mapping[str, Any], candidates: Sequence[Candidate], path: Path) -> None:
    """Check that a stored generation is the one that is proposed again."""
    if record.get("digests") != [candidate.digest for candidate in candidates]:
        message = (
            f"{str(path)!r} holds other candidates than this run proposes: the folder or the "
            "search space was changed. Start the run anew."
        )
        raise RunFolderError(message)
