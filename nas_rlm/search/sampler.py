"""An Optuna sampler for the fixed-length genomes of a search space, fed from a queue of proposals.

Drop-in for any study whose trials suggest the parameters ``gene_0``, ``gene_1``, ... of a space, by
`suggest_architecture` or by hand:

    space = search_spaces.get_space("nasbench201")
    sampler = RLMSampler(space, ["accuracy_percent/cifar10", "latency_ms/local"], surrogate)
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)
    study.optimize(lambda trial: evaluate(suggest_architecture(trial, space)), n_trials=100)

No network is proposed twice, however many genomes stand for it; before it proposes one of its own
choice, a sampler looks at what the trials of other workers hold. Budgets become constraints of the
trials. Values that are told come back to the sampler, which chooses the next batch by them and, if
it is given a way to train, refits its surrogate.
"""

import collections
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

import search_spaces
from nas_rlm.budget import Budget
from nas_rlm.errors import SamplerError, SpaceExhaustedError
from nas_rlm.metrics import METRICS, Direction, Metric, MetricRegistry
from nas_rlm.search.archive import Archive
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.proposals import ImprovementBatches, Proposer
from surrogates.base import PredictiveDistribution, Surrogate

A = TypeVar("A")

Refit = Callable[[Sequence[str], Sequence[Mapping[str, float]]], Surrogate]
"""From all texts told so far and their labels to a surrogate trained on them (and on others)."""

_PREFIX = "gene_"
_CONSTRAINT_KEY = "constraints"


def gene_distributions(space: search_spaces.SearchSpace[Any]) -> dict[str, BaseDistribution]:
    """Return the parameters of a space's genome.

    Args:
        space: The search space.

    Returns:
        ``gene_i`` to a categorical distribution over ``0 .. choices - 1``, in the order of genes.
    """
    return {
        f"{_PREFIX}{index}": CategoricalDistribution(tuple(range(n)))
        for index, n in enumerate(space.genome_choices)
    }


def suggest_architecture(trial: optuna.Trial, space: search_spaces.SearchSpace[A]) -> A:
    """Let a trial suggest an architecture of a space.

    Args:
        trial: The trial of an objective function.
        space: The search space.

    Returns:
        The architecture.

    Raises:
        InvalidArchitectureError: If another sampler suggests genes that are no architecture.
    """
    choices = space.genome_choices
    genome = [
        trial.suggest_categorical(f"{_PREFIX}{index}", list(range(n)))
        for index, n in enumerate(choices)
    ]
    return space.from_genome([int(gene) for gene in genome])


class RLMSampler(BaseSampler):
    """Proposes architectures by a surrogate's predictions."""

    def __init__(
        self,
        space: search_spaces.SearchSpace[Any],
        objectives: Sequence[str | Metric],
        surrogate: Surrogate | None = None,
        *,
        budgets: Sequence[str | Budget] = (),
        metrics: MetricRegistry = METRICS,
        batch_size: int = 10,
        population_size: int = 50,
        generations: int = 10,
        seed: int = 0,
        refit: Refit | None = None,
        refit_every: int = 10,
        proposer: Proposer | None = None,
    ) -> None:
        """Prepare a sampler; nothing is predicted before the first trial.

        Args:
            space: The search space.
            objectives: One metric per value of the study, in the order of its directions.
            surrogate: Predicts every objective and budgeted metric; None for random networks
                until `refit` has given one.
            budgets: Limits such as ``latency_ms/local<=3``. Where the metric is an objective, the
                told value is checked, else the predicted one.
            metrics: Which metrics may be named.
            batch_size: Proposals that are chosen together.
            population_size: Networks of a generation of the inner search on predictions.
            generations: Generations that a batch is chosen from.
            seed: Seed of everything random.
            refit: Called with all that was told, every `refit_every` told trials.
            refit_every: See `refit`.
            proposer: Where proposals come from; None for `ImprovementBatches`.

        Raises:
            SamplerError: If there is no objective or a number is not positive.
            UnknownMetricError: If a metric is not known.
            BudgetError: If a budget cannot be read.
        """
        if not objectives or batch_size < 1 or refit_every < 1:
            message = (
                "A sampler needs at least one objective, and `batch_size` and `refit_every` of "
                f"at least 1, but got {list(objectives)}, {batch_size} and {refit_every}."
            )
            raise SamplerError(message)
        self.space = space
        self.objectives = tuple(
            metrics.parse(item) if isinstance(item, str) else item for item in objectives
        )
        self.budgets = tuple(
            Budget.parse(item, metrics) if isinstance(item, str) else item for item in budgets
        )
        self._distributions = gene_distributions(space)
        self._reader = CandidateReader(space)
        self._surrogate = surrogate
        self._refit = refit
        self._refit_every = refit_every
        self._batch_size = batch_size
        self._proposer: Proposer = proposer or ImprovementBatches(
            self._reader,
            self.objectives,
            None if surrogate is None else self._predict,
            self.budgets,
            population_size=population_size,
            generations=generations,
            seed=seed,
        )
        objective_names = {metric.name for metric in self.objectives}
        known_budgets = [item for item in self.budgets if item.metric.name in objective_names]
        self._archive = Archive(self.objectives, known_budgets)
        self._proposed: set[str] = set()
        self._enqueued: collections.deque[Candidate] = collections.deque()
        self._chosen: collections.deque[Candidate] = collections.deque()
        self._labels: dict[str, tuple[tuple[int, ...], dict[str, float]]] = {}
        self._synced = ("", 0)
        self._n_refitted = 0
        self._lock = threading.RLock()

    @property
    def directions(self) -> list[str]:
        """Directions of the objectives, as `optuna.create_study` takes them."""
        return [metric.direction.value for metric in self.objectives]

    @property
    def archive(self) -> Archive:
        """What was told, each network once."""
        return self._archive

    @property
    def surrogate(self) -> Surrogate | None:
        """What predicts now."""
        return self._surrogate

    def enqueue(self, candidates: Sequence[Candidate]) -> None:
        """Propose these networks next, before anything that the sampler would choose itself.

        Args:
            candidates: In the order of proposal, behind those that were enqueued before; what was
                proposed before is left out, by other workers as far as this sampler knows.
        """
        with self._lock:
            for candidate in candidates:
                self._reader.remember(candidate)
                self._enqueued.append(candidate)

    def reseed_rng(self) -> None:
        """Do nothing: threads share the queues, so equal seeds cannot repeat a proposal."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the whole genome; it never depends on the trials."""
        del trial
        self._check_study(study)
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the genome of the next proposal.

        Raises:
            SpaceExhaustedError: If every network of the space was proposed.
        """
        if not search_space or "fixed_params" in trial.system_attrs:
            return {}
        with self._lock:
            genome = self._next(study).genome
        return {f"{_PREFIX}{index}": gene for index, gene in enumerate(genome)}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Refuse a parameter that is not a gene of the space.

        Raises:
            SamplerError: Always.
        """
        del study, trial
        known = self._distributions.get(param_name)
        rule = (
            f"it is no gene of {self.space.name!r}, which has {_PREFIX}0 to "
            f"{_PREFIX}{len(self._distributions) - 1}"
            if known is None
            else f"its distribution must be {known}, but is {param_distribution}, "
            "or the enqueued trial does not fix every gene"
        )
        message = (
            f"RLMSampler cannot suggest {param_name!r}: {rule}. "
            "Suggest genes with `suggest_architecture`, or use another sampler."
        )
        raise SamplerError(message)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Take in a told trial: constraints, archive, refit."""
        genome = self._genome_of(trial)
        if genome is None:
            return
        with self._lock:
            if state is TrialState.COMPLETE and values is not None:
                self._set_constraints(study, trial, genome, values)
                self._take_in(genome, values)
                self._maybe_refit()
            else:
                self._take_in(genome, None)

    def _check_study(self, study: Study) -> None:
        """Check that the study optimizes what the sampler predicts."""
        wanted = [
            optuna.study.StudyDirection.MAXIMIZE
            if metric.direction is Direction.MAXIMIZE
            else optuna.study.StudyDirection.MINIMIZE
            for metric in self.objectives
        ]
        if study.directions != wanted:
            names = ", ".join(f"{m.direction.value} {m.name}" for m in self.objectives)
            message = (
                f"The study must have the directions of the sampler's objectives ({names}), but "
                f"has {[item.name.lower() for item in study.directions]}. "
                "Create it with `directions=sampler.directions`."
            )
            raise SamplerError(message)

    def _next(self, study: Study) -> Candidate:
        """The next network that was not proposed: of those enqueued, then of those chosen."""
        candidate = self._pop(self._enqueued)
        if candidate is None:
            self._sync(study)  # looks at every trial, too slow for each of a long queue
            candidate = self._pop(self._chosen)
        while candidate is None:
            self._refill()
            candidate = self._pop(self._chosen)
        return candidate

    def _pop(self, queue: collections.deque[Candidate]) -> Candidate | None:
        """Take the first that was not proposed, None if there is none."""
        while queue:
            candidate = queue.popleft()
            if candidate.digest not in self._proposed:
                self._proposed.add(candidate.digest)
                return candidate
        return None

    def _refill(self) -> None:
        """Ask the proposer for the next batch."""
        batch = self._proposer.propose(self._archive, self._proposed, self._batch_size)
        if not batch:
            message = (
                f"Search space {self.space.name!r} holds no network that was not proposed: "
                f"all {len(self._proposed)} were. Ask for fewer trials."
            )
            raise SpaceExhaustedError(message)
        self._chosen.extend(batch)

    def _sync(self, study: Study) -> None:
        """Take in trials of other processes and of an earlier one; finished ones once."""
        name, n_finished = self._synced
        trials = study.get_trials(deepcopy=False)
        start = n_finished if name == study.study_name else 0
        for trial in trials[start:]:
            genome = self._genome_of(trial)
            if genome is not None:
                is_told = trial.state is TrialState.COMPLETE
                self._take_in(genome, trial.values if is_told else None)
        while start < len(trials) and trials[start].state.is_finished():
            start += 1
        self._synced = (study.study_name, start)
        if self._refit is not None and self._surrogate is None:
            self._maybe_refit()

    def _genome_of(self, trial: FrozenTrial) -> tuple[int, ...] | None:
        """The genome of a trial, None where it lacks a gene."""
        names = self._distributions
        if any(name not in trial.params for name in names):
            return None
        return tuple(int(trial.params[name]) for name in names)

    def _take_in(self, genome: tuple[int, ...], values: Sequence[float] | None) -> None:
        """Never propose a network again, and add what was told of it to the archive, once."""
        name = self._reader.digest(genome)
        if name is None:
            return
        self._proposed.add(name)
        if values is None or name in self._labels or not np.isfinite(values).all():
            return
        labels = {
            metric.name: float(value)
            for metric, value in zip(self.objectives, values, strict=True)
        }
        self._labels[name] = (genome, labels)
        columns = {metric: np.array([value]) for metric, value in labels.items()}
        self._archive.add([name], [genome], columns)

    def _maybe_refit(self) -> None:
        """Train anew when enough was told, and drop what was chosen by the old surrogate."""
        if self._refit is None or len(self._labels) - self._n_refitted < self._refit_every:
            return
        self._n_refitted = len(self._labels)
        texts, labels = [], []
        for genome, row in self._labels.values():
            texts.append(self.space.to_text(self.space.from_genome(genome)))
            labels.append(row)
        self._surrogate = self._refit(texts, labels)
        if isinstance(self._proposer, ImprovementBatches):
            self._proposer.set_predict(self._predict)
        self._chosen.clear()

    def _predict(self, candidates: Sequence[Candidate]) -> Mapping[str, PredictiveDistribution]:
        """Predict what is optimized or budgeted."""
        if self._surrogate is None:
            message = "RLMSampler has no surrogate yet. Give `surrogate`, or `refit`."
            raise SamplerError(message)
        names = [metric.name for metric in self.objectives]
        names += [item.metric.name for item in self.budgets]
        texts = [self._reader.text(candidate) for candidate in candidates]
        return self._surrogate.predict(texts, list(dict.fromkeys(names)))

    def _set_constraints(
        self,
        study: Study,
        trial: FrozenTrial,
        genome: tuple[int, ...],
        values: Sequence[float],
    ) -> None:
        """Store by how much a told trial breaks each budget, unless the trial says it itself."""
        told = {m.name: float(v) for m, v in zip(self.objectives, values, strict=True)}
        for budget in self.budgets:
            key = f"{_CONSTRAINT_KEY}:{budget}"
            if key in trial.system_attrs:
                continue
            value = told.get(budget.metric.name)
            if value is None:
                if self._surrogate is None:
                    continue
                text = self.space.to_text(self.space.from_genome(genome))
                prediction = self._surrogate.predict([text], [budget.metric.name])
                value = float(prediction[budget.metric.name].mean[0])
            excess = value - budget.limit if budget.is_upper else budget.limit - value
            study._storage.set_trial_system_attr(trial._trial_id, key, excess)
