"""Edges against dense relations: the same network says the same, and learns the same."""

import numpy as np
import pytest
import torch

from search_spaces import get_space
from surrogates.rlm.encoders import dataflow_reader
from surrogates.rlm.encoders.dataflow_reader import DataflowReader
from surrogates.rlm.settings import RlmSettings


@pytest.mark.parametrize("space", ["nasbench201", "nasbench101", "nds_darts", "ofa_mbv3"])
def test_edges_agree_with_dense_relations(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, rng = get_space(space), np.random.default_rng(0)
    texts = [exporter.to_text(exporter.sample(rng)) for _ in range(3)]
    reader = DataflowReader.learn(texts, RlmSettings(width=16))
    torch.manual_seed(0)
    network = reader.new_network().eval()
    with torch.no_grad():  # layers start as identities; these have learned something
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    prepared = reader.prepare(texts)
    vectors, gradients = [], []
    for longest in (10_000, 0):
        monkeypatch.setattr(dataflow_reader, "MAX_DENSE_STATEMENTS", longest)
        network.zero_grad()
        found = network(prepared.collate(range(len(texts)))).vectors
        found.square().sum().backward()
        vectors.append(found.detach())
        gradients.append(torch.cat([w.grad.flatten() for w in network.parameters()]))
    assert torch.allclose(vectors[0], vectors[1], atol=1e-4, rtol=1e-5)
    scale = gradients[0].abs().max()
    assert torch.allclose(gradients[0] / scale, gradients[1] / scale, atol=1e-5)


def test_every_edge_of_a_long_text_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataflow_reader, "MAX_DENSE_STATEMENTS", 0)
    space = get_space("nasbench201")
    texts = [space.to_text(space.parse(cell)) for cell in (CHAIN, FORK)]
    reader = DataflowReader.learn(texts, RlmSettings(width=16))
    network = reader.new_network()
    for name, weight in network.named_parameters():
        if "_out." in name:
            torch.nn.init.normal_(weight, std=0.3)
    one, other = network(reader.prepare(texts).collate([0, 1])).vectors
    assert not torch.allclose(one, other, atol=1e-3)


CHAIN = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"
FORK = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"
