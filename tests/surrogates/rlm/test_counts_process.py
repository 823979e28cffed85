"""A Gaussian process on the counts speaks beside the networks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.rlm import counts_process
from surrogates.rlm.calibration import MIN_ROWS
from surrogates.rlm.counts_process import CountsProcess, pool_weights
from surrogates.rlm.regressor import RlmRegressor
from tests.surrogates.conftest import conv_chain

ACCURACY, LATENCY = "accuracy_percent/x", "latency_ms/y"
QUICK: dict[str, Any] = {
    "width": 8, "n_layers": 1, "n_steps": 4, "batch_size": 8, "n_members": 2,
}  # fmt: skip
TEXTS = [conv_chain(n, kernel) for n in range(1, 6) for kernel in (1, 3, 5)]
LABELS = [
    {ACCURACY: 80.0 + n + kernel, LATENCY: 1.0 + n * kernel}
    for n in range(1, 6)
    for kernel in (1, 3, 5)
]


def fitted(n_copies: int = 1, **settings: Any) -> RlmRegressor:
    """Fit on the rows, each so often."""
    rlm = RlmRegressor(**{**QUICK, **settings})
    return rlm.fit(TEXTS * n_copies, LABELS * n_copies, seed=1)


@pytest.mark.parametrize(
    ("n_copies", "weights"), [(1, (1.0, 1.0)), (MIN_ROWS // len(TEXTS), (0.575, 0.575))]
)
def test_the_answer_is_a_product_of_network_and_process(
    n_copies: int, weights: tuple[float, float]
) -> None:
    both = fitted(n_copies, n_members=1)
    alone = fitted(n_copies, n_members=1, pools_process=False)
    found, network = both.predict(TEXTS)[LATENCY], alone.predict(TEXTS)[LATENCY]
    assert both._fitted().process is not None
    assert alone._fitted().process is None
    (leaves,) = [both._digits("it").trie(1).leaf_values]
    (said,) = both._fitted().process.opinions(TEXTS, [1], [leaves])
    density = np.exp(said.log_density.numpy().astype(np.float64))
    product = density ** weights[0] * network.probabilities ** weights[1]
    expected = product / product.sum(axis=1, keepdims=True)
    assert found.probabilities == pytest.approx(expected, abs=1e-5)
    assert np.abs(found.probabilities - network.probabilities).max() > 0.05


def test_the_share_of_the_process_fades_with_the_rows() -> None:
    shares = []
    for n_rows in (16, MIN_ROWS - 1, MIN_ROWS, 200, 2000):
        own, of_network = pool_weights(n_rows)
        assert own + of_network == pytest.approx(2.0 if n_rows < MIN_ROWS else 1.15)
        shares.append(own / (own + of_network))
    assert shares == pytest.approx([0.5, 0.5, 0.5, 9.5 / 200**0.6, 9.5 / 2000**0.6])


def test_untrained_networks_leave_the_answer_to_the_process() -> None:
    truth = [row[LATENCY] for row in LABELS]
    for pools, least in ((True, 0.95), (False, -1.0)):
        estimate = fitted(pools_process=pools).predict(TEXTS)[LATENCY].mean
        assert np.corrcoef(estimate, truth)[0, 1] > least
    alone = fitted(pools_process=False).predict(TEXTS)[LATENCY]
    assert fitted().predict(TEXTS)[LATENCY].std.mean() < 0.7 * alone.std.mean()


@pytest.mark.parametrize(
    "settings", [{"pools_process": False}, {"has_counts": False}, {"head": "mse"}]
)
def test_networks_are_alone_where_settings_say_so(settings: dict[str, Any]) -> None:
    assert fitted(**settings)._fitted().process is None


def test_networks_are_alone_where_texts_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_process, "MAX_TEXTS", 2 * len(TEXTS))
    assert fitted(2)._fitted().process is not None
    assert fitted(3)._fitted().process is None


def test_some_rows_of_too_many_speak_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = np.array([[60.0 + place**2, row[LATENCY]] for place, row in enumerate(LABELS)])
    targets[::2, 1] = np.nan
    leaves = torch.linspace(1.5, 26.0, 16)
    found = {}
    for most in (len(TEXTS), 9):
        monkeypatch.setattr(counts_process, "MAX_ROWS", most)
        found[most] = CountsProcess.fit(TEXTS, targets, seed=3)
    all_of, some_of = found.values()
    assert all_of is not None
    assert some_of is not None
    sizes = [
        [len(own) for name, own in each.tensors().items() if "labels" in name]
        for each in (all_of, some_of)
    ]
    assert sizes == [[15, 7], [9, 7]]
    one, other = (each.tensors()["0.labels"].tolist() for each in (all_of, some_of))
    assert other == [label for label in one if label in other]  # some of them, in their order
    (said, same), (less, still) = (
        each.opinions(TEXTS, [0, 1], [leaves, leaves]) for each in (all_of, some_of)
    )
    assert not torch.equal(said.log_density, less.log_density)
    assert torch.equal(same.log_density, still.log_density)
    assert less.weight == said.weight == pool_weights(len(TEXTS))[0]


def test_rows_are_counted_metric_by_metric() -> None:
    n_devices = 3
    targets = np.full((n_devices * len(TEXTS), n_devices), np.nan)
    for device in range(n_devices):
        own = slice(device * len(TEXTS), (device + 1) * len(TEXTS))
        targets[own, device] = [row[LATENCY] for row in LABELS]
    leaves = torch.linspace(1.5, 26.0, 16)
    process = CountsProcess.fit(TEXTS * n_devices, targets)
    assert process is not None
    for said in process.opinions(TEXTS, range(n_devices), [leaves] * n_devices):
        assert said.log_density.min() < -1.0
        assert (said.weight, said.network_weight) == pool_weights(len(TEXTS))
    targets[:, 1] = 5.0  # nothing to learn
    process = CountsProcess.fit(TEXTS * n_devices, targets)
    assert process is not None
    first, silent, _ = process.opinions(TEXTS, range(n_devices), [leaves] * n_devices)
    assert first.log_density.min() < -1.0
    assert silent.log_density.max() == silent.log_density.min() == 0.0


def test_finetuning_fits_one_to_its_rows_unless_heads_are_trained_alone() -> None:
    start = fitted(MIN_ROWS // len(TEXTS))
    rows = [{"latency_ms/z": row[LATENCY]} for row in LABELS]
    assert start.finetune(TEXTS, rows)._fitted().process is not None
    assert start.finetune(TEXTS, rows, heads_only=True)._fitted().process is None


def test_it_is_saved_with_the_networks(tmp_path: Path) -> None:
    whole = fitted()
    whole.save(tmp_path / "rlm")
    again = RlmRegressor.load(tmp_path / "rlm")
    expected, found = whole.predict(TEXTS), again.predict(TEXTS)
    for metric in (ACCURACY, LATENCY):
        assert found[metric].probabilities == pytest.approx(
            expected[metric].probabilities, abs=1e-7
        )


def test_samples_chains_and_known_values_go_by_the_product() -> None:
    rlm = fitted()
    exact = rlm.predict(TEXTS, decoding="chain")
    drawn = rlm.sample(TEXTS, 3000, seed=0)
    for metric in (ACCURACY, LATENCY):
        error = np.abs(drawn[metric].mean(axis=0) - exact[metric].mean)
        assert (error < 5 * exact[metric].std / np.sqrt(3000) + 0.02 * exact[metric].std).all()
    sharp = rlm.sample(TEXTS, 200, seed=0, metrics=[LATENCY], top_p=0.2)[LATENCY]
    assert sharp.std(axis=0).mean() < 0.5 * exact[LATENCY].std.mean()
    known = {ACCURACY: np.array([row[ACCURACY] for row in LABELS])}
    given = rlm.predict(TEXTS, [LATENCY], condition_on=known)[LATENCY]
    assert np.corrcoef(given.mean, [row[LATENCY] for row in LABELS])[0, 1] > 0.95


def test_nothing_is_said_of_a_metric_with_hardly_any_labels() -> None:
    targets = np.full((len(TEXTS), 2), np.nan)
    targets[:3, 0] = [2.0, 3.0, 4.0]
    targets[:, 1] = np.linspace(2.0, 8.0, len(TEXTS))
    assert CountsProcess.fit(TEXTS, targets[:, :1]) is None
    process = CountsProcess.fit(TEXTS, targets)
    assert process is not None
    leaves = torch.linspace(1.5, 9.0, 16)
    silent, said = process.opinions(TEXTS[:5], [0, 1], [leaves, leaves])
    assert silent.log_density.shape == said.log_density.shape == (5, 16)
    assert said.log_density.min() < -1.0
    written = torch.softmax(torch.arange(16.0), dim=0).expand(5, 16)
    assert silent.with_network(written) == pytest.approx(written, abs=1e-6)
    assert said.with_network(written) != pytest.approx(written, abs=1e-2)
    (none,) = process.opinions([], [1], [leaves])
    assert none.log_density.shape == (0, 16)


def test_many_rows_choose_the_kernel_by_some_and_condition_on_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets = np.array([[row[LATENCY]] for row in LABELS])
    leaves = torch.linspace(1.5, 26.0, 16)

    def said(seed: int) -> torch.Tensor:
        process = CountsProcess.fit(TEXTS, targets, seed=seed)
        assert process is not None
        return process.opinions(TEXTS, [0], [leaves])[0].log_density

    whole = said(0)
    monkeypatch.setattr(counts_process, "_N_TUNING_ROWS", 8)
    first, again, other = map(said, (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.argmax(dim=1).tolist() == whole.argmax(dim=1).tolist()
