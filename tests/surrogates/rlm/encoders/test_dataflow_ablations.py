"""Variants of the dataflow encoder: each lacks what it says, and nothing else."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from surrogates.inputs.statements import read_statements
from surrogates.rlm.encoders import reader_class
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.encoders.dataflow_ablations import (
    PREFERENCE,
    _PreferringEncoder,
    _UnmaskedEncoder,
    _UnsummedEncoder,
)
from surrogates.rlm.settings import RlmSettings
from tests.surrogates.rlm.encoders.test_dataflow import CALLS, DEFINES, NO_PADDING, WIDTH

PADDING = torch.tensor([[False] * 5 + [True]])
VARIANTS = ("dataflow_ordered", "dataflow_preferring", "dataflow_unmasked", "dataflow_unsummed")
CHAIN = """<ir_version: 8, opset_import: ["" : 17]>
main (float[1,4,8,8] x) => (float[1,4,8,8] y) {
   a = Relu (x)
   b = Sigmoid (a)
   y = Tanh (b)
}"""
OTHER = CHAIN.replace("Relu", "Swap").replace("Tanh", "Relu").replace("Swap", "Tanh")


def biases(encoder: DataflowEncoder) -> tuple[Tensor, Tensor]:
    whole = DataflowEncoder(WIDTH, 1, 0.0)
    asked = (DEFINES, CALLS, PADDING)
    return encoder.visibility(*asked), whole.visibility(*asked)


def test_unmasked_heads_see_all_but_padding() -> None:
    bias, _ = biases(_UnmaskedEncoder(WIDTH, 1, 0.0))
    assert (bias[..., :5] == 0.0).all()
    assert (bias[0, :, :5, 5] < -1e6).all()


def test_preferring_heads_see_all_and_prefer_their_relation() -> None:
    bias, masked = biases(_PreferringEncoder(WIDTH, 1, 0.0))
    seen, expected = bias[..., :5], masked[..., :5]
    assert (seen[expected == 0.0] == 0.0).all()
    assert (seen[expected < 0.0] == -PREFERENCE).all()
    assert (bias[0, :, :5, 5] < -1e6).all()


@pytest.mark.parametrize("is_summed", [True, False])
def test_without_sums_nobody_counts_operands(is_summed: bool) -> None:
    torch.manual_seed(0)
    encoder = (DataflowEncoder if is_summed else _UnsummedEncoder)(WIDTH, 2, 0.0)
    for name, weight in encoder.named_parameters():
        if "_out." in name:
            torch.nn.init.normal_(weight, std=0.3)
    states = torch.randn(1, 6, WIDTH)
    once = DEFINES.clamp(max=1.0)  # the masks are the same, the sums are not
    plain = encoder(states, DEFINES, CALLS, NO_PADDING)
    assert torch.allclose(encoder(states, once, CALLS, NO_PADDING), plain) != is_summed
    plain.square().sum().backward()
    assert all(
        (weight.grad is None) == (name.endswith(".messages.weight") and not is_summed)
        for name, weight in encoder.named_parameters()
    )


def test_only_ordered_statements_know_their_place() -> None:
    reader = reader_class("dataflow_ordered").learn([CHAIN, OTHER], RlmSettings(width=16))
    torch.manual_seed(0)
    network = reader.new_network().eval()
    batch = reader.prepare([CHAIN]).collate([0])
    n = len(read_statements(CHAIN))
    graphs = batch.graphs
    turned = replace(
        graphs, statements=graphs.statements.flip(1), defines=graphs.defines.flip(1).flip(2)
    )
    moved = batch._replace(graphs=turned)
    assert graphs.statements.shape == (1, n)
    assert not torch.allclose(network(moved).vectors, network(batch).vectors, atol=1e-4)
    with torch.no_grad():
        network.order.weight.zero_()
    assert torch.allclose(network(moved).vectors, network(batch).vectors, atol=1e-5)


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
