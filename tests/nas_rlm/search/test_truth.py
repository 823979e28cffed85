from collections.abc import Sequence

import numpy as np
import pytest

import search_spaces
from nas_rlm.benchmark.nasbench201 import Nasbench201Table, count_params
from nas_rlm.data_files import MetricTable
from nas_rlm.errors import TruthError
from nas_rlm.metrics import Metric, parse_metric
from nas_rlm.search import truth as truth_file
from nas_rlm.search.candidates import Genomes
from nas_rlm.search.truth import AccuracyTable, Truth, truth_of

SPACE = search_spaces.get_space("nasbench201")
ACCURACY = "accuracy_percent/cifar10"


def metrics(*names: str) -> Sequence[Metric]:
    return [parse_metric(name) for name in names]


class Few:
    """Two architectures are known, one of them whole."""

    metrics = ("latency_ms/pixel3", "latency_ms/fpga")
    genomes = np.array([[0] * 6, [1] * 6])

    def values(self, metric: str, genomes: Genomes) -> np.ndarray:
        known = {(0,) * 6: 5.0, (1,) * 6: np.nan if metric.endswith("fpga") else 6.0}
        return np.array([known.get(tuple(genome), np.nan) for genome in genomes.tolist()])

    def spans(self, metric: str, genomes: Genomes) -> np.ndarray:
        del metric
        return np.full((len(genomes), 2), np.nan)


def test_each_metric_has_its_source() -> None:
    truth = truth_of(SPACE, metrics(ACCURACY, "latency_ms/local", "params"))
    assert truth.tabled == (ACCURACY,)
    assert truth.measured == ("latency_ms/local",)
    genomes = np.array([[4, 2, 1, 2, 1, 1]])
    assert (
        truth.values(ACCURACY, genomes).tolist()
        == Nasbench201Table().accuracies_percent(genomes).tolist()
    )
    cell = SPACE.from_genome(genomes[0])
    assert truth.values("params", genomes)[0] == SPACE.published_counts(cell).parameters
    assert truth.known_genomes() is None


def test_counts_of_the_space_are_those_of_the_table(rng: np.random.Generator) -> None:
    genomes = rng.integers(0, 5, size=(50, 6))
    truth = truth_of(SPACE, metrics("params"))
    counted = count_params(genomes, "cifar10")
    np.testing.assert_array_equal(truth.values("params", genomes), counted)


def test_spread_is_that_of_the_runs_and_absent_where_there_is_one() -> None:
    table, genomes = Nasbench201Table(), Nasbench201Table().genomes[:300]
    spans = AccuracyTable(["cifar10"]).spans(ACCURACY, genomes)
    values = truth_of(SPACE, metrics(ACCURACY)).values(ACCURACY, genomes)
    for genome, (low, high), value in zip(genomes.tolist(), spans, values, strict=True):
        runs = table.run_accuracies_percent(genome)
        assert (low, high) == (min(runs), max(runs))
        assert low <= value <= high
    counted = truth_of(SPACE, metrics(ACCURACY)).spans("params", genomes)
    assert np.isnan(counted).all()


def test_whole_space_is_given_only_where_every_value_is_known() -> None:
    truth = truth_of(SPACE, metrics(ACCURACY, "latency_ms/local"))
    whole = truth.whole_space([ACCURACY, "params"])
    assert whole is not None
    table = Nasbench201Table()
    accuracies = table.accuracies_percent(table.genomes)
    counted = count_params(table.genomes, "cifar10")
    np.testing.assert_array_equal(whole, np.stack([accuracies, counted], 1))
    assert truth.whole_space([ACCURACY, "latency_ms/local"]) is None
    assert truth.whole_space(["params"]) is None
    assert Truth(SPACE, (Few(),)).whole_space(["latency_ms/pixel3"]) is None


def test_a_partial_table_says_which_architectures_it_knows_whole() -> None:
    known = Truth(SPACE, (Few(),)).known_genomes()
    assert known is not None
    assert known.tolist() == [[0] * 6]


@pytest.mark.parametrize(
    ("space", "metric"),
    [
        ("fbnet", ACCURACY),
        ("nasbench201", "accuracy_percent/imagenet"),
        ("nasbench201", "latency_ms/raspi4"),
    ],
)
def test_a_metric_without_truth_is_named_with_those_that_have_one(space: str, metric: str) -> None:
    with pytest.raises(TruthError, match=f"{space!r} has no true values of {metric!r}") as error:
        truth_of(search_spaces.get_space(space), metrics("latency_ms/local", metric))
    assert "latency_ms/local, params, macs" in str(error.value)


def test_a_metric_in_no_table_is_refused() -> None:
    with pytest.raises(TruthError, match="No table holds 'latency_ms/fpga'"):
        truth_of(SPACE, metrics(ACCURACY)).values("latency_ms/fpga", np.zeros((1, 6), dtype=int))


def test_a_file_knows_a_network_by_any_of_its_architectures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nodes of a cell may stand in another order, which must not matter."""
    space = search_spaces.get_space("nds_darts")
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(10)]
    other = next(a for a in drawn if space.canonical(a) != a)
    canonical = space.canonical(other)
    genomes = np.array([space.to_genome(other), space.to_genome(drawn[-2])])
    metric = "accuracy_percent/cifar10_surrogate"
    table = MetricTable("nds_darts", genomes, {metric: np.array([90.0, np.nan])})
    monkeypatch.setattr(truth_file, "read_metric_table", lambda *_: table)
    known = truth_file.FileTable("nds_darts", [metric])
    asked = [other, canonical, drawn[-2], drawn[-1]]
    values = known.values(metric, np.array([space.to_genome(a) for a in asked]))
    assert values[:2].tolist() == [90.0, 90.0]
    assert np.isnan(values[2:]).all()


@pytest.mark.data
@pytest.mark.usefixtures("data_folder")
@pytest.mark.parametrize(
    ("space", "metric"),
    [
        ("nds_darts", "accuracy_percent/cifar10_surrogate"),
        ("fbnet", "latency_ms/pixel3"),
        ("ofa_mbv3", "accuracy_percent/imagenet"),
    ],
)
def test_canonical_architectures_of_a_file_have_their_labels(space: str, metric: str) -> None:
    chosen = search_spaces.get_space(space)
    truth = truth_of(chosen, metrics(metric))
    known = truth.known_genomes()
    assert known is not None
    canonical = [chosen.canonical(chosen.from_genome(g)) for g in known[:300].tolist()]
    found = truth.values(metric, np.array([chosen.to_genome(a) for a in canonical]))
    assert np.isfinite(found).all()


@pytest.mark.data
@pytest.mark.usefixtures("data_folder")
def test_devices_come_from_the_data_folder() -> None:
    truth = truth_of(SPACE, metrics(ACCURACY, "latency_ms/pixel3"))
    assert truth.tabled == (ACCURACY, "latency_ms/pixel3")
    values = truth.values("latency_ms/pixel3", np.array([[3] * 6, [1] * 6]))
    assert values[0] > values[1] > 0
    assert np.isnan(truth.spans("latency_ms/pixel3", np.array([[3] * 6]))).all()
