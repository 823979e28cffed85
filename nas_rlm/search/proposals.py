"""What the sampler is fed with: networks to propose next.

`ImprovementBatches` serves studies that evaluate for real: it starts with random networks, then
chooses among the predicted ones those whose evaluation promises the most.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas_rlm.budget import Budget
from nas_rlm.metrics import Metric
from nas_rlm.search.acquisition import draw, reference_of, select_batch
from nas_rlm.search.archive import Archive
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.evolution import Evolution
from nas_rlm.seeding import generator
from surrogates.base import PredictiveDistribution

Predict = Callable[[Sequence[Candidate]], Mapping[str, PredictiveDistribution]]
"""From candidates to metric name and distribution, in their order."""


class Proposer(ABC):
    """Where a sampler gets networks from."""

    @abstractmethod
    def propose(self, archive: Archive, excluded: set[str], n: int) -> list[Candidate]:
        """Return the networks to propose next.

        Args:
            archive: What was evaluated so far.
            excluded: Digests of everything proposed so far, evaluated or not.
            n: How many are wanted; more or fewer may come.

        Returns:
            Candidates outside `excluded`; none when there are no more.
        """


class ImprovementBatches(Proposer):
    """Batches of the largest expected hypervolume improvement.

    For every batch an evolution on predictions gathers a pool of networks that were not evaluated;
    then `nas_rlm.search.acquisition` chooses from it. Until there is a prediction, networks are
    drawn at random.
    """

    def __init__(
        self,
        reader: CandidateReader,
        objectives: Sequence[Metric],
        predict: Predict | None,
        budgets: Sequence[Budget] = (),
        *,
        population_size: int = 50,
        generations: int = 10,
        n_draws: int = 64,
        seed: int = 0,
    ) -> None:
        """Prepare the search of pools.

        Args:
            reader: Reads genomes of the space.
            objectives: Metrics that are optimized.
            predict: Predicts every objective and budgeted metric; None until there is one.
            budgets: Limits.
            population_size: Networks of a generation of the inner evolution.
            generations: Generations per batch.
            n_draws: Samples of each distribution.
            seed: Seed of the run.
        """
        self.predict = predict
        self._reader = reader
        self._objectives = tuple(objectives)
        self._budgets = tuple(budgets)
        self._population_size = population_size
        self._generations = generations
        self._n_draws = n_draws
        self._seed = seed
        self._batch = 0
        self._known: dict[str, tuple[Candidate, dict[str, PredictiveDistribution]]] = {}

    def set_predict(self, predict: Predict) -> None:
        """Predict with another surrogate from now on; what was predicted is forgotten."""
        self.predict = predict
        self._known.clear()

    def propose(self, archive: Archive, excluded: set[str], n: int) -> list[Candidate]:
        """Return a batch, most promising first."""
        batch, self._batch = self._batch, self._batch + 1
        evolution = Evolution(
            self._reader,
            self._objectives,
            self._budgets,
            population_size=self._population_size,
            seed=int(generator(self._seed, "batch", batch).integers(2**62)),
        )
        if self.predict is None:
            evolution.exclude(sorted(excluded))
            return evolution.ask(n)
        pool = self._pool(evolution, archive, excluded)
        if not pool:
            return []
        known = [self._known[candidate.digest][1] for candidate in pool]
        prediction = {
            name: _joined([item[name] for item in known]) for name in evolution.archive.metrics
        }
        draws = draw(prediction, self._n_draws, generator(self._seed, "draws", batch))
        evaluated = archive.objectives[archive.violations == 0.0] if len(archive) else None
        means = np.stack([prediction[item.name].mean for item in self._objectives], axis=1)
        points = means * np.array([item.direction.sign for item in self._objectives])
        if evaluated is None or len(evaluated) == 0:
            evaluated = np.zeros((0, len(self._objectives)))
        chosen = select_batch(
            draws,
            evaluated,
            reference_of(np.vstack([evaluated, points])),
            n,
            objectives=self._objectives,
            budgets=self._budgets,
        )
        return [pool[row] for row in chosen]

    def _pool(self, evolution: Evolution, archive: Archive, excluded: set[str]) -> list[Candidate]:
        """Networks that an evolution on predictions went through and that are not excluded."""
        if len(archive):
            evolution.tell(
                [
                    Candidate(tuple(genome), name)
                    for genome, name in zip(archive.genomes.tolist(), archive.digests, strict=True)
                ],
                {name: archive.values(name) for name in archive.metrics},
            )
        waiting = excluded - set(archive.digests)
        evolution.exclude(sorted(waiting))
        pool: list[Candidate] = []
        for _ in range(self._generations):
            candidates = evolution.ask(self._population_size)
            if not candidates:
                break
            self._remember(candidates)
            known = [self._known[candidate.digest][1] for candidate in candidates]
            evolution.tell(
                candidates,
                {
                    name: np.array([float(item[name].mean[0]) for item in known])
                    for name in evolution.archive.metrics
                },
            )
            pool += candidates
        return pool

    def _remember(self, candidates: Sequence[Candidate]) -> None:
        """Predict the candidates that were not predicted yet, in one batch."""
        new = [candidate for candidate in candidates if candidate.digest not in self._known]
        if not new or self.predict is None:
            return
        prediction = self.predict(new)
        for row, candidate in enumerate(new):
            single = {name: item.take([row]) for name, item in prediction.items()}
            self._known[candidate.digest] = (candidate, single)


def _joined(items: Sequence[PredictiveDistribution]) -> PredictiveDistribution:
    """Stack distributions; shorter supports are padded with their last value and no mass."""
    width = max(item.values.shape[1] for item in items)

    def padded(array: NDArray[np.float64], mode: str) -> NDArray[np.float64]:
        missing = width - array.shape[1]
        if missing == 0:
            return array
        fill = array[:, -1:] if mode == "edge" else np.zeros((len(array), 1))
        return np.hstack([array, np.repeat(fill, missing, axis=1)])

    return PredictiveDistribution(
        np.vstack([padded(item.values, "edge") for item in items]),
        np.vstack([padded(item.probabilities, "zero") for item in items]),
    )
