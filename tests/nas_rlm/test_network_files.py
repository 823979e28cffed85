"""Network files of any origin."""

from pathlib import Path

import onnx
import pytest

import search_spaces
from nas_rlm.network_files import read_runnable, read_text, text_of
from search_spaces.errors import SearchSpaceError

STRING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


@pytest.fixture
def text() -> str:
    space = search_spaces.get_space("nasbench201")
    return space.to_text(space.parse(STRING))


def test_text_and_binary_files_read_alike(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.txt").write_text(text, encoding="utf-8")
    onnx.save(search_spaces.from_text(text), tmp_path / "net.onnx")
    assert read_text(tmp_path / "net.txt") == text
    assert read_text(tmp_path / "net.onnx") == text


def test_text_from_elsewhere_is_made_canonical(text: str) -> None:
    assert text_of(text.replace("w0", "first_weight")) == text


def test_missing_weights_are_drawn_and_repeat_with_the_seed(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.txt").write_text(text, encoding="utf-8")
    model = read_runnable(tmp_path / "net.txt", seed=1)
    again = read_runnable(tmp_path / "net.txt", seed=1)
    other = read_runnable(tmp_path / "net.txt", seed=2)
    assert [item.name for item in model.graph.input] == ["x"]
    assert model.SerializeToString() == again.SerializeToString()
    assert model.SerializeToString() != other.SerializeToString()


def test_stored_weights_are_kept(tmp_path: Path, text: str) -> None:
    stored = search_spaces.materialize(search_spaces.from_text(text), 7)
    onnx.save(stored, tmp_path / "net.onnx")
    model = read_runnable(tmp_path / "net.onnx", seed=1)
    assert [bytes(item.raw_data) for item in model.graph.initializer] == [
        bytes(item.raw_data) for item in stored.graph.initializer
    ]


@pytest.mark.parametrize("name", ["net.onnx", "net.txt"])
@pytest.mark.parametrize("content", [b"", b"this is not a network", b"\x08\x08\xff\xff\xff"])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SearchSpaceError, match=name):
        read_text(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError, match=r"gone\.onnx"):
        read_text(tmp_path / "gone.onnx")


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
    text = f"{head}main (float[1,4] x) => (float[1,4] y) {{\n {node}\n}}\n"
    (tmp_path / "net.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SearchSpaceError, match=message) as caught:
        read_text(tmp_path / "net.txt")
    assert "\n" not in str(caught.value)
