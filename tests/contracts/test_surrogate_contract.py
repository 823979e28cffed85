"""What every surrogate promises, whichever it is. A new one adds its quick settings here."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from search_spaces import get_space, to_text
from surrogates import SURROGATES, Surrogate, get_surrogate, load_surrogate, surrogate_class
from surrogates.checkpoint import WEIGHTS, write_checkpoint
from surrogates.errors import (
    CheckpointError,
    LabelError,
    NotFittedError,
    SettingsError,
    TextError,
    UnknownMetricError,
)
from surrogates.rlm.encoders import ENCODERS
from surrogates.rlm.heads import HEADS

QUICK_GRAPH_NETWORK: dict[str, object] = {
    "n_steps": 5,
    "width": 16,
    "n_layers": 1,
    "batch_size": 4,
    "n_members": 2,
    "finetune_steps": 3,
}
MAX_ROWS = 12
"""Of a Gaussian process: more than a test trains on unless it shall be refused."""
QUICK: dict[str, dict[str, object]] = {
    "rlm": {"n_steps": 5, "width": 16, "n_layers": 1, "batch_size": 4, "finetune_steps": 3},
    "gcn": QUICK_GRAPH_NETWORK,
    "gat": QUICK_GRAPH_NETWORK,
    "gin": QUICK_GRAPH_NETWORK,
    "graph_transformer": QUICK_GRAPH_NETWORK,
    "flan": QUICK_GRAPH_NETWORK,
    "ta_gates": QUICK_GRAPH_NETWORK,
    "brp_nas": QUICK_GRAPH_NETWORK,
    "graph_trees": {"n_trees": 5, "n_members": 2},
    "graph_gp": {"max_rows": MAX_ROWS},
    "graph_mlp": {"n_steps": 5, "width": 16, "n_layers": 1, "batch_size": 4, "n_members": 2},
    "constant": {},
    "memorizer": {},
    "mixture": {"gcn": QUICK_GRAPH_NETWORK, "graph_gp": {"max_rows": MAX_ROWS}},
    "extended": {"graph_gp": {"max_rows": MAX_ROWS}},
}
RLM_VARIANTS: dict[str, dict[str, object]] = {
    f"rlm-{value}": {**QUICK["rlm"], option: value, "n_members": 2}
    for option, table, default in (("encoder", ENCODERS, "dataflow"), ("head", HEADS, "digits"))
    for value in table
    if value != default
}
READS_TEXT = tuple(sorted((set(QUICK) | set(RLM_VARIANTS)) - {"constant", "memorizer"}))
METRICS = ("accuracy_percent/cifar10", "params")

Labels = list[dict[str, float]]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Ten distinct NAS-Bench-201 texts."""
    space, rng = get_space("nasbench201"), np.random.default_rng(0)
    found: dict[str, None] = {}
    while len(found) < 10:
        found[to_text(space.to_onnx(space.sample(rng)))] = None
    return list(found)


@pytest.fixture(scope="module")
def labels(texts: list[str]) -> Labels:
    """Two metrics; two rows lack one each."""
    rows: Labels = [
        {METRICS[0]: 90.0 + k / 7, METRICS[1]: 1e5 * len(text)} for k, text in enumerate(texts)
    ]
    del rows[2][METRICS[1]]
    del rows[5][METRICS[0]]
    return rows


@pytest.fixture(scope="module", params=[*sorted(SURROGATES), *RLM_VARIANTS])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(name: str, texts: list[str], labels: Labels) -> Surrogate:
    return new(name).fit(texts[:8], labels[:8], seed=3)


def new(name: str) -> Surrogate:
    return get_surrogate(registered(name), **(QUICK | RLM_VARIANTS)[name])


def registered(name: str) -> str:
    """The name in ``SURROGATES``: an RLM of another encoder or head is an RLM."""
    return "rlm" if name in RLM_VARIANTS else name


def means(surrogate: Surrogate, texts: Sequence[str]) -> np.ndarray:
    prediction = surrogate.predict(texts)
    return np.stack([prediction[metric].mean for metric in surrogate.metrics], axis=1)


def test_every_surrogate_has_quick_settings() -> None:
    assert set(QUICK) == set(SURROGATES)


def test_name_is_the_registered_one(name: str) -> None:
    assert surrogate_class(registered(name)).name == registered(name)


def test_predictions_have_a_row_for_each_text(fitted: Surrogate, texts: list[str]) -> None:
    prediction = fitted.predict(texts)
    assert set(prediction) == set(METRICS)
    for distribution in prediction.values():
        assert len(distribution) == len(texts)
        assert distribution.values.shape == distribution.probabilities.shape


def test_predictions_are_finite_distributions(fitted: Surrogate, texts: list[str]) -> None:
    for distribution in fitted.predict(texts).values():
        assert np.isfinite(distribution.values).all()
        assert (np.diff(distribution.values, axis=1) >= 0).all()
        assert (distribution.probabilities >= 0).all()
        assert distribution.probabilities.sum(axis=1) == pytest.approx(np.ones(len(texts)))
        low, high = distribution.interval(0.9).T
        assert (low <= distribution.median).all()
        assert (distribution.median <= high).all()


def test_an_empty_list_gives_empty_distributions(fitted: Surrogate) -> None:
    prediction = fitted.predict([])
    assert set(prediction) == set(METRICS)
    for distribution in prediction.values():
        assert distribution.mean.shape == distribution.median.shape == (0,)
        assert distribution.interval(0.5).shape == (0, 2)


def test_unfitted_use_is_refused(name: str, texts: list[str], tmp_path: Path) -> None:
    surrogate = new(name)
    assert surrogate.metrics == ()
    with pytest.raises(NotFittedError, match="fitted"):
        surrogate.predict(texts)
    with pytest.raises(NotFittedError, match="fitted"):
        surrogate.save(tmp_path / "unfitted")
    assert not (tmp_path / "unfitted").exists()


def test_refitting_forgets(name: str, texts: list[str]) -> None:
    second: Labels = [{"macs": float(k)} for k in range(4)]
    again = new(name).fit(texts[4:8], [{METRICS[0]: 1.0}] * 4, seed=1)
    again.fit(texts[:4], second, seed=2)
    fresh = new(name).fit(texts[:4], second, seed=2)
    assert again.metrics == fresh.metrics == ("macs",)
    assert means(again, texts) == pytest.approx(means(fresh, texts), rel=1e-6)


def test_the_order_of_rows_is_irrelevant_to_prediction(
    fitted: Surrogate, texts: list[str]
) -> None:
    order = np.random.default_rng(1).permutation(len(texts))
    straight = means(fitted, texts)
    moved = means(fitted, [texts[k] for k in order])
    assert moved == pytest.approx(straight[order], rel=1e-4)


def test_a_text_is_predicted_alone_as_in_a_list(fitted: Surrogate, texts: list[str]) -> None:
    together = means(fitted, texts)
    alone = np.concatenate([means(fitted, [text]) for text in texts])
    assert alone == pytest.approx(together, rel=1e-4)


def test_a_text_twice_is_predicted_twice(fitted: Surrogate, texts: list[str]) -> None:
    pair = means(fitted, [texts[0], texts[9], texts[0]])
    assert pair[0] == pytest.approx(pair[2], rel=1e-5)


def test_saved_and_loaded_twice_it_predicts_the_same(
    fitted: Surrogate, name: str, texts: list[str], tmp_path: Path
) -> None:
    before = fitted.predict(texts)
    surrogate = fitted
    for folder in (tmp_path / "one", tmp_path / "two"):
        surrogate.save(folder)
        surrogate = load_surrogate(folder)
        assert type(surrogate) is surrogate_class(registered(name))
        assert surrogate.metrics == fitted.metrics
    after = surrogate.predict(texts)
    for metric in METRICS:
        assert after[metric].values == pytest.approx(before[metric].values, rel=1e-6)
        assert after[metric].probabilities == pytest.approx(
            before[metric].probabilities, rel=1e-4, abs=1e-7
        )


def test_a_checkpoint_is_json_and_safetensors(
    fitted: Surrogate, name: str, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors"}
    assert json.loads((tmp_path / "manifest.json").read_text())["surrogate"] == registered(name)


def test_a_checkpoint_of_another_kind_is_refused(
    fitted: Surrogate, name: str, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    other = next(other for other in sorted(SURROGATES) if other != registered(name))
    with pytest.raises(
        CheckpointError, match=f"must hold a '{other}', but holds a '{registered(name)}'"
    ):
        surrogate_class(other).load(tmp_path)
    with pytest.raises(CheckpointError, match=r"must hold manifest\.json"):
        surrogate_class(registered(name)).load(tmp_path / "nothing")


def test_the_same_seed_gives_the_same_predictions(
    name: str, fitted: Surrogate, texts: list[str], labels: Labels
) -> None:
    again = new(name).fit(texts[:8], labels[:8], seed=3)
    assert means(again, texts) == pytest.approx(means(fitted, texts), rel=1e-6)


def test_only_the_metrics_asked_for_are_predicted(fitted: Surrogate, texts: list[str]) -> None:
    every = fitted.predict(texts)
    one = fitted.predict(texts, [METRICS[1]])
    assert list(one) == [METRICS[1]]
    assert one[METRICS[1]].mean == pytest.approx(every[METRICS[1]].mean, rel=1e-5)


def test_texts_of_an_unseen_space_are_ordered(fitted: Surrogate, texts: list[str]) -> None:
    found = fitted.order_unseen(texts)
    assert found.shape == (len(texts),)
    assert np.isfinite(found).all()
    assert fitted.order_unseen([]).shape == (0,)


def test_an_unknown_metric_is_refused(fitted: Surrogate, texts: list[str]) -> None:
    with pytest.raises(UnknownMetricError, match="Metric 'latency_ms/moon' was never trained"):
        fitted.predict(texts, ["latency_ms/moon"])
    with pytest.raises(SettingsError, match="distinct"):
        fitted.predict(texts, [METRICS[0], METRICS[0]])


def test_finetuning_gives_a_new_one_that_knows_the_new_metrics(
    name: str, texts: list[str], labels: Labels, tmp_path: Path
) -> None:
    first = new(name).fit(texts[:8], labels[:8], seed=3)
    rows: Labels = [{"accuracy_percent/svhn": 80.0 + k, METRICS[0]: 90.0 + k} for k in range(6)]
    del rows[1][METRICS[0]]
    if not first.can_finetune:
        with pytest.raises(SettingsError, match="cannot be fine-tuned; fit it"):
            first.finetune(texts[:6], rows)
        return
    before = means(first, texts)
    second = first.finetune(texts[:6], rows, seed=4)
    assert type(second) is type(first)
    assert second.metrics == ("accuracy_percent/svhn", METRICS[0])
    assert np.isfinite(means(second, texts)).all()
    assert means(second, texts) == pytest.approx(
        means(first.finetune(texts[:6], rows, seed=4), texts), rel=1e-6
    )
    assert first.metrics == METRICS
    assert means(first, texts) == pytest.approx(before, rel=1e-9)
    second.save(tmp_path / "tuned")
    assert means(load_surrogate(tmp_path / "tuned"), texts) == pytest.approx(
        means(second, texts), rel=1e-6
    )


def test_finetuning_heads_alone_learns_the_new_metric_and_leaves_the_rest(
    name: str, texts: list[str], tmp_path: Path
) -> None:
    known: Labels = [{METRICS[0]: 90.0 + k / 7} for k in range(8)]
    first = new(name).fit(texts[:8], known, seed=3)
    if not first.can_finetune:
        return
    rows: Labels = [{"accuracy_percent/svhn": 80.0 + k} for k in range(6)]
    first.save(tmp_path / "first")
    second = first.finetune(texts[:6], rows, heads_only=True, seed=4)
    second.save(tmp_path / "second")
    before, after = (load_file(tmp_path / folder / WEIGHTS) for folder in ("first", "second"))
    changed = {k for k, v in before.items() if k not in after or not torch.equal(v, after[k])}
    whole = first.finetune(texts[:6], rows, seed=4)
    whole.save(tmp_path / "whole")
    all_changed = load_file(tmp_path / "whole" / WEIGHTS)
    moved = {
        k for k, v in before.items() if k not in all_changed or not torch.equal(v, all_changed[k])
    }
    assert changed
    assert changed < moved


def test_finetuning_refuses_what_it_cannot_do(
    name: str, fitted: Surrogate, texts: list[str]
) -> None:
    if not fitted.can_finetune:
        return
    rows: Labels = [{"accuracy_percent/svhn": 80.0 + k} for k in range(4)]
    with pytest.raises(NotFittedError, match="fitted"):
        new(name).finetune(texts[:4], rows)
    with pytest.raises(LabelError, match="2 texts and 4 mappings"):
        fitted.finetune(texts[:2], rows)
    with pytest.raises(UnknownMetricError, match="known metric, but got 'macs'"):
        fitted.finetune(texts[:4], rows, like={"accuracy_percent/svhn": "macs"})
    with pytest.raises(SettingsError, match="new metrics, but 'params' is not one"):
        fitted.finetune(texts[:4], rows, like={"params": METRICS[0]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_label_that_is_not_finite_is_refused(name: str, texts: list[str], value: float) -> None:
    with pytest.raises(LabelError, match="Labels must be finite, but 'params' of row 1"):
        new(name).fit(texts[:2], [{"params": 1.0}, {"params": value}])


def test_rows_must_be_whole(name: str, texts: list[str]) -> None:
    with pytest.raises(LabelError, match="at least one row"):
        new(name).fit([], [])
    with pytest.raises(LabelError, match="2 texts and 1 mappings"):
        new(name).fit(texts[:2], [{"params": 1.0}])
    with pytest.raises(LabelError, match="row 1 has none"):
        new(name).fit(texts[:2], [{"params": 1.0}, {}])


def test_a_failed_fit_leaves_the_fitted_one_as_it_was(
    name: str, fitted: Surrogate, texts: list[str]
) -> None:
    before = means(fitted, texts)
    with pytest.raises(LabelError):
        fitted.fit(texts[:1], [{"params": float("nan")}])
    far: Labels = [dict.fromkeys(METRICS, 1e9 + row) for row in range(MAX_ROWS + 1)]
    if name in READS_TEXT:
        with pytest.raises(TextError):
            fitted.fit([texts[0], "conv conv"], far[:2])
    if "graph_gp" in (name, *(QUICK | RLM_VARIANTS)[name]):
        with pytest.raises(LabelError, match="`max_rows`"):
            fitted.fit([*texts, *texts][: MAX_ROWS + 1], far)
    assert means(fitted, texts) == pytest.approx(before, rel=1e-6)


def test_constant_labels_and_one_row_are_enough(name: str, texts: list[str]) -> None:
    one = new(name).fit(texts[:1], [{"params": 5.0}])
    assert np.isfinite(means(one, texts)).all()
    same = new(name).fit(texts[:4], [{"params": 5.0}] * 4)
    assert np.isfinite(means(same, texts)).all()


def test_a_metric_of_one_row_is_predicted_for_all(name: str, texts: list[str]) -> None:
    rows: Labels = [{"params": float(k)} for k in range(4)]
    rows[2]["macs"] = 7.0
    prediction = new(name).fit(texts[:4], rows).predict(texts)
    assert list(prediction) == ["params", "macs"]
    assert np.isfinite(prediction["macs"].mean).all()


def test_progress_counts_up_to_its_total(name: str, texts: list[str], labels: Labels) -> None:
    steps: list[tuple[int, int]] = []
    new(name).fit(
        texts[:4], labels[:4], progress=lambda step, total, _: steps.append((step, total))
    )
    assert steps
    assert len({total for _, total in steps}) == 1
    assert [step for step, _ in steps] == sorted({step for step, _ in steps})
    assert steps[-1][0] == steps[-1][1]


def test_the_global_generators_are_left_alone(name: str, texts: list[str], labels: Labels) -> None:
    import torch

    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    new(name).fit(texts[:4], labels[:4], seed=9).predict(texts)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state()[1].tolist() == numpy_state  # noqa: NPY002


def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="no_such_setting"):
        get_surrogate(registered(name), no_such_setting=1)


@pytest.mark.parametrize("reader", READS_TEXT)
def test_a_text_that_is_not_onnx_is_refused(reader: str, texts: list[str]) -> None:
    with pytest.raises(TextError, match="must be ONNX text"):
        new(reader).fit([texts[0], "conv conv"], [{"params": 1.0}, {"params": 2.0}])
    ready = new(reader).fit(texts[:2], [{"params": 1.0}, {"params": 2.0}])
    with pytest.raises(TextError, match="must be ONNX text"):
        ready.predict([texts[0], "conv conv"])


def test_an_unknown_surrogate_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"must be one of .*, but got 'oracle'"):
        get_surrogate("oracle")


def test_a_checkpoint_of_an_unknown_surrogate_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "oracle", {})
    with pytest.raises(
        CheckpointError, match=r"must hold one of \['brp_nas'.*, but holds a 'oracle'"
    ):
        load_surrogate(tmp_path)
