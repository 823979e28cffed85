"""Zero-cost scores of some test rows: computed once, kept, ranked."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison import ComparisonProtocol, run_protocol, zero_cost_rows
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import DatasetError
from nas_rlm.zero_cost import scores


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were scored: by their length, minus infinity for the longest."""
    texts: list[str] = []

    def score(text: str, names: list[str], *_: object) -> dict[str, float]:
        texts.append(text)
        return {names[0]: -np.inf if len(text) > 3000 else float(len(text))}

    monkeypatch.setattr(scores, "zero_cost_scores", score)
    return texts


def test_networks_are_computed_once_and_kept(
    rows: SpaceRows, computed: list[str], tmp_path: Path
) -> None:
    numbers = np.arange(40)
    found, seconds = zero_cost_rows.zero_cost_ranks(rows, numbers, "synflow", tmp_path)
    assert len(computed) == len(set(rows.digests(numbers)))
    lengths = np.array([len(text) for text in rows.texts(numbers)])
    assert (lengths > 3000).any()
    lengths[lengths > 3000] = -1
    assert (np.argsort(found.mean, kind="stable") == np.argsort(lengths, kind="stable")).all()
    again, same = zero_cost_rows.zero_cost_ranks(rows, numbers, "synflow", tmp_path)
    assert len(computed) == len(set(rows.digests(numbers)))
    assert again.mean.tolist() == found.mean.tolist()
    assert same == seconds
    zero_cost_rows.zero_cost_ranks(rows, numbers, "jacov", tmp_path)
    assert len(computed) == 2 * len(set(rows.digests(numbers)))


def test_texts_that_are_not_pruned_have_scores_of_their_own(
    rows: SpaceRows, computed: list[str], tmp_path: Path
) -> None:
    whole = dataclasses.replace(rows, is_pruned=False)
    for chosen in (rows, whole, rows):
        zero_cost_rows.zero_cost_ranks(chosen, np.arange(20), "synflow", tmp_path)
    pruned, unpruned = (set(r.texts(np.arange(20))) for r in (rows, whole))
    assert pruned != unpruned
    assert sorted(computed) == sorted(pruned | unpruned)


def test_scores_that_another_process_lost_are_written_again(
    rows: SpaceRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zero_cost" / "nasbench201-synflow.json"

    def score(text: str, names: list[str], *_: object) -> dict[str, float]:
        path.unlink(missing_ok=True)
        return {names[0]: float(len(text))}

    monkeypatch.setattr(scores, "zero_cost_scores", score)
    found, _ = zero_cost_rows.zero_cost_ranks(rows, np.arange(60), "synflow", tmp_path)
    assert len(found.mean) == 60
    assert len(json.loads(path.read_text())) == len(set(rows.digests(np.arange(60)))) > 20


def test_a_damaged_file_is_told(rows: SpaceRows, computed: list[str], tmp_path: Path) -> None:
    path = tmp_path / "zero_cost" / "nasbench201-synflow.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"a": 1}))
    with pytest.raises(DatasetError, match=r"nasbench201-synflow\.json .* is damaged"):
        zero_cost_rows.zero_cost_ranks(rows, np.arange(3), "synflow", tmp_path)
    assert not computed


def test_the_same_rows_stand_for_all_where_they_can(
    rows: SpaceRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_cost_rows, "ZERO_COST_ROWS", 10)
    every = np.random.default_rng(0).permutation(len(rows))
    first = every[zero_cost_rows.zero_cost_rows(rows, every)]
    second = every[5:][zero_cost_rows.zero_cost_rows(rows, every[5:])]
    assert len(first) == len(second) == 10
    assert set(first) - set(second) <= set(every[:5])


@pytest.mark.usefixtures("space", "computed")
def test_they_are_scored_for_the_first_seed(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_cost_rows, "ZERO_COST_ROWS", 60)
    results = run_protocol(protocol, tmp_path / "tiny", methods=["synflow", "params"])
    assert {(r.method, r.seed) for r in results.rows} == {
        ("synflow", 0),
        ("params", 0),
        ("params", 1),
    }
    values = [r.value for r in results.rows if r.method == "synflow" and r.n == 10]
    assert len(values) == 3
    assert abs(values[0]) <= 1


@pytest.mark.usefixtures("space")
def test_real_scores_rank_real_networks(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_cost_rows, "ZERO_COST_ROWS", 30)
    results = run_protocol(protocol, tmp_path / "tiny", methods=["synflow"], sizes=[10])
    tau = next(r for r in results.rows if r.metric == "kendall_tau")
    assert tau.value > 0  # more mult-adds, more flow
    assert tau.predict_seconds > 0
