"""The sampler in real studies: unique proposals, refits, constraints, resumed studies, errors."""

from collections.abc import Callable, Sequence

import numpy as np
import optuna
import pytest

import search_spaces
from nas_rlm.errors import SamplerError, SpaceExhaustedError
from nas_rlm.search.candidates import Candidate, CandidateReader
from nas_rlm.search.sampler import RLMSampler, gene_distributions, suggest_architecture
from search_spaces.nasbench201 import NasBench201
from tests.nas_rlm.search.fakes import CountingSurrogate, fake_latency_ms

LATENCY, MACS = "latency_ms/local", "macs"
SMALL = {"population_size": 15, "generations": 3}
SPACE = search_spaces.get_space("nasbench201")


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def evaluate(trial: optuna.Trial) -> tuple[float, float]:
    """Two true objectives."""
    architecture = suggest_architecture(trial, SPACE)
    macs = SPACE.published_counts(architecture).mult_adds
    return fake_latency_ms(SPACE.to_text(architecture)), macs / 1e6


def fit(texts: list[str], labels: list[dict[str, float]]) -> CountingSurrogate:
    """Train on what was told."""
    return CountingSurrogate().fit(texts, labels)


def trained() -> CountingSurrogate:
    """A surrogate for both objectives."""
    rng = np.random.default_rng(5)
    architectures = [SPACE.sample(rng) for _ in range(30)]
    texts = [SPACE.to_text(item) for item in architectures]
    macs = [SPACE.published_counts(item).mult_adds / 1e6 for item in architectures]
    labels = [
        {LATENCY: fake_latency_ms(text), MACS: value}
        for text, value in zip(texts, macs, strict=True)
    ]
    return CountingSurrogate().fit(texts, labels)


def optimized(n_trials: int, **options: object) -> tuple[optuna.Study, RLMSampler]:
    sampler = RLMSampler(SPACE, [LATENCY, MACS], **SMALL, **options)  # type: ignore[arg-type]
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)
    study.optimize(evaluate, n_trials=n_trials)
    return study, sampler


def digests(study: optuna.Study) -> list[str | None]:
    reader = CandidateReader(SPACE)
    return [
        reader.digest([trial.params[f"gene_{gene}"] for gene in range(6)])
        for trial in study.trials
    ]


def test_no_network_is_proposed_twice_and_the_seed_decides_which() -> None:
    first, sampler = optimized(12, surrogate=trained(), seed=1)
    assert len(set(digests(first))) == 12
    assert digests(first) == digests(optimized(12, surrogate=trained(), seed=1)[0])
    assert digests(first) != digests(optimized(12, surrogate=trained(), seed=2)[0])
    assert len(sampler.archive) == 12


def test_told_values_train_the_surrogate_every_so_often() -> None:
    seen: list[int] = []

    def refit(texts: list[str], labels: list[dict[str, float]]) -> CountingSurrogate:
        seen.append(len(texts))
        assert all(set(label) == {LATENCY, MACS} for label in labels)
        return fit(texts, labels)

    study, sampler = optimized(26, refit=refit, refit_every=8, batch_size=4)
    assert seen == [8, 16, 24]
    assert isinstance(sampler.surrogate, CountingSurrogate)
    assert len(set(digests(study))) == 26


def test_proposals_by_predictions_beat_random_ones() -> None:
    """One objective that the surrogate knows: the mean of what it proposes is far lower."""
    surrogate = trained()

    def mean(sampler: optuna.samplers.BaseSampler) -> float:
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: evaluate(trial)[1], n_trials=12)
        return float(np.mean([trial.value for trial in study.trials]))

    chosen = mean(RLMSampler(SPACE, [MACS], surrogate, **SMALL, batch_size=12))
    assert chosen < 0.7 * mean(optuna.samplers.RandomSampler(seed=0))


def test_budgets_become_constraints_of_told_or_predicted_values() -> None:
    surrogate = trained()
    sampler = RLMSampler(
        SPACE,
        [MACS],
        surrogate,
        budgets=["macs<=60", "latency_ms/local<=5"],
        batch_size=4,
        **SMALL,
    )
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: evaluate(trial)[1], n_trials=4)
    for trial in study.trials:
        genome = [trial.params[f"gene_{gene}"] for gene in range(6)]
        text = SPACE.to_text(SPACE.from_genome(genome))
        predicted = float(surrogate.predict([text], [LATENCY])[LATENCY].mean[0])
        assert trial.constraints == {
            "macs<=60": pytest.approx(trial.value - 60),
            "latency_ms/local<=5": pytest.approx(predicted - 5),
        }


def test_a_resumed_study_is_taken_in_and_not_repeated() -> None:
    storage = optuna.storages.InMemoryStorage()

    def part(n: int, seed: int) -> optuna.Study:
        sampler = RLMSampler(SPACE, [LATENCY, MACS], trained(), **SMALL, seed=seed, batch_size=5)
        study = optuna.create_study(
            directions=sampler.directions,
            sampler=sampler,
            storage=storage,
            study_name="one",
            load_if_exists=True,
        )
        study.optimize(evaluate, n_trials=n)
        assert len(sampler.archive) == len(study.trials)
        return study

    part(10, 1)
    assert len(set(digests(part(10, 1)))) == 20


@pytest.mark.parametrize("options", [{}, {"batch_size": 1}])
def test_two_workers_of_one_study_share_what_was_proposed(options: dict[str, int]) -> None:
    storage = optuna.storages.InMemoryStorage()
    studies = []
    for _ in range(2):
        sampler = RLMSampler(SPACE, [LATENCY, MACS], seed=7, **options)  # type: ignore[arg-type]
        studies.append(
            optuna.create_study(
                directions=sampler.directions,
                sampler=sampler,
                storage=storage,
                study_name="shared",
                load_if_exists=True,
            )
        )
    genes = gene_distributions(SPACE)
    for _ in range(10):
        for study in studies:
            study.ask(genes)
    assert len(set(digests(studies[0]))) == 20


def chosen_by_hand(numbers: Sequence[int]) -> list[Candidate]:
    """Networks whose first edge is a convolution and whose others are counted up."""
    reader, found = CandidateReader(SPACE), []
    for number in numbers:
        genome = reader.genome((3, 3, 3, 3, number % 5, number // 5))
        assert genome is not None
        found.append(Candidate(genome, reader.digest(genome) or ""))
    return found


def test_enqueued_networks_come_before_those_that_the_sampler_chose() -> None:
    sampler = RLMSampler(SPACE, [LATENCY, MACS], trained(), **SMALL, batch_size=10)
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)
    genes = gene_distributions(SPACE)
    study.ask(genes)
    wanted = chosen_by_hand([6, 7, 8])
    sampler.enqueue([*wanted[:2], *wanted])
    for _ in range(14):
        study.ask(genes)
    assert digests(study)[1:4] == [candidate.digest for candidate in wanted]
    assert len(set(digests(study))) == 15


def test_a_refit_keeps_what_was_enqueued() -> None:
    sampler = RLMSampler(SPACE, [LATENCY, MACS], refit=fit, refit_every=2, batch_size=3, **SMALL)
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)
    study.optimize(evaluate, n_trials=1)
    wanted = chosen_by_hand([6, 7, 8])
    sampler.enqueue(wanted)
    study.optimize(evaluate, n_trials=8)
    assert digests(study)[1:4] == [candidate.digest for candidate in wanted]
    assert len(set(digests(study))) == 9


def test_enqueued_trials_are_kept_and_not_proposed_again() -> None:
    sampler = RLMSampler(SPACE, [LATENCY, MACS], trained(), **SMALL, batch_size=3)
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)
    genome = {f"gene_{gene}": 3 for gene in range(6)}
    study.enqueue_trial(genome)
    study.optimize(evaluate, n_trials=7)
    assert study.trials[0].params == genome
    assert len(set(digests(study))) == 7


def test_failed_trials_are_not_proposed_again() -> None:
    sampler = RLMSampler(SPACE, [LATENCY, MACS], trained(), **SMALL, batch_size=2)
    study = optuna.create_study(directions=sampler.directions, sampler=sampler)

    def failing(trial: optuna.Trial) -> tuple[float, float]:
        suggest_architecture(trial, SPACE)
        raise ArithmeticError

    study.optimize(failing, n_trials=3, catch=(ArithmeticError,))
    study.optimize(evaluate, n_trials=4)
    assert len(set(digests(study))) == 7
    assert len(sampler.archive) == 4


def test_an_exhausted_space_is_said() -> None:
    class One(NasBench201):
        """A single free gene."""

        size = 5
        genome_choices = (1, 1, 1, 5, 1, 1)

    one = One("nasbench201", 32, 10)
    sampler = RLMSampler(one, [LATENCY], batch_size=2)
    study = optuna.create_study(sampler=sampler)
    with pytest.raises(SpaceExhaustedError, match="no network that was not proposed: all 5 were"):
        study.optimize(
            lambda trial: len(one.format(suggest_architecture(trial, one))), n_trials=50
        )
    assert len([trial for trial in study.trials if trial.values]) == 5


@pytest.mark.parametrize(
    ("objective", "match"),
    [
        (lambda trial: trial.suggest_float("width", 0, 1), "'width': it is no gene"),
        (lambda trial: trial.suggest_categorical("gene_6", [0, 1]), "'gene_6': it is no gene"),
    ],
)
def test_parameters_that_are_no_genes_are_refused(
    objective: Callable[[optuna.Trial], float], match: str
) -> None:
    study = optuna.create_study(sampler=RLMSampler(SPACE, [LATENCY]))
    with pytest.raises(SamplerError, match=match):
        study.optimize(objective, n_trials=1)


def test_a_half_enqueued_genome_is_refused() -> None:
    study = optuna.create_study(sampler=RLMSampler(SPACE, [LATENCY]))
    study.enqueue_trial({"gene_0": 1})
    with pytest.raises(SamplerError, match="does not fix every gene"):
        study.ask(gene_distributions(SPACE))


def test_a_study_of_other_directions_is_refused() -> None:
    sampler = RLMSampler(SPACE, [LATENCY, "accuracy_percent/cifar10"])
    assert sampler.directions == ["minimize", "maximize"]
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    with pytest.raises(SamplerError, match=r"directions=sampler\.directions"):
        study.ask(gene_distributions(SPACE))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(SamplerError, match="at least one objective"):
        RLMSampler(SPACE, [])
    with pytest.raises(SamplerError, match="`batch_size`"):
        RLMSampler(SPACE, [LATENCY], batch_size=0)
