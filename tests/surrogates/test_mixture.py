"""A mixture: the average of its parts, wherever their distributions lie."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from surrogates import PredictiveDistribution, get_surrogate, load_surrogate
from surrogates.base import Labels
from surrogates.errors import CheckpointError, LabelError, NotFittedError, SettingsError
from surrogates.mixture import Mixture, finetuned_and_fresh

ROWS = ["a", "b", "c"], [{"params": 1.0}, {"params": 3.0}, {"params": 8.0}]
QUICK: dict[str, object] = {"n_steps": 5, "width": 8, "n_layers": 1, "finetune_steps": 3}


def labels_of(texts: list[str]) -> list[Labels]:
    return [{"params": 10.0 + row} for row in range(len(texts))]


def test_the_mean_is_that_of_the_parts() -> None:
    found = get_surrogate("mixture", memorizer={}, constant={}).fit(*ROWS).predict(["a", "x"])
    assert found["params"].mean == pytest.approx([(1 + 4) / 2, (3 + 4) / 2])
    assert found["params"].values.tolist() == [[1.0, 1.0, 3.0, 8.0], [1.0, 3.0, 3.0, 8.0]]


def test_a_mixture_of_distributions_has_the_average_mass() -> None:
    sure = PredictiveDistribution(np.array([[1.0, 2.0]]), np.array([[0.9, 0.1]]))
    torn = PredictiveDistribution(np.array([[0.0, 5.0]]), np.array([[0.3, 0.7]]))
    both = PredictiveDistribution.mixture([sure, torn])
    assert both.values.tolist() == [[0.0, 1.0, 2.0, 5.0]]
    assert both.probabilities[0] == pytest.approx([0.15, 0.45, 0.05, 0.35])
    assert both.median.tolist() == [1.0]
    assert PredictiveDistribution.mixture([sure]).median.tolist() == sure.median.tolist()


def test_a_part_that_refuses_leaves_no_part_trained_on_other_rows(small_texts: list[str]) -> None:
    few = [{"params": 1.0 + row} for row in range(4)]
    mixture = get_surrogate("mixture", constant={}, graph_gp={"max_rows": 4})
    before = mixture.fit(small_texts[:4], few).predict(small_texts)["params"].values
    with pytest.raises(LabelError, match="`max_rows`"):
        mixture.fit(small_texts[:5], [{"params": 1000.0 + row} for row in range(5)])
    assert mixture.predict(small_texts)["params"].values.tolist() == before.tolist()


def test_parts_must_know_the_same() -> None:
    one = get_surrogate("constant").fit(["a"], [{"params": 1.0}])
    other = get_surrogate("constant").fit(["a"], [{"macs": 1.0}])
    with pytest.raises(
        SettingsError, match=r"same metrics, but know \[\['params'\], \['macs'\]\]"
    ):
        Mixture.of([one, other])
    with pytest.raises(SettingsError, match="no 'mixture' itself"):
        get_surrogate("mixture", mixture={})
    with pytest.raises(SettingsError, match="must be one of"):
        get_surrogate("mixture", oracle={})


def test_a_part_that_is_missing_or_foreign_is_refused(tmp_path: Path) -> None:
    get_surrogate("mixture", memorizer={}, constant={}).fit(*ROWS).save(tmp_path)
    get_surrogate("constant").fit(["a"], [{"macs": 1.0}]).save(tmp_path / "part-1")
    with pytest.raises(CheckpointError, match="whole mixture"):
        load_surrogate(tmp_path)
    (tmp_path / "part-1" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"must hold manifest\.json"):
        load_surrogate(tmp_path)


@pytest.mark.parametrize("state", [None, [2], 2, {"parts": 0}, {"parts": "2"}])
def test_a_state_without_parts_is_refused(tmp_path: Path, state: object) -> None:
    manifest = {"version": 1, "surrogate": "mixture", "state": state}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="must hold parts of a mixture"):
        load_surrogate(tmp_path)


def test_a_mixture_that_was_cut_short_is_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixture = get_surrogate("mixture", memorizer={}, constant={}).fit(*ROWS)
    mixture.save(tmp_path)
    old = mixture.predict(["a", "x"])["params"].values.tolist()
    mixture.fit(ROWS[0], [{"params": 50.0 + row} for row in range(3)])
    new = mixture.predict(["a", "x"])["params"].values.tolist()

    def broken(*_: object) -> None:
        raise CheckpointError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("surrogates.baselines.constant.ConstantPredictor.save", broken)
        with pytest.raises(CheckpointError, match="disk full"):
            mixture.save(tmp_path)
    assert load_surrogate(tmp_path).predict(["a", "x"])["params"].values.tolist() == old
    for _ in range(3):
        mixture.save(tmp_path)
        assert load_surrogate(tmp_path).predict(["a", "x"])["params"].values.tolist() == new
        assert len(list(tmp_path.iterdir())) == 3


def test_a_finetuned_and_a_fresh_one_both_speak(small_texts: list[str]) -> None:
    texts, labels = small_texts, labels_of(small_texts)
    start = get_surrogate("gcn", **QUICK).fit(
        texts, [{"macs": 2.0 * k} for k in range(len(texts))]
    )
    told: list[float] = []

    def progress(step: int, total: int, _: Mapping[str, float]) -> None:
        told.append(step / total)

    fresh = get_surrogate("gcn", **QUICK)
    both = finetuned_and_fresh(start, fresh, texts, labels, seed=1, progress=progress)
    assert both.metrics == ("params",)
    assert told == sorted(told)
    assert told[-1] == 1.0
    tuned = start.finetune(texts, labels, seed=1)
    alone = get_surrogate("gcn", **QUICK).fit(texts, labels, seed=1)
    means = [each.predict(texts)["params"].mean for each in (tuned, alone)]
    assert np.ptp(np.stack(means), axis=0).max() > 1e-6
    assert both.predict(texts)["params"].mean == pytest.approx(np.mean(means, axis=0), rel=1e-5)
    assert start.metrics == ("macs",)


def test_what_is_not_fitted_is_refused(tmp_path: Path) -> None:
    assert get_surrogate("mixture").metrics == ()
    with pytest.raises(NotFittedError):
        get_surrogate("mixture").save(tmp_path)
