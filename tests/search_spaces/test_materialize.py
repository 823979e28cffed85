import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from search_spaces import canonicalize, from_text, get_space, materialize, to_text


def model() -> onnx.ModelProto:
    space = get_space("nasbench201")
    return space.to_onnx(space.from_genome((3, 2, 1, 4, 3, 2)))


def arrays(result: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in result.graph.initializer}


def test_same_seed_same_values_and_another_seed_other_values() -> None:
    first, same, other = (arrays(materialize(model(), seed)) for seed in (5, 5, 6))
    assert first.keys() == same.keys() == other.keys()
    assert all((first[name] == same[name]).all() for name in first)
    assert all((first[name] != other[name]).any() for name in first)


def test_all_values_are_distinct() -> None:
    """Equal constants would let a runtime merge branches."""
    weights = list(arrays(materialize(model(), 0)).values())
    tensors = {array.tobytes() for array in weights}
    assert len(tensors) == len(weights)


def test_only_the_image_is_left_as_input_and_the_text_is_the_same() -> None:
    result = materialize(model(), 0)
    assert [value.name for value in result.graph.input] == ["x"]
    onnx.checker.check_model(result, full_check=True)
    assert to_text(result) == to_text(model())


def test_variances_are_positive_and_index_weights_zero() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,4,2,2] x, float[4] s, float[4] t, float[4] m, float[4] v, int64[99] i)
     => (float[1,4,2,2] y, float[99,4,2,2] z)
     { y = BatchNormalization(x, s, t, m, v)\n z = Gather(x, i) }"""
    result = materialize(from_text(text), 0)
    values = arrays(result)
    statements = {node.op_type: list(node.input)[1:] for node in result.graph.node}
    scale, _, _, variance = (values[name] for name in statements["BatchNormalization"])
    assert (scale > 0.9).all()
    assert (variance > 0.9).all()
    assert not values[statements["Gather"][0]].any()


def test_known_values_are_kept() -> None:
    known = materialize(model(), 1)
    again = arrays(materialize(known, 2))
    assert all((again[name] == value).all() for name, value in arrays(canonicalize(known)).items())


@pytest.mark.parametrize("name", ["nasbench201", "fbnet"])
def test_inlining_removes_functions_only(name: str, rng: np.random.Generator) -> None:
    space = get_space(name)
    exported = space.to_onnx(space.sample(rng))
    flat, nested = (materialize(exported, 0, inline=inline) for inline in (True, False))
    assert not flat.functions
    assert nested.functions
    assert arrays(flat).keys() == arrays(nested).keys()
