"""Files from anywhere: every refusal is one clear sentence and nothing else is read."""

import itertools
import re
import time
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from search_spaces import (
    ModelFileError,
    SearchSpaceError,
    UnsupportedModelError,
    get_space,
    load_onnx,
    load_text,
    onnx_file,
    to_text,
)
from search_spaces.model_checks import MAX_CALL_DEPTH, MAX_NODES

HEAD = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'
FUNCTION = '<domain: "nas", opset_import: ["" : 17, "nas" : 1]>\n'
GOOD = HEAD + "g (float[1,4] x) => (float[1,4] y) { y = Relu(x) }"


def saved(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SearchSpaceError) as caught:
        load_onnx(path)
    message = str(caught.value)
    with pytest.raises(type(caught.value), match=re.escape(message)):
        load_text(path)
    assert "\n" not in message
    assert len(message) < 600
    return message


def chain(n_nodes: int) -> onnx.ModelProto:
    names = ["x", *[f"v{i}" for i in range(n_nodes)]]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    result = helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, [1, 4])
    return helper.make_model(
        helper.make_graph(nodes, "g", [image], [result]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


@pytest.mark.parametrize("name", ["nasbench201", "fbnet"])
def test_binary_and_text_give_the_same_text(
    tmp_path: Path, name: str, rng: np.random.Generator
) -> None:
    space = get_space(name)
    architecture = space.sample(rng)
    text = space.to_text(architecture)
    binary = saved(tmp_path, space.to_onnx(architecture))
    textual = tmp_path / "model.txt"
    textual.write_text(text)
    assert to_text(load_onnx(binary)) == to_text(load_onnx(textual)) == text
    assert load_text(binary) == load_text(textual) == text


def test_initializers_become_typed_inputs_and_small_constants_stay(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        HEAD + "g (float[1,3,4,4] image) => (float[1,64] out) {"
        "c = Conv(image, weight, bias)\n d = Clip(c, lo)\n out = Reshape(d, target) }"
    )
    secret = np.full((4, 3, 1, 1), 0.123456, np.float32)
    for name, array in {
        "weight": secret,
        "bias": np.zeros(4, np.float32),
        "lo": np.array(0.5, np.float32),
        "target": np.array([1, -1]),
    }.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    model.producer_name = "secret"
    model.doc_string = "secret"
    helper.set_model_props(model, {"accuracy": "94.37"})
    text = to_text(load_onnx(saved(tmp_path, model)))
    assert "float[4,3,1,1] w0, float[4] w1" in text
    assert "int64[2] {1,-1}" in text
    assert "float {0.5}" in text
    for leak in ("secret", "0.123456", "94.37", "image", "target"):
        assert leak not in text


def test_unsorted_nodes_are_sorted(tmp_path: Path) -> None:
    model = chain(3)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    assert "Relu (v1)" in to_text(model)
    assert "topological" in refusal(saved(tmp_path, model))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must not be empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "neither"),
        (b"hello world", "neither"),
        (b"\x08", "truncated"),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "truncated or damaged"),
        (GOOD[: len(GOOD) - 10].encode(), "neither"),
        ((HEAD + "g (float[1,4] x) => (float[1,4] y) {}").encode(), "y"),
        (b"(" * 100_000, "nest brackets"),
        (b"<" + b"=> (" * 100_000, "nest brackets"),
    ],
)
def test_what_is_not_onnx_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert message in refusal(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    space = get_space("nasbench201")
    whole = space.to_onnx(space.from_genome((3, 2, 1, 4, 3, 2))).SerializeToString()
    path = tmp_path / "model.onnx"
    for n_bytes in (1, 2, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        assert refusal(path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert "regular file" in refusal(tmp_path / "absent.onnx")
    assert "regular file" in refusal(tmp_path)


def test_too_large_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FILE_BYTES", 10)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08" * 11)
    with pytest.raises(ModelFileError, match="at most 10 bytes, but has 11"):
        load_onnx(path)


def test_too_many_nodes_are_refused_quickly(tmp_path: Path) -> None:
    path = saved(tmp_path, chain(100_000))
    start = time.perf_counter()
    message = refusal(path)
    assert time.perf_counter() - start < 5
    assert f"at most {MAX_NODES} nodes, but has 100000" in message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("a = Relu(b)\n b = Relu(a)\n y = Add(a, x)", "no cycle"),
        ("y = Relu(nothing)", "'nothing' in the main graph is not"),
        ("y = Relu(x)\n y = Sigmoid(x)", "defined once"),
        ("y = FancyOp(x)", "standard ONNX"),
        ("y = com.vendor.Op(x)", "com.vendor.Op"),
        ("y = Relu(x, x, x)", "valid ONNX"),
        (
            "c = Constant<value = bool {1}>()\n y = If(c) <then_branch = t () => (float[1,4] a) "
            "{a = Relu(x)}, else_branch = e () => (float[1,4] b) {b = Tanh(x)}>",
            "control flow",
        ),
    ],
)
def test_broken_graphs_are_refused(tmp_path: Path, body: str, message: str) -> None:
    path = tmp_path / "model.txt"
    path.write_text(HEAD + "g (float[1,4] x) => (float[1,4] y) {" + body + "}")
    assert message in refusal(path)


@pytest.mark.parametrize("kind", ["float[N,4]", "float[1,?]", "float[]", "float"])
def test_dynamic_shapes_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.txt"
    path.write_text(HEAD + f"g ({kind} x) => (float[1,4] y) {{ y = Relu(x) }}")
    message = refusal(path)
    assert "static shapes" in message or "valid ONNX" in message


def test_several_images_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    path.write_text(HEAD + "g (float[1,4] a, float[1,4] b) => (float[1,4] y) { y = Add(a, b) }")
    assert "one image input, but has 2 ('a', 'b')" in refusal(path)


def test_external_data_is_refused_and_never_read(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(HEAD + "g (float[1,4] x) => (float[1,4] y) { y = Add(x, w) }")
    tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    assert "external data" in refusal(saved(tmp_path, model))


def test_recursive_functions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    path.write_text(
        HEAD
        + "g (float[1,4] x) => (float[1,4] y) { y = nas.a(x) }\n"
        + FUNCTION
        + "a (x) => (y) { y = nas.b(x) }\n"
        + FUNCTION
        + "b (x) => (y) { y = nas.a(x) }"
    )
    assert "part of a recursion" in refusal(path)


def nested_functions(depth: int, width: int) -> str:
    text = HEAD + "g (float[1,4] x) => (float[1,4] y) { y = nas.f0(x) }\n"
    for level in range(depth):
        lines = [f"v{i + 1} = nas.f{level + 1}(v{i})" for i in range(width)]
        text += FUNCTION + f"f{level} (v0) => (v{width}) {{" + "\n".join(lines) + "}\n"
    return text + FUNCTION + f"f{depth} (x) => (y) {{ y = Relu(x) }}"


@pytest.mark.parametrize(
    ("depth", "width", "message"),
    [(20, 10, "with its functions expanded"), (MAX_CALL_DEPTH + 5, 1, "nested at most")],
)
def test_function_bombs_are_refused(tmp_path: Path, depth: int, width: int, message: str) -> None:
    path = tmp_path / "model.txt"
    path.write_text(nested_functions(depth, width))
    assert message in refusal(path)


def test_moderate_nesting_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    path.write_text(nested_functions(3, 2))
    assert to_text(load_onnx(path)).count("nas.f") == 7


def test_large_constants_in_functions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    path.write_text(
        HEAD
        + "g (float[1,4] x) => (float[1,4] y) { y = nas.a(x) }\n"
        + FUNCTION
        + "a (x) => (y) { c = Constant<value = float[4] {1,2,3,4}>()\n y = Add(x, c) }"
    )
    assert "must take weights as inputs" in refusal(path)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("y = Relu<a=99999999999999999999>(x)", "a whole number does not fit 64 bits"),
        ("y = Relu<a=1e999999>(x)", "Failed to parse float from string: 1e999999"),
        (
            "c = Constant<value = int64[3] {1}>()\n y = Reshape(x, c)",
            r"as many values as their shape says, but those of '' of shape \[3\] cannot be read",
        ),
        (
            "y = Softmax<axis=1, axis=[1]>(x)",
            "Attribute 'axis' appeared multiple times",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, node: str, message: str) -> None:
    head = '<ir_version: 8, opset_import: ["" : 17]>\n'
    path = tmp_path / "net.txt"
    path.write_text(f"{head}main (float[1,4] x) => (float[1,4] y) {{\n {node}\n}}\n")
    assert re.search(message, refusal(path))


def test_error_classes_are_distinct() -> None:
    assert not issubclass(ModelFileError, UnsupportedModelError)
    assert issubclass(ModelFileError, ValueError)
