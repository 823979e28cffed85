"""Folding a flat graph: inlining gives the same graph back, and repeats do become functions."""

import numpy as np
import onnx
import onnx.inliner
import onnx.reference
import pytest
from onnx import numpy_helper

from search_spaces import (
    canonicalize,
    fold_repeats,
    from_text,
    get_space,
    materialize,
    to_text,
)
from search_spaces.graph_builder import GraphBuilder
from search_spaces.onnx_bridge import to_model


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.inliner.inline_local_functions(model)


@pytest.mark.parametrize("name", ["nasbench201", "fbnet"])
def test_inlining_gives_the_same_graph_back(name: str, rng: np.random.Generator) -> None:
    space = get_space(name)
    for _ in range(6):
        flat = inlined(space.to_onnx(space.sample(rng)))
        folded = fold_repeats(flat)
        onnx.checker.check_model(folded, full_check=True)
        assert to_text(inlined(folded)) == to_text(flat)
        assert len(folded.graph.node) < len(flat.graph.node)


@pytest.mark.parametrize(
    "cell",
    [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
        "|nor_conv_1x1~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
    ],
)
def test_a_flat_cell_network_reads_like_our_own_export(cell: str) -> None:
    space = get_space("nasbench201")
    exported = space.to_onnx(space.parse(cell))
    assert to_text(fold_repeats(inlined(exported))) == to_text(exported)


def test_values_of_weights_stay_with_their_statements(rng: np.random.Generator) -> None:
    space = get_space("nasbench201_imagenet16")
    model = materialize(space.to_onnx(space.from_genome((3, 2, 1, 4, 3, 2))), 0, inline=True)
    folded = fold_repeats(model)
    assert folded.functions
    x = rng.standard_normal((1, 3, 16, 16)).astype(np.float32)
    (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    (got,) = onnx.reference.ReferenceEvaluator(folded).run(None, {"x": x})
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    values = {numpy_helper.to_array(t).tobytes() for t in model.graph.initializer}
    assert values == {numpy_helper.to_array(t).tobytes() for t in folded.graph.initializer}


def test_shared_constants_do_not_keep_blocks_apart() -> None:
    builder = GraphBuilder((1, 4, 4, 4))
    value = builder.x
    for _ in range(6):
        value = builder.relu6(builder.conv(value, 4, 1))
    model = to_model(builder.build(value))
    folded = fold_repeats(model)
    assert [node.op_type for node in folded.graph.node] == ["f0"] * 6
    assert to_text(inlined(folded)) == to_text(model)


def test_blocks_with_two_inputs_fold() -> None:
    builder = GraphBuilder((1, 4, 4, 4))
    older, newer = builder.x, builder.relu(builder.x)
    for _ in range(5):
        hidden = builder.add(builder.conv(older, 4, 3), builder.sigmoid(builder.conv(newer, 4)))
        older, newer = newer, hidden
    model = to_model(builder.build(newer))
    folded = fold_repeats(model)
    assert len(folded.graph.node) <= 7
    assert to_text(inlined(folded)) == to_text(model)


@pytest.mark.parametrize("n_blocks", [1, 2])
def test_nothing_is_folded_where_nothing_is_saved(n_blocks: int) -> None:
    builder = GraphBuilder((1, 4, 4, 4))
    value = builder.x
    for _ in range(n_blocks):
        value = builder.relu(builder.conv(value, 4))
    model = to_model(builder.build(value))
    assert not fold_repeats(model).functions
    assert to_text(fold_repeats(model)) == to_text(model)


def test_functions_that_are_there_stay() -> None:
    space = get_space("nasbench201")
    model = space.to_onnx(space.from_genome((3, 2, 1, 4, 3, 2)))
    assert to_text(fold_repeats(model)) == to_text(canonicalize(model))


def test_folding_is_deterministic_and_idempotent(rng: np.random.Generator) -> None:
    space = get_space("fbnet")
    flat = inlined(space.to_onnx(space.sample(rng)))
    text = to_text(fold_repeats(flat))
    assert to_text(fold_repeats(flat)) == text
    assert to_text(fold_repeats(from_text(text))) == text
