"""Pictures of architectures and of files."""

from pathlib import Path

import pytest

import search_spaces
from nas_rlm.drawing.show import diagram_of_architecture, diagram_of_file, write_svg
from nas_rlm.errors import RunFolderError
from search_spaces.errors import SearchSpaceError

CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


@pytest.mark.parametrize("name", ["net.onnx", "net.txt"])
def test_a_file_looks_like_its_architecture(tmp_path: Path, name: str) -> None:
    space = search_spaces.get_space("nasbench201")
    path = tmp_path / name
    if name.endswith(".onnx"):
        model = search_spaces.materialize(space.to_onnx(space.parse(CELL)), 0)
        path.write_bytes(model.SerializeToString())
    else:
        path.write_text(space.to_text(space.parse(CELL)))
    ours, own = diagram_of_architecture(CELL, "nasbench201"), diagram_of_file(path)
    assert own.panels[0].title == name
    assert own.panels[1:] == ours.panels[1:]
    assert own.panels[0].boxes == ours.panels[0].boxes


def test_a_picture_is_written_or_refused(tmp_path: Path) -> None:
    diagram = diagram_of_architecture(CELL, "nasbench201")
    write_svg(diagram, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")
    with pytest.raises(RunFolderError, match="cannot be written"):
        write_svg(diagram, tmp_path / "none" / "a.svg")


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError):
        diagram_of_architecture("|conv~0|", "nasbench201")
    (tmp_path / "a.onnx").write_bytes(b"no")
    with pytest.raises(SearchSpaceError):
        diagram_of_file(tmp_path / "a.onnx")
