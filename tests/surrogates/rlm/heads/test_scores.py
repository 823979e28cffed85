"""What the heads without digits share: discretised Gaussians and their mixture."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogates.rlm.encoders.base import Encoded, EncoderNetwork, PreparedTexts
from surrogates.rlm.heads.base import Member
from surrogates.rlm.heads.mse import MseHead
from surrogates.rlm.heads.scores import N_VALUES, ScoreNetwork, labelled_columns, standard_values
from surrogates.rlm.settings import RlmSettings


class Passing(EncoderNetwork):
    """Takes vectors for texts."""

    def forward(self, batch: Tensor) -> Encoded:
        return Encoded(batch, torch.zeros(batch.shape[:2], dtype=torch.bool))


class Vectors(PreparedTexts):
    """Vectors that were prepared."""

    def __init__(self, vectors: Tensor) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def collate(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        return self._vectors[torch.as_tensor(rows)]

    def batches(self) -> list[np.ndarray]:
        return [np.arange(len(self))]


def test_standard_values_have_the_moments_of_a_standard_gaussian() -> None:
    values = standard_values()
    assert len(values) == N_VALUES
    assert (np.diff(values) > 0).all()
    assert values.mean() == pytest.approx(0.0, abs=1e-12)
    assert values.std() == pytest.approx(1.0)
    assert values[N_VALUES // 2] == 0.0
    share_within_one = np.mean(np.abs(values) < 1.0)
    assert share_within_one == pytest.approx(0.6827, abs=1.0 / N_VALUES)


def test_members_are_mixed_with_their_own_lines_and_deviations() -> None:
    torch.manual_seed(0)
    settings = RlmSettings(width=8, head="mse", label_scale="raw")
    head = MseHead.fit(np.array([[1.0], [3.0]]), settings)
    networks = [head.new_network(Passing()).eval() for _ in range(2)]
    texts = torch.randn(3, 2, 8)
    members = [
        Member(networks[0], [[10.0, 2.0, 0.5]]),
        Member(networks[1], [[-10.0, 1.0, 1.5]]),
    ]
    values, probabilities = head.distributions(members, texts, [0])[0]
    first, second = (network(texts)[:, 0].detach().double().numpy() for network in networks)
    centres = np.stack([10.0 + 2.0 * first, -10.0 + second])
    assert values.shape == probabilities.shape == (3, 2 * N_VALUES)
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values * probabilities).sum(axis=1) == pytest.approx(centres.mean(axis=0))
    squares = ((values - centres.mean(axis=0)[:, None]) ** 2 * probabilities).sum(axis=1)
    between = ((centres[0] - centres[1]) / 2.0) ** 2
    assert squares == pytest.approx(between + (0.5**2 + 1.5**2) / 2.0)


def test_scores_read_the_summary_only_and_stay_32_bit() -> None:
    torch.manual_seed(0)
    network = ScoreNetwork(Passing(), 8, 2)
    texts = torch.randn(3, 4, 8)
    plain = network(texts)
    texts[:, 1:] += 1.0
    assert plain.shape == (3, 2)
    assert torch.equal(network(texts), plain)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network(texts), plain)


def test_missing_labels_take_no_part() -> None:
    scores = torch.arange(6.0).reshape(3, 2)
    targets = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    (metric, found, kept), *others = labelled_columns(scores, targets)
    assert not others
    assert (metric, found.tolist(), kept.tolist()) == (0, [0.0, 4.0], [1.0, 2.0])
