"""Network files of any origin."""

from pathlib import Path

import onnx
import pytest

import search_spaces
from nas_rlm.network_files import read_runnable, text_of

STRING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


@pytest.fixture
def text() -> str:
    space = search_spaces.get_space("nasbench201")
    return space.to_text(space.parse(STRING))


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
