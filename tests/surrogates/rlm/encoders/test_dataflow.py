"""The dataflow encoder: masks by hand, and what must not change its answer."""

import pytest
import torch
from torch import Tensor

from surrogates.rlm.encoders.dataflow import RELATIONS, DataflowEncoder, relation_bias
from surrogates.rlm.settings import N_HEADS

WIDTH = 16


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def dense(size: int, entries: dict[tuple[int, int], float]) -> Tensor:
    matrix = torch.zeros(1, size, size)
    for (row, column), value in entries.items():
        matrix[0, row, column] = value
    return matrix


# 0 -> 1 -> 3 and 0 -> 2 -> 3; 1 calls the body {4, 5}, 5 returns; 4 -> 5
DEFINES = dense(6, {(1, 0): 1, (2, 0): 1, (3, 1): 1, (3, 2): 2, (5, 4): 1})
CALLS = dense(6, {(1, 4): 1, (1, 5): 2})
NO_PADDING = torch.zeros(1, 6, dtype=torch.bool)

SEEN = {
    "producers": [{0}, {1, 0}, {2, 0}, {3, 1, 2}, {4}, {5, 4}],
    "consumers": [{0, 1, 2}, {1, 3}, {2, 3}, {3}, {4, 5}, {5}],
    "producers_2": [{0}, {1}, {2}, {3, 0}, {4}, {5}],
    "consumers_2": [{0, 3}, {1}, {2}, {3}, {4}, {5}],
    "siblings": [{0}, {1, 2}, {1, 2}, {3}, {4}, {5}],
    "calls": [{0}, {1, 4, 5}, {2}, {3}, {4, 1}, {5, 1}],
    "all": [set(range(6))] * 6,
}


def encoder() -> DataflowEncoder:
    network = DataflowEncoder(width=WIDTH, n_layers=2, dropout=0.3).eval()
    for name, weight in network.named_parameters():
        if "_out." in name:  # layers start as identities; these have learned something
            torch.nn.init.normal_(weight, std=0.3)
    return network


def test_a_layer_starts_as_the_identity() -> None:
    states = torch.randn(1, 6, WIDTH)
    fresh = DataflowEncoder(width=WIDTH, n_layers=2, dropout=0.0)
    none = dense(6, {})
    assert torch.equal(
        fresh(states, DEFINES, CALLS, NO_PADDING), fresh(states, none, none, NO_PADDING)
    )


@pytest.mark.parametrize("head", range(len(RELATIONS)))
def test_each_head_sees_its_relation(head: int) -> None:
    mask = relation_bias(DEFINES, CALLS, NO_PADDING)[0, head] == 0.0
    seen = [set(torch.nonzero(row)[:, 0].tolist()) for row in mask]
    assert seen == SEEN[RELATIONS[head]]


def test_every_head_has_a_relation() -> None:
    assert len(RELATIONS) == N_HEADS


def test_every_relation_is_tested() -> None:
    assert set(RELATIONS) == set(SEEN)


def test_padding_is_seen_by_nobody_else() -> None:
    padding = torch.tensor([[False] * 4 + [True] * 2])
    masks = relation_bias(DEFINES, CALLS, padding) == 0.0
    others = masks & ~torch.eye(6, dtype=torch.bool)
    assert not others[..., 4:].any()
    assert masks.diagonal(dim1=-2, dim2=-1).all()  # no row is empty, or softmax would be NaN


def test_the_order_of_statements_does_not_matter() -> None:
    states = torch.randn(1, 6, WIDTH)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    network = encoder()
    plain = network(states, DEFINES, CALLS, NO_PADDING)
    moved = network(
        states[:, order],
        DEFINES[:, order][:, :, order],
        CALLS[:, order][:, :, order],
        NO_PADDING,
    )
    assert plain.shape == (1, 1, WIDTH)
    assert torch.allclose(moved, plain, atol=1e-5)


def test_padding_changes_nothing() -> None:
    states = torch.randn(1, 6, WIDTH)
    network = encoder()
    plain = network(states, DEFINES, CALLS, NO_PADDING)
    pad = torch.nn.functional.pad
    padded = network(
        torch.cat([states, 100.0 * torch.randn(1, 3, WIDTH)], dim=1),
        pad(DEFINES, (0, 3, 0, 3)),
        pad(CALLS, (0, 3, 0, 3)),
        pad(NO_PADDING, (0, 3), value=True),
    )
    assert torch.allclose(padded, plain, atol=1e-5)


def test_rows_of_a_batch_do_not_mix() -> None:
    states = torch.randn(2, 6, WIDTH)
    network = encoder()
    twice = [matrix.expand(2, -1, -1) for matrix in (DEFINES, CALLS)]
    both = network(states, *twice, NO_PADDING.expand(2, -1))
    for row in range(2):
        alone = network(states[row : row + 1], DEFINES, CALLS, NO_PADDING)
        assert torch.allclose(both[row : row + 1], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("defines", "calls"),
    [
        (dense(6, {(2, 0): 1, (1, 0): 1, (3, 1): 1, (3, 2): 1, (5, 4): 1}), CALLS),  # once less
        (DEFINES.transpose(1, 2), CALLS),  # reversed
        (DEFINES, dense(6, {})),
    ],
)
def test_every_edge_matters(defines: Tensor, calls: Tensor) -> None:
    states = torch.randn(1, 6, WIDTH)
    network = encoder()
    plain = network(states, DEFINES, CALLS, NO_PADDING)
    assert not torch.allclose(network(states, defines, calls, NO_PADDING), plain, atol=1e-3)


def test_every_weight_learns() -> None:
    network = encoder()
    network(torch.randn(1, 6, WIDTH), DEFINES, CALLS, NO_PADDING).square().sum().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
