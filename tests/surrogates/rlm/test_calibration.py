"""The channel from written to meant numerals: its shape, its fit, its agreement with sampling."""

import tracemalloc

import numpy as np
import pytest
import torch

from surrogates.rlm.calibration import (
    MIN_ROWS,
    UNCALIBRATED,
    MetricCalibration,
    channel,
    fit_calibration,
    growth,
    held_out,
)
from surrogates.rlm.digit_trie import digit_trie
from surrogates.rlm.model import TrieTensors, leaf_log_probabilities
from surrogates.rlm.number_tokens import NumeralGrammar

GRAMMAR = NumeralGrammar(n_digits=2, min_exponent=0, max_exponent=0)
TRIE = TrieTensors.of(digit_trie(GRAMMAR, ((0, 2),)))
LEAVES = TRIE.leaf_values.numpy()


def logits_of_gaussians(centres: np.ndarray, width: float) -> torch.Tensor:
    """Logits under which every row is a Gaussian over the numerals."""
    leaves = torch.from_numpy(LEAVES).double()
    mass = torch.exp(-0.5 * ((leaves - torch.from_numpy(centres)[:, None]) / width) ** 2)
    reached = torch.full((len(centres), *TRIE.legal.shape), 1e-30, dtype=torch.double)
    for position in range(TRIE.leaf_nodes.shape[1]):
        nodes, tokens = TRIE.leaf_nodes[:, position], TRIE.leaf_tokens[:, position]
        flat = nodes * TRIE.legal.shape[1] + tokens
        reached.view(len(centres), -1).index_add_(1, flat, mass)
    return reached.log().float()


def test_the_probe_writes_the_gaussians_it_should() -> None:
    written = leaf_log_probabilities(logits_of_gaussians(np.array([5.0]), 1.0), TRIE).exp()
    expected = np.exp(-0.5 * (LEAVES - 5.0) ** 2)
    assert written[0].numpy() == pytest.approx(expected / expected.sum(), abs=1e-5)


def test_a_channel_has_the_line_and_the_width_it_says() -> None:
    matrix = channel(TRIE.leaf_values, MetricCalibration(1.0, 1.0, 0.8, 0.4)).double().numpy()
    row = int(np.abs(LEAVES - 5.0).argmin())
    mean = matrix @ LEAVES
    assert matrix.sum(axis=1) == pytest.approx(np.ones(len(LEAVES)), abs=1e-5)
    assert mean[row] == pytest.approx(1.0 + 0.8 * 5.0, abs=0.01)
    assert np.sqrt(matrix[row] @ (LEAVES - mean[row]) ** 2) == pytest.approx(0.4, abs=0.02)


def test_stretched_numerals_and_their_error_are_recovered() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(3.0, 8.0, size=4000)
    said = 5.5 + 1.5 * (true - 5.5 + rng.laplace(scale=0.3 / np.sqrt(2), size=4000))
    is_inside = (said > 1.2) & (said < 9.7)
    found = fit_calibration(
        logits_of_gaussians(said, 1.6)[is_inside], TRIE, true[is_inside], growth(2)
    )
    fitted = np.polyfit(said[is_inside], true[is_inside], 1)
    assert found.slope == pytest.approx(fitted[0], abs=0.1)
    assert found.offset == pytest.approx(fitted[1], abs=0.5)
    at = found._replace(sharpness=found.sharpness / growth(2), width=found.width * growth(2))
    logits = logits_of_gaussians(said[is_inside], 1.6)
    written = leaf_log_probabilities(at.sharpness * logits, TRIE).exp()
    meant = (written @ channel(TRIE.leaf_values, at)).double().numpy()
    labels = true[is_inside]
    below = (meant * (labels[:, None] > LEAVES)).sum(axis=1)
    for level in (0.5, 0.8, 0.95):
        covered = np.mean(np.abs(2.0 * below - 1.0) <= level)
        assert covered == pytest.approx(level, abs=0.1)  # what is written has a width too
    deviation = np.sqrt((meant * (LEAVES - meant @ LEAVES[:, None]) ** 2).sum(axis=1)).mean()
    assert deviation < 0.5  # as it was written it is 1.6


def test_few_rows_are_not_calibrated() -> None:
    logits = logits_of_gaussians(np.linspace(3.0, 6.0, 8), 1.0)
    assert fit_calibration(logits[:7], TRIE, np.linspace(3.0, 6.0, 7), 1) == UNCALIBRATED
    assert fit_calibration(logits, TRIE, np.linspace(3.0, 6.0, 8), 1) != UNCALIBRATED


def test_equal_labels_give_a_narrow_channel() -> None:
    found = fit_calibration(logits_of_gaussians(np.full(30, 5.0), 1.6), TRIE, np.full(30, 5.0), 3)
    meant = leaf_log_probabilities(
        found.sharpness * logits_of_gaussians(np.array([5.0]), 1.6), TRIE
    ).exp() @ channel(TRIE.leaf_values, found)
    assert float(meant[0, np.abs(LEAVES - 5.0) < 0.55].sum()) > 0.6


def test_members_leave_out_different_texts_and_all_rows_of_them() -> None:
    texts = [f"network {row % 40}" for row in range(100)]
    found = held_out(texts, np.zeros(100, np.int64), 3, np.random.default_rng(0))
    left = [{texts[row] for row in member.rows} for member in found]
    assert [len(group) for group in left] == [13, 13, 13]
    assert len(set().union(*left)) == 39
    for member, group in zip(found, left, strict=True):
        assert set(member.rows) == {row for row in range(100) if texts[row] in group}
        assert [texts[row] for row in member.distinct] == [
            texts[row] for row in sorted({texts.index(text) for text in group})
        ]


def test_no_more_than_150_texts_are_left_out_and_none_of_few_rows() -> None:
    def left_out(texts: list[str]) -> list[int]:
        found = held_out(texts, np.zeros(len(texts), np.int64), 2, np.random.default_rng(0))
        return [len(member.rows) for member in found]

    assert left_out([str(row) for row in range(1000)]) == [150, 150]
    assert left_out([str(row) for row in range(MIN_ROWS - 1)]) == [0, 0]
    assert left_out(["one"] * 100) == [0, 0]


def test_every_group_of_metrics_is_looked_at_and_a_shared_text_is_left_out_of_all() -> None:
    texts = [str(row) for row in range(900)] + [str(row) for row in range(60)]
    groups = np.repeat([0, 1], [900, 60])  # the second describes networks of the first again
    for member in held_out(texts, groups, 2, np.random.default_rng(0)):
        assert np.bincount(groups[member.distinct]).tolist() == [150, 20]
        left = {texts[row] for row in member.distinct}
        assert set(member.rows) == {row for row, text in enumerate(texts) if text in left}


def test_groups_of_the_same_texts_leave_out_the_same_ones() -> None:
    texts = [str(row % 90) for row in range(900)]  # ten groups, each of all 90 texts
    groups = np.arange(900) // 90
    found = held_out(texts, groups, 3, np.random.default_rng(0))
    for member in found:
        assert np.bincount(groups[member.distinct]).tolist() == [30] * 10
        assert len(member.rows) == 300
    assert len(np.unique(np.concatenate([member.rows for member in found]))) == 900


def test_more_members_are_trusted_to_err_less() -> None:
    logits = logits_of_gaussians(np.linspace(3.0, 6.0, 40), 1.6)
    one, three = (
        fit_calibration(logits, TRIE, np.linspace(3.2, 6.5, 40), growth(n)) for n in (1, 3)
    )
    assert (growth(1), growth(3)) == (1.2, 1.75)
    assert one.width / three.width == pytest.approx(1.75 / 1.2)
    assert three.sharpness / one.sharpness == pytest.approx(1.75 / 1.2)


def test_texts_are_drawn_in_their_sorted_order_whatever_order_they_come_in() -> None:
    texts = [f"é{k * 37 % 50}" if k % 3 else f"a{k % 20}" for k in range(120)]
    groups = np.arange(120) % 2
    found = held_out(texts, groups, 2, np.random.default_rng(5))
    _, text_of = np.unique(np.array(texts), return_inverse=True)  # how numbers were once given
    numbered = [f"{number:03}" for number in text_of.tolist()]
    expected = held_out(numbered, groups, 2, np.random.default_rng(5))
    for one, other in zip(found, expected, strict=True):
        assert one.rows.tolist() == other.rows.tolist()
        assert one.distinct.tolist() == other.distinct.tolist()


def test_one_long_text_costs_its_own_length_alone() -> None:
    texts = [*(f"text {k}" for k in range(MIN_ROWS)), "x" * 1_000_000]
    tracemalloc.start()
    try:
        held_out(texts, np.zeros(len(texts), dtype=np.int64), 2, np.random.default_rng(0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
