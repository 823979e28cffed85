"""One round of each graph network, by hand on small graphs."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from surrogates.gnn.brp_nas import PlainConvolution, StatementBrpNas
from surrogates.gnn.flan import DenseGraphFlow, FlowAttention
from surrogates.gnn.gat import GraphAttention, StatementGat
from surrogates.gnn.gin import IsomorphismLayer
from surrogates.gnn.graph_transformer import BiasedAttention, StatementTransformer
from surrogates.gnn.relations import (
    MAX_DISTANCE,
    N_BUCKETS,
    distance_buckets,
    flow,
    kinds_of_edge,
)
from surrogates.gnn.ta_gates import N_ROUNDS, Sweep
from surrogates.inputs.batches import GraphBatch


def graph(
    size: int, defines: dict[tuple[int, int], float], calls: dict[tuple[int, int], float]
) -> GraphBatch:
    dense = torch.zeros(2, 1, size, size)
    for kind, entries in enumerate((defines, calls)):
        for (row, column), value in entries.items():
            dense[kind, 0, row, column] = value
    return GraphBatch(
        tokens=torch.tensor([[1]]),
        places=torch.tensor([[0]]),
        sizes=torch.ones(1, 1),
        statements=torch.zeros(1, size, dtype=torch.long),
        defines=dense[0],
        calls=dense[1],
        padding=torch.zeros(1, size, dtype=torch.bool),
    )


# 0 -> 1 -> 2 (twice), 2 calls the body {3, 4}, 4 returns; 3 -> 4
CALL = graph(5, {(1, 0): 1, (2, 1): 2, (4, 3): 1}, {(2, 3): 1, (2, 4): 2})
WIDTH = 6


@pytest.fixture
def states() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(1, 5, WIDTH)


def test_kinds_of_edge_are_both_relations_both_ways() -> None:
    producers, consumers, bodies, callers = kinds_of_edge(CALL)[0]
    assert torch.equal(producers, CALL.defines[0])
    assert torch.equal(consumers, CALL.defines[0].T)
    assert torch.equal(bodies, CALL.calls[0])
    assert torch.equal(callers, CALL.calls[0].T)


def test_flow_enters_and_leaves_a_body() -> None:
    expected = torch.zeros(5, 5)
    for heard, said, count in ((1, 0, 1), (2, 1, 2), (4, 3, 1), (3, 2, 1), (4, 2, 1), (2, 4, 1)):
        expected[heard, said] = count
    assert torch.equal(flow(CALL)[0], expected)


def test_buckets_are_distances_up_to_the_last() -> None:
    size = MAX_DISTANCE + 3
    chain = graph(size, {(k + 1, k): 1.0 for k in range(size - 1)}, {})
    buckets = distance_buckets(chain)[0]
    for i in range(size):
        for j in range(size):
            steps = i - j
            expected = 1 if steps == 0 else 0
            if 0 < steps <= MAX_DISTANCE:
                expected = 3 + steps
            elif -MAX_DISTANCE <= steps < 0:
                expected = 3 + MAX_DISTANCE - steps
            assert int(buckets[i, j]) == expected
    assert int(buckets.max()) == N_BUCKETS - 1


def test_the_shortest_way_and_calls_have_their_bucket() -> None:
    skip = graph(3, {(1, 0): 1, (2, 1): 1, (2, 0): 1}, {})
    assert int(distance_buckets(skip)[0, 2, 0]) == 4
    buckets = distance_buckets(CALL)[0]
    assert buckets[2, 3] == buckets[2, 4] == 2
    assert buckets[3, 2] == buckets[4, 2] == 3
    assert buckets[0, 3] == 0


def test_attention_averages_neighbours_and_itself(states: Tensor) -> None:
    torch.manual_seed(0)
    layer = GraphAttention(WIDTH, 0.0)
    torch.nn.init.normal_(layer.update.weight)
    network = StatementGat(vocabulary_size=2, n_metrics=1, width=WIDTH, n_layers=1, dropout=0.0)
    found = layer(states, network.edges(CALL))
    normed = layer.norm(states[0])
    heard = torch.zeros(WIDTH)
    # statement 2 hears its producer 1 twice; no consumer; its body 3 and, twice, 4; no call
    for kind, neighbours in enumerate(([1, 1, 2], [2], [3, 4, 4, 2], [2])):
        values = layer.values(normed)[:, kind * WIDTH : (kind + 1) * WIDTH]
        scores = torch.stack(
            [
                values[2] @ layer.listener[kind] + values[j] @ layer.speaker[kind]
                for j in neighbours
            ]
        )
        shares = torch.softmax(functional.leaky_relu(scores, 0.2), dim=0)
        heard = heard + sum(s * values[j] for s, j in zip(shares, neighbours, strict=True))
    changed = layer.update(functional.gelu(layer.itself(normed[2]) + heard))
    assert torch.allclose(found[0, 2], states[0, 2] + changed, atol=1e-5)


def test_isomorphism_sums_activated_messages(states: Tensor) -> None:
    torch.manual_seed(0)
    layer = IsomorphismLayer(WIDTH, 0.0)
    with torch.no_grad():
        layer.epsilon.fill_(0.3)
    weights = torch.cat([CALL.defines, CALL.defines.transpose(1, 2)] + 2 * [CALL.defines * 0], 2)
    normed = layer.norm(states[0])
    heard = torch.relu(normed[0] + layer.kinds[0]) + 2 * torch.relu(normed[2] + layer.kinds[1])
    expected = states[0, 1] + layer.perceptron(1.3 * normed[1] + heard)
    assert torch.allclose(layer(states, weights)[0, 1], expected, atol=1e-5)


def test_a_bias_decides_where_the_transformer_looks() -> None:
    torch.manual_seed(0)
    layer = BiasedAttention(8, 0.0)
    states = torch.randn(1, 5, 8)
    with torch.no_grad():
        layer.bias.fill_(-50.0)
        layer.bias[4] = 50.0  # only direct producers
    network = StatementTransformer(
        vocabulary_size=2, n_metrics=1, width=8, n_layers=1, dropout=0.0
    )
    found = layer(states, network.edges(CALL))
    value = layer.query_key_value(layer.norm(states[0]))[0, 16:]  # statement 1 sees 0 alone
    middle = states[0, 1] + layer.out(value)
    assert torch.allclose(found[0, 1], middle + layer.perceptron(middle), atol=1e-4)


def test_dense_flow_gates_the_sum_by_the_operation(states: Tensor) -> None:
    torch.manual_seed(0)
    layer = DenseGraphFlow(WIDTH)
    operations = torch.randn(1, 5, WIDTH)
    found = layer(states, operations, flow(CALL))
    heard = layer.message(states[0, 1] * 2 + states[0, 4])
    gate = torch.sigmoid(layer.gate(operations[0, 2]))
    assert torch.allclose(found[0, 2], gate * heard + layer.residual(states[0, 2]), atol=1e-5)


def test_flow_attention_of_a_source_sees_itself_alone(states: Tensor) -> None:
    torch.manual_seed(0)
    layer = FlowAttention(WIDTH)
    operations = torch.randn(1, 5, WIDTH)
    found = layer(states, operations, flow(CALL))
    gate = torch.sigmoid(layer.gate(operations[0, 0]))
    assert torch.allclose(found[0, 0], layer.norm(gate * layer.values(states[0, 0])), atol=1e-5)


def test_a_sweep_reaches_as_far_as_its_rounds() -> None:
    torch.manual_seed(0)
    size = N_ROUNDS + 2
    chain = graph(size, {(k + 1, k): 1.0 for k in range(size - 1)}, {})
    sweep = Sweep(WIDTH)
    operations = torch.randn(1, size, WIDTH)
    other = operations.clone()
    other[0, 0] += 1.0
    change = (sweep(other, flow(chain)) - sweep(operations, flow(chain))).abs().sum(dim=2)[0]
    assert (change[: N_ROUNDS + 1] > 0).all()
    assert change[N_ROUNDS + 1] == 0


def test_a_sweep_is_gated_by_the_operation_that_hears() -> None:
    torch.manual_seed(0)
    sweep = Sweep(WIDTH)
    operations = torch.randn(1, 2, WIDTH)
    found = sweep(operations, flow(graph(2, {(1, 0): 1}, {})))
    start = sweep.start(operations[0])
    heard = functional.gelu(sweep.message(sweep.norm(start[0])))
    gate = torch.sigmoid(sweep.gate(operations[0, 1]))
    assert torch.allclose(found[0, 0], start[0], atol=1e-6)
    assert torch.allclose(found[0, 1], start[1] + gate * heard, atol=1e-5)


def test_plain_convolution_normalises_by_both_degrees(states: Tensor) -> None:
    torch.manual_seed(0)
    layer = PlainConvolution(WIDTH, 0.0)
    network = StatementBrpNas(vocabulary_size=2, n_metrics=1, width=WIDTH, n_layers=1, dropout=0.0)
    found = layer(states, network.edges(CALL))
    # with themselves: 0 has degree 2, 1 has 3, 2 has 4
    mixed = states[0, 0] / 6**0.5 + states[0, 1] / 3 + states[0, 2] / 12**0.5
    assert torch.allclose(found[0, 1], torch.relu(layer.weight(mixed)), atol=1e-5)
