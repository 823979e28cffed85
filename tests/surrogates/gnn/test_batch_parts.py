"""Batches whose memory is bounded by the pairs of their statements."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from surrogates.gnn import batch_parts
from surrogates.gnn.batch_parts import MAX_TRAINING_PAIRS, batches_by_area, training_outputs
from surrogates.gnn.regressor import GatRegressor

LENGTHS = [3, 9, 2, 9, 5, 4, 1, 8]
ROWS = np.array([7, 0, 3, 5, 1, 6])


class Dropped(nn.Module):
    """Two layers with dropout in between; remembers how many rows it was given."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 16), nn.Linear(16, 2)
        self.dropout = nn.Dropout(share)
        self.seen: list[int] = []

    def forward(self, rows: Tensor) -> Tensor:
        self.seen.append(len(rows))
        outputs: Tensor = self.second(self.dropout(torch.tanh(self.first(rows))))
        return outputs


def gradients(share: float, lengths: Sequence[int]) -> tuple[Tensor, list[Tensor], list[int]]:
    """Outputs, gradients of a loss over all pairs of rows, and the sizes of what was read."""
    torch.manual_seed(0)
    features, network = torch.randn(len(LENGTHS), 4), Dropped(share)
    outputs = training_outputs(network, lambda rows: features[rows], ROWS, lengths)
    (outputs[:, None] - outputs[None, :]).exp().sum().backward()
    weights = [weight.grad for weight in network.parameters() if weight.grad is not None]
    return outputs.detach(), weights, network.seen


def test_long_graphs_come_in_small_batches() -> None:
    lengths = [10] * 300 + [2000] * 3
    batches = batches_by_area(lengths, 4_000_000)
    rows = np.concatenate(batches)
    assert sorted(rows.tolist()) == list(range(303))
    assert all(len(batch) * max(lengths[k] for k in batch) ** 2 <= 4_000_000 for batch in batches)
    assert len(batches) <= 8
    assert batches_by_area([], 4_000_000) == []


def test_a_batch_within_the_bound_is_read_at_once() -> None:
    assert gradients(0.0, LENGTHS)[2] == [len(ROWS)]


def test_parts_have_the_outputs_and_gradients_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, of_whole, _ = gradients(0.0, LENGTHS)
    monkeypatch.setattr(batch_parts, "MAX_TRAINING_PAIRS", 100)
    parts, of_parts, seen = gradients(0.0, LENGTHS)
    assert sorted(seen) == sorted([3, 1, 1, 1] * 2)  # once forwards, once backwards
    assert torch.allclose(parts, whole, atol=1e-6)
    assert len(of_parts) == 4
    for ours, theirs in zip(of_parts, of_whole, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_part_is_read_again_with_the_dropout_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_parts, "MAX_TRAINING_PAIRS", 100)
    _, weights, _ = gradients(0.5, LENGTHS)
    monkeypatch.setattr(batch_parts, "checkpoint", lambda of_part, part, **_: of_part(part))
    _, kept, _ = gradients(0.5, LENGTHS)
    for ours, theirs in zip(weights, kept, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_training_on_long_graphs_stays_within_the_bound(
    small_texts: list[str],
    small_labels: list[dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = {"width": 8, "n_layers": 1, "n_steps": 3, "batch_size": 8, "n_members": 1}
    areas: list[int] = []
    real = GatRegressor.network_type.forward

    def seen(self: nn.Module, batch: object) -> Tensor:
        n, s = batch.padding.shape  # type: ignore[attr-defined]
        areas.append(n * s * s if n > 1 else 0)
        return real(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(GatRegressor.network_type, "forward", seen)
    GatRegressor(**quick).fit(small_texts, small_labels)
    largest = max(areas)
    monkeypatch.setattr(batch_parts, "MAX_TRAINING_PAIRS", largest // 3)
    areas.clear()
    fitted = GatRegressor(**quick).fit(small_texts, small_labels)
    assert 0 < max(areas) <= largest // 3
    assert np.isfinite(fitted.predict(small_texts)["macs"].mean).all()


def test_batches_of_known_search_spaces_are_never_split() -> None:
    """The longest graphs of all search spaces have about 120 statements."""
    assert MAX_TRAINING_PAIRS > 256 * 120**2
