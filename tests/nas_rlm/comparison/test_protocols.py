"""The protocols: every one can be run, cut short, and says what it wants."""

import dataclasses

import pytest

from nas_rlm.benchmark.nasbench201 import TASK_FILES
from nas_rlm.comparison import (
    PROTOCOLS,
    Comparison,
    ComparisonProtocol,
    CrossSpaceProtocol,
    find_method,
    find_protocol,
    quick,
)
from nas_rlm.comparison.scores import SCORES
from nas_rlm.data_files import metrics_of
from nas_rlm.errors import ConfigError
from search_spaces import SPACES


def labels_of(protocol: Comparison) -> list[tuple[str, str]]:
    """Space and metric of every label that is not in a file of a user."""
    if isinstance(protocol, CrossSpaceProtocol):
        return [(source.space, source.metric) for source in protocol.sources if not source.file]
    assert isinstance(protocol, ComparisonProtocol)
    return [(protocol.space, metric) for metric in protocol.metrics]


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_everything_that_a_protocol_names_exists(protocol: Comparison) -> None:
    for target in protocol.targets:
        assert protocol.space_of(target) in SPACES
    for space, metric in labels_of(protocol):
        installed = space == "nasbench201" and metric.partition("/")[2] in TASK_FILES
        assert installed or metric in metrics_of(space)
    assert set(protocol.quick_methods) <= set(protocol.methods)
    for method in protocol.methods:
        assert find_method(method, protocol.own_methods).name == method
    assert set(protocol.tables) <= set(protocol.scores) <= set(SCORES)
    for target, n in protocol.goals:
        assert target in protocol.columns
        assert n in protocol.sizes
    for paper in protocol.published:
        assert paper.score in protocol.scores
        assert {(t, n) for t in protocol.targets for n in protocol.sizes} >= set(paper.values)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_published_latencies_are_read_with_all_that_was_measured(protocol: Comparison) -> None:
    measured = [space for space, metric in labels_of(protocol) if metric.startswith("latency_ms")]
    if isinstance(protocol, ComparisonProtocol):
        assert protocol.is_pruned == ("nasbench201" not in measured)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ConfigError, match="No protocol 'fewshot-nasbench202'"):
        find_protocol("fewshot-nasbench202")


def test_quick_keeps_the_smallest_and_its_own_folder() -> None:
    whole = find_protocol("fewshot-nasbench101")
    short = quick(whole)
    assert short.label == "fewshot-nasbench101-quick"
    assert short.name == whole.name == whole.label
    assert short.sizes == (72, 364)
    assert short.seeds == (0, 1)
    assert short.n_test == 1000
    assert quick(dataclasses.replace(whole, n_test=50)).n_test == 50
    assert set(short.methods) < set(whole.methods)
    assert list(quick(find_protocol("fewshot-nasbench201")).targets) == ["c10_val"]
    assert len(quick(find_protocol("multi-metric-nasbench201")).targets) == 5


def test_quick_across_spaces_keeps_every_space() -> None:
    whole = find_protocol("cross-space-16")
    short = quick(whole)
    assert short.targets == whole.targets
    assert (short.n_draws, short.n_source, short.n_test) == (2, 150, 1000)


def test_a_protocol_that_contradicts_itself_is_refused(protocol: ComparisonProtocol) -> None:
    metric = protocol.targets["c10_val"]
    with pytest.raises(ConfigError, match="must not be a source too"):
        dataclasses.replace(protocol, sources={"c10": metric}, n_source=10)
    with pytest.raises(ConfigError, match="both sources and `n_source`"):
        dataclasses.replace(protocol, n_source=10)
