"""Variants of the dataflow encoder: each differs in what it says, and in nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surrogates.inputs.statements import read_statements
from surrogates.rlm.encoders import reader_class
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.dataflow_ablations import (
    RELATIONS,
    Padded,
    _AttendingEncoder,
    _BagEncoder,
    _UnmaskedEncoder,
    _UnsummedEncoder,
)
from surrogates.rlm.settings import N_HEADS, RlmSettings
from tests.surrogates.rlm.encoders.test_dataflow import BATCH, WHOLE, WIDTH, batch_of

SMALL = [[(0, 1)], [], []]
VARIANTS = (
    "dataflow_attending",
    "dataflow_bag",
    "dataflow_ordered",
    "dataflow_unmasked",
    "dataflow_unsummed",
)
CHAIN = """<ir_version: 8, opset_import: ["" : 17]>
main (float[1,4,8,8] x) => (float[1,4,8,8] y) {
   a = Relu (x)
   b = Sigmoid (a)
   y = Tanh (b)
}"""
OTHER = CHAIN.replace("Relu", "Swap").replace("Tanh", "Relu").replace("Swap", "Tanh")
SEEN = {
    "producers": [{0}, {1, 0}, {2, 0}, {3, 1, 2}, {4}, {5, 4}],
    "consumers": [{0, 1, 2}, {1, 3}, {2, 3}, {3}, {4, 5}, {5}],
    "producers_2": [{0}, {1}, {2}, {3, 0}, {4}, {5}],
    "consumers_2": [{0, 3}, {1}, {2}, {3}, {4}, {5}],
    "siblings": [{0}, {1, 2}, {1, 2}, {3}, {4}, {5}],
    "calls": [{0}, {1, 4, 5}, {2}, {3}, {4, 1}, {5, 1}],
    "all": [set(range(6))] * 6,
}


def learned(encoder: type[DataflowEncoder]) -> DataflowEncoder:
    """An encoder whose layers are no longer identities."""
    torch.manual_seed(0)
    network = encoder(WIDTH, 2, 0.0).eval()
    for name, weight in network.named_parameters():
        if ".update." in name:
            torch.nn.init.normal_(weight, std=0.3)
    return network


@pytest.mark.parametrize("head", range(len(RELATIONS)))
def test_each_head_sees_its_relation(head: int) -> None:
    mask = Padded.of(BATCH).bias()[0, head] == 0.0
    seen = [set(torch.nonzero(row)[:, 0].tolist()) for row in mask]
    assert seen == SEEN[RELATIONS[head]]


def test_every_head_has_a_relation() -> None:
    assert len(RELATIONS) == N_HEADS
    assert set(RELATIONS) == set(SEEN)


def test_padding_is_seen_by_nobody_else() -> None:
    padded = Padded(torch.arange(6) < 4, *torch.zeros(2, 1, 6, 6))
    masks = padded._replace(there=padded.there[None]).bias() == 0.0
    others = masks & ~torch.eye(6, dtype=torch.bool)
    assert not others[..., 4:].any()
    assert others[:, -1, 0, 1:4].all()
    assert masks.diagonal(dim1=-2, dim2=-1).all()  # no row is empty, or softmax would be NaN


def test_unmasked_heads_see_all() -> None:
    assert (_UnmaskedEncoder(WIDTH, 1, 0.0).visibility(Padded.of(BATCH)) == 0.0).all()


@pytest.mark.parametrize("encoder", [_AttendingEncoder, _UnmaskedEncoder, _UnsummedEncoder])
def test_heads_of_graphs_in_a_batch_do_not_mix(encoder: type[DataflowEncoder]) -> None:
    states, network = torch.randn(18, WIDTH), learned(encoder)
    both = network(states, batch_of(WHOLE, SMALL, WHOLE))
    for row, edges in enumerate((WHOLE, SMALL, WHOLE)):
        alone = network(states[6 * row : 6 * row + 6], batch_of(edges))
        assert torch.allclose(both[row], alone[0], atol=1e-5)


def test_heads_are_heard() -> None:
    states, network = torch.randn(6, WIDTH), learned(_AttendingEncoder)
    plain = network(states, BATCH)
    for heads in network.heads:
        torch.nn.init.zeros_(heads.query_key_value.weight)
    assert not torch.allclose(network(states, BATCH), plain, atol=1e-3)


@pytest.mark.parametrize(
    ("encoder", "hears_operands", "knows_edges"),
    [
        (DataflowEncoder, True, True),
        (_AttendingEncoder, True, True),
        (_UnsummedEncoder, False, True),
        (_BagEncoder, False, False),
    ],
)
def test_without_sums_nobody_counts_operands(
    encoder: type[DataflowEncoder], *, hears_operands: bool, knows_edges: bool
) -> None:
    states, network = torch.randn(6, WIDTH), learned(encoder)
    plain = network(states, BATCH)
    once = batch_of([sorted(set(WHOLE[0])), *WHOLE[1:]])  # the masks are the same, sums are not
    assert torch.allclose(network(states, once), plain) != hears_operands
    assert torch.allclose(network(states, batch_of([[], [], []])), plain, atol=1e-4) != knows_edges
    plain.square().sum().backward()
    assert all(
        (weight.grad is None) == (name.endswith(".messages.weight") and not hears_operands)
        for name, weight in network.named_parameters()
    )


def test_only_ordered_statements_know_their_place() -> None:
    reader = reader_class("dataflow_ordered").learn([CHAIN, OTHER], RlmSettings(width=16))
    torch.manual_seed(0)
    network = reader.new_network().eval()
    batch = reader.prepare([OTHER, CHAIN]).collate([0, 1])
    n = len(read_statements(CHAIN))
    graphs = batch.graphs
    swapped = graphs.statements.clone()
    swapped[n:] = swapped[n:].flip(0)
    edges = replace(graphs.edges, weights=np.zeros_like(graphs.edges.weights))
    plain, turned = (
        batch._replace(graphs=replace(graphs, statements=statements, edges=edges))
        for statements in (graphs.statements, swapped)
    )
    assert not torch.allclose(network(turned).vectors, network(plain).vectors, atol=1e-4)
    with torch.no_grad():
        network.order.weight.zero_()
    assert torch.allclose(network(turned).vectors, network(plain).vectors, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_restored_from_its_state(name: str) -> None:
    settings = RlmSettings(encoder=name, width=16)
    reader = reader_class(name).learn([CHAIN, OTHER], settings)
    again = reader_class(name).from_json(reader.to_json(), settings)
    network, other = reader.new_network().eval(), again.new_network().eval()
    other.load_state_dict(network.state_dict())
    first, second = (
        n(r.prepare([CHAIN, OTHER]).collate([0, 1])).vectors
        for n, r in ((network, reader), (other, again))
    )
    assert torch.equal(first, second)
