"""The builder's own shapes against ONNX's shape inference, and how functions come about."""

import onnx
import onnx.shape_inference
import pytest

from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.onnx_bridge import to_model


def every_operator(body: Body, x: Value) -> list[Value]:
    pooled = body.avg_pool(x, 3, stride=2, count_padding=True)
    gate = body.hard_sigmoid(body.conv(body.global_avg_pool(x), 8, 1))
    return [
        body.conv(x, 16, 3, stride=2),
        body.conv(x, 16, (1, 7), dilation=2, bias=False),
        body.conv(x, 16, 5, padding=0, groups=2),
        body.depthwise(x, 5, stride=2),
        body.batch_norm(x),
        body.max_pool(x, 2, stride=2, padding=0),
        body.avg_pool(x, 3),
        pooled,
        body.relu6(x),
        body.hard_swish(body.sigmoid(x)),
        body.mul(x, gate),
        body.add(x, body.relu(x)),
        body.add(x, body.relu(x), body.hard_sigmoid(x)),
        body.concat(x, x, x),
        body.zero(x),
        body.channel_shuffle(x, 4),
        body.gemm(body.flatten(x), 7),
    ]


def test_shapes_are_those_that_onnx_infers() -> None:
    builder = GraphBuilder((1, 8, 13, 12))
    values = every_operator(builder, builder.x)
    model = to_model(builder.build(*values))
    onnx.checker.check_model(model, full_check=True)
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output
    shapes = [tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in inferred]
    assert shapes == [value.shape for value in values]


def block(body: Body, x: Value, channels: int) -> Value:
    return body.relu(body.conv(x, channels, 3))


def pair_block(body: Body, x: Value, y: Value) -> tuple[Value, Value]:
    return body.add(x, y), body.relu(body.conv(y, 4))


def nested_block(body: Body, x: Value) -> Value:
    value: Value = body.call(block, x, channels=4)
    return body.add(body.call(block, value, channels=4), x)


def test_equal_statements_share_a_function_whatever_their_channels() -> None:
    builder = GraphBuilder((1, 3, 8, 8))
    value = builder.x
    for channels in (4, 4, 16):
        value = builder.call(block, value, channels=channels)
    graph = builder.build(value)
    assert len(graph.functions) == 1
    assert [kind.shape for _, kind in graph.inputs[1:]] == [
        (4, 3, 3, 3), (4,), (4, 4, 3, 3), (4,), (16, 4, 3, 3), (16,),
    ]  # fmt: skip


def test_several_results_and_nested_calls() -> None:
    builder = GraphBuilder((1, 4, 8, 8))
    first, second = builder.call(pair_block, builder.x, builder.relu(builder.x))
    graph: Graph = builder.build(builder.add(first, builder.call(nested_block, second)))
    assert len(graph.functions) == 3
    onnx.checker.check_model(to_model(graph), full_check=True)


def test_one_operand_needs_no_statement() -> None:
    builder = GraphBuilder((1, 4, 8, 8))
    assert builder.add(builder.x) is builder.x
    assert builder.concat(builder.x) is builder.x
    assert builder.nodes == []


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_weight_of_a_grouped_convolution(groups: int) -> None:
    builder = GraphBuilder((1, 8, 4, 4))
    builder.conv(builder.x, 16, 3, groups=groups)
    assert builder.weights[0].shape == (16, 8 // groups, 3, 3)
