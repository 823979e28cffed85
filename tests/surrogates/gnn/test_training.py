"""Training of the graph network: losses in closed form, missing labels, schedule."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from surrogates.gnn.gcn import StatementGcn
from surrogates.gnn.settings import GcnSettings
from surrogates.gnn.training import (
    batches_of_rows,
    fit_heads,
    schedule,
    train,
    training_loss,
    with_heads,
)
from surrogates.inputs.batches import GraphBatch
from surrogates.networks.ranking_loss import ranking_loss

NAN = math.nan


def test_without_ranking_the_loss_is_the_squared_error() -> None:
    settings = GcnSettings(ranking_weight=0.0)
    loss = training_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [1.0]]), settings)
    assert float(loss) == pytest.approx((1.0 + 4.0) / 2)


def test_a_missing_label_takes_no_part() -> None:
    settings = GcnSettings()
    predicted = torch.tensor([[0.1, 5.0], [0.4, 0.2], [9.0, -0.3]], requires_grad=True)
    targets = torch.tensor([[0.0, NAN], [1.0, 0.5], [NAN, 0.0]])
    loss = training_loss(predicted, targets, settings)
    first = training_loss(predicted[:2, :1], targets[:2, :1], settings)
    second = training_loss(predicted[1:, 1:], targets[1:, 1:], settings)
    assert loss.item() == pytest.approx((first + second).item() / 2)
    loss.backward()
    assert predicted.grad is not None
    assert predicted.grad[0, 1] == 0.0
    assert predicted.grad[2, 0] == 0.0
    assert predicted.grad.isfinite().all()


def test_a_metric_without_labels_in_the_batch_is_left_out() -> None:
    settings = GcnSettings()
    predicted, targets = torch.tensor([[0.1, 5.0], [0.4, 0.2]]), torch.tensor([[0.0], [1.0]])
    both = torch.cat([targets, torch.full((2, 1), NAN)], dim=1)
    expected = training_loss(predicted[:, :1], targets, settings)
    assert float(training_loss(predicted, both, settings)) == pytest.approx(float(expected))


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [schedule(step, 1000) for step in range(1000)]
    peak = int(np.argmax(rates))
    assert rates[0] < 0.05
    assert 20 <= peak <= 80
    assert rates[peak] == pytest.approx(1.0, abs=0.02)
    assert np.all(np.diff(rates[:peak]) > 0)
    assert np.all(np.diff(rates[peak + 1 :]) < 0)
    assert rates[-1] < 1e-4


def toy_rows(n: int) -> GraphBatch:
    """Chains of one statement repeated: graph k has k + 1 of them."""
    sizes = torch.arange(n) + 1
    return GraphBatch(
        tokens=torch.tensor([[1]]),
        places=torch.tensor([[0]]),
        sizes=torch.ones(1, 1),
        statements=torch.zeros(n, n, dtype=torch.long),
        defines=torch.zeros(n, n, n),
        calls=torch.zeros(n, n, n),
        padding=torch.arange(n) >= sizes[:, None],
    )


def trained(seed: int, n_steps: int = 60, decay: float = 0.9) -> tuple[StatementGcn, list[float]]:
    batch = toy_rows(6)
    targets = torch.linspace(-1.0, 1.0, 6)[:, None]
    torch.manual_seed(seed)
    network = StatementGcn(vocabulary_size=2, n_metrics=1, width=8, n_layers=1, dropout=0.0)
    losses: list[float] = []

    def collate(rows: np.ndarray) -> GraphBatch:
        index = torch.from_numpy(rows)
        return GraphBatch(
            batch.tokens,
            batch.places,
            batch.sizes,
            batch.statements[index],
            batch.defines[index],
            batch.calls[index],
            batch.padding[index],
        )

    settings = GcnSettings(n_steps=n_steps, batch_size=6, average_decay=decay)
    train(
        network,
        collate,
        list(range(1, 7)),
        targets,
        settings,
        np.random.default_rng(seed),
        lambda step, loss: losses.append(loss) if step == len(losses) + 1 else None,
    )
    return network, losses


def parameters(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_training_learns_to_count() -> None:
    network, losses = trained(0)
    assert len(losses) == 60
    assert losses[-1] < 0.2 * losses[0]
    predicted = network(toy_rows(6))[:, 0]
    assert (predicted.diff() > 0).all()
    assert not network.training


def test_the_same_seed_gives_the_same_weights() -> None:
    assert torch.equal(parameters(trained(3, 5)[0]), parameters(trained(3, 5)[0]))
    assert not torch.equal(parameters(trained(3, 5)[0]), parameters(trained(4, 5)[0]))


def test_the_average_of_weights_is_what_remains() -> None:
    """The path of the weights is the same, so only averaging can make a difference."""
    last, averaged = trained(0, 15, 0.0), trained(0, 15, 0.9)
    assert last[1] == averaged[1]
    assert not torch.allclose(parameters(last[0]), parameters(averaged[0]))


class OneLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.Linear(3, 2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.heads(rows)
        return scores


def test_heads_fitted_on_a_line_give_the_labels() -> None:
    torch.manual_seed(0)
    network, rows = OneLayer(), torch.randn(9, 3)
    scores = network(rows).detach()
    targets = torch.stack([3.0 * scores[:, 0] - 1.0, 0.2 * scores[:, 1] + 4.0], dim=1)
    targets[4, 1] = NAN
    fit_heads(network, scores.double().numpy(), targets)
    fitted = network(rows).detach()
    assert torch.allclose(fitted[:, 0], targets[:, 0], atol=1e-5)
    assert torch.allclose(fitted[:, 1], 0.2 * scores[:, 1] + 4.0, atol=1e-5)


def test_fitted_heads_never_turn_the_order_around() -> None:
    torch.manual_seed(0)
    network, rows = OneLayer(), torch.randn(9, 3)
    scores = network(rows).detach()
    fit_heads(network, scores.double().numpy(), -scores)
    assert torch.equal(network(rows).argsort(dim=0), scores.argsort(dim=0))


def test_constant_scores_become_the_mean_label() -> None:
    torch.manual_seed(0)
    network, rows = OneLayer(), torch.ones(4, 3)
    targets = torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [6.0, 5.0]])
    fit_heads(network, network(rows).detach().double().numpy(), targets)
    assert torch.allclose(network(rows).detach().mean(dim=0), torch.tensor([3.0, 5.0]), atol=1e-5)


def test_without_squared_error_the_loss_is_the_ranking_loss() -> None:
    settings = GcnSettings(squared_error_weight=0.0, ranking_weight=2.0)
    predicted, targets = torch.tensor([[0.1], [0.4]]), torch.tensor([[1.0], [0.0]])
    rank = ranking_loss(predicted[:, 0], targets[:, 0], settings.ranking_temperature)
    assert float(training_loss(predicted, targets, settings)) == pytest.approx(2 * float(rank))


def test_new_heads_are_averages_of_old_ones() -> None:
    network = nn.Module()
    network.heads = nn.Linear(3, 4)
    old, bias = network.heads.weight.detach().clone(), network.heads.bias.detach().clone()
    assert with_heads(network, [[2], [0, 1, 3]]) is network
    renewed = network.heads
    assert isinstance(renewed, nn.Linear)
    assert torch.equal(renewed.weight[0], old[2])
    assert torch.equal(renewed.bias[0], bias[2])
    assert torch.allclose(renewed.weight[1], (old[0] + old[1] + old[3]) / 3)
    assert torch.allclose(renewed.bias[1], (bias[0] + bias[1] + bias[3]) / 3)


def test_rows_with_all_labels_are_shuffled_alike() -> None:
    batches = batches_of_rows(np.ones((10, 2), dtype=bool), 4, np.random.default_rng(0))
    first, second, third = next(batches), next(batches), next(batches)
    assert [len(first), len(second), len(third)] == [4, 4, 4]  # the two that are left are dropped
    assert len({*first, *second}) == 8


def test_a_batch_holds_rows_of_one_metric() -> None:
    known = np.zeros((30, 3), dtype=bool)
    known[np.arange(30), np.arange(30) % 3] = True
    batches = batches_of_rows(known, 4, np.random.default_rng(0))
    epoch = [next(batches) for _ in range(9)]
    assert sorted(np.concatenate(epoch).tolist()) == list(range(30))
    for rows in epoch:
        assert len(rows) in (4, 2)
        assert len(set(rows % 3)) == 1
    order = [int(rows[0] % 3) for rows in epoch]
    assert order != sorted(order)  # metrics take turns


def test_a_row_of_two_metrics_serves_either() -> None:
    known = np.array([[True, True], [True, False], [False, True]])
    batches = batches_of_rows(known, 8, np.random.default_rng(0))
    partners = set()
    for _ in range(40):
        rows = next(batches)
        if 0 in rows:
            partners |= set(rows.tolist())
    assert partners == {0, 1, 2}
