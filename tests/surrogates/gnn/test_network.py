"""All graph networks: what must not change their answer, and what must."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from surrogates.gnn.brp_nas import StatementBrpNas
from surrogates.gnn.flan import StatementFlan
from surrogates.gnn.gat import StatementGat
from surrogates.gnn.gcn import StatementGcn
from surrogates.gnn.gin import StatementGin
from surrogates.gnn.graph_transformer import StatementTransformer
from surrogates.gnn.network import StatementNetwork
from surrogates.gnn.ta_gates import StatementTaGates
from surrogates.inputs.batches import GraphBatch

NETWORKS: list[type[StatementNetwork]] = [
    StatementGcn,
    StatementGat,
    StatementGin,
    StatementTransformer,
    StatementFlan,
    StatementTaGates,
    StatementBrpNas,
]


def matrix(size: int, entries: dict[tuple[int, int], float]) -> Tensor:
    dense = torch.zeros(1, size, size)
    for (row, column), value in entries.items():
        dense[0, row, column] = value
    return dense


# 0 -> 1 -> 2 (twice), 2 calls the body {3, 4}, 4 returns; 3 -> 4
BATCH = GraphBatch(
    tokens=torch.tensor([[1, 2], [3, 0], [4, 5], [6, 7]]),
    places=torch.tensor([[0, 1], [0, 0], [0, 0], [0, 1]]),
    sizes=torch.ones(4, 2),
    statements=torch.tensor([[0, 1, 2, 3, 1]]),
    defines=matrix(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}),
    calls=matrix(5, {(2, 3): 1, (2, 4): 2}),
    padding=torch.zeros(1, 5, dtype=torch.bool),
)

CHANGES: dict[str, dict[str, Tensor]] = {
    "read once, not twice": {"defines": matrix(5, {(1, 0): 1, (2, 1): 1, (4, 3): 1})},
    "reversed": {"defines": BATCH.defines.transpose(1, 2)},
    "another statement returns": {"calls": matrix(5, {(2, 3): 2, (2, 4): 1})},
    "another caller": {"calls": matrix(5, {(1, 3): 1, (1, 4): 2})},
    "another producer": {"defines": matrix(5, {(1, 0): 1, (2, 0): 2, (4, 3): 1})},
    "other statements": {"statements": torch.tensor([[0, 1, 3, 2, 1]])},
}

BLIND: dict[type[StatementNetwork], set[str]] = {
    StatementTransformer: {"read once, not twice", "another statement returns"},
    StatementBrpNas: {"read once, not twice", "reversed", "another statement returns"},
}
"""What a network does not see, as its module says."""


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> StatementNetwork:
    torch.manual_seed(0)
    made: StatementNetwork = request.param(
        vocabulary_size=8, n_metrics=3, width=12, n_layers=3, dropout=0.3
    )
    for name, parameter in made.layers.named_parameters():
        if name.endswith(("update.weight", "epsilon")):
            torch.nn.init.normal_(parameter, std=0.3)  # as if trained: not the identity
    return made.eval()


def padded(batch: GraphBatch, extra: int) -> GraphBatch:
    pad = torch.nn.functional.pad
    return GraphBatch(
        tokens=batch.tokens,
        places=batch.places,
        sizes=batch.sizes,
        statements=pad(batch.statements, (0, extra), value=2),
        defines=pad(batch.defines, (0, extra, 0, extra)),
        calls=pad(batch.calls, (0, extra, 0, extra)),
        padding=pad(batch.padding, (0, extra), value=True),
    )


def test_the_order_of_statements_is_free(network: StatementNetwork) -> None:
    order = torch.tensor([4, 2, 0, 3, 1])
    moved = replace(
        BATCH,
        statements=BATCH.statements[:, order],
        defines=BATCH.defines[:, order][:, :, order],
        calls=BATCH.calls[:, order][:, :, order],
    )
    assert torch.allclose(network(moved), network(BATCH), atol=1e-5)


def test_padding_changes_nothing(network: StatementNetwork) -> None:
    assert torch.allclose(network(padded(BATCH, 4)), network(BATCH), atol=1e-5)


def test_rows_of_a_batch_do_not_mix(network: StatementNetwork) -> None:
    other = replace(BATCH, statements=BATCH.statements.flip(1))
    both = GraphBatch(
        tokens=BATCH.tokens,
        places=BATCH.places,
        sizes=BATCH.sizes,
        statements=torch.cat([BATCH.statements, other.statements]),
        defines=BATCH.defines.expand(2, -1, -1),
        calls=BATCH.calls.expand(2, -1, -1),
        padding=BATCH.padding.expand(2, -1),
    )
    apart = torch.cat([network(BATCH), network(other)])
    assert torch.allclose(network(both), apart, atol=1e-5)
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


@pytest.mark.parametrize("change", CHANGES)
def test_structure_matters_unless_the_network_is_blind_to_it(
    network: StatementNetwork, change: str
) -> None:
    changed = network(replace(BATCH, **CHANGES[change]))
    is_blind = change in BLIND.get(type(network), set())
    assert torch.allclose(changed, network(BATCH), atol=1e-5) == is_blind


def test_every_weight_learns(network: StatementNetwork) -> None:
    for shift in range(4):  # a listener of attention matters where its scores have both signs
        turned = replace(BATCH, statements=(BATCH.statements + shift) % 4)
        network(turned).square().sum().backward()
    silent = [
        name
        for name, weight in network.named_parameters()
        if weight.grad is None or weight.grad.abs().max() < 1e-5
    ]
    assert silent == []


def test_one_number_for_each_metric(network: StatementNetwork) -> None:
    predicted = network(BATCH)
    assert predicted.shape == (1, 3)
    assert len(set(predicted[0].tolist())) == 3
